import type { Deliverer } from '../delivery/deliverer.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { ForgottenPerson } from '../terminal/forget-result.ts'
import { sleep as sleepFor } from '../wire/time.ts'
import type { Task } from './task.ts'

const POLL_MS = 100
/** When nothing has moved for so long, it is worth a sentence. */
const SLOW_MS = 60_000

export interface UntilForgottenOptions {
  readonly ledger: Pick<Ledger, 'forgettings'>
  readonly deliverer: Pick<Deliverer, 'delivery'>
  /** Kept up to date. */
  readonly people: readonly ForgottenPerson[]
  readonly task: Pick<Task, 'host' | 'signal' | 'display'>
  /** Milliseconds that nobody sets. */
  readonly monotonic?: () => number
}

/**
 * Waits until these people are erased, or are back, by this process or the server that delivers, and says what is waited for.
 *
 * @throws Error where a person has to mend something first; it is gone on with all the same
 */
export async function untilForgotten(options: UntilForgottenOptions) {
  const { ledger, deliverer, people, task, monotonic = () => performance.now() } = options
  const { sleep = sleepFor } = task.host
  let [said, movedAt, isTold] = ['', monotonic(), false]
  for (;;) {
    for (const person of people) await look(ledger, person)
    const open = people.filter(({ last, isBack }) => last.state !== 'done' && !isBack)
    if (open.length === 0) return
    refuseTrouble(open, deliverer)
    const { state, reason } = deliverer.delivery()
    const waits = state === 'waiting' ? `Waiting: ${reason}.` : waitsFor(open)
    if (waits !== said) {
      task.display.say(waits)
      ;[said, movedAt, isTold] = [waits, monotonic(), false]
    }
    if (monotonic() - movedAt > SLOW_MS && !isTold && deliverer.delivery().state === 'standby') {
      isTold = true
      task.display.say('The server that delivers has not got on for a minute; its /health says why.')
    }
    await sleep(POLL_MS, task.signal)
  }
}

async function look(ledger: Pick<Ledger, 'forgettings'>, person: ForgottenPerson) {
  if (person.last.state === 'done' || person.isBack) return
  const { channel, userId } = person.key
  const [now] = await ledger.forgettings(channel, { userId })
  if (now) person.last = now
  else person.isBack = true
}

function refuseTrouble(open: readonly ForgottenPerson[], deliverer: Pick<Deliverer, 'delivery'>) {
  for (const { last } of open) {
    if (last.problem !== null) throw new Error(`${last.problem}; ${GOES_ON}, or without --delete-profile.`)
    if (last.failure !== null)
      throw new Error(
        `Braze rejects that the attribute is cleared: ${last.failure}; ${GOES_ON}, which tries it anew.`,
      )
  }
  const { state, reason } = deliverer.delivery()
  if (state === 'paused') throw new Error(`${reason}; ${GOES_ON}, or with a server.`)
}

const GOES_ON = 'nothing is erased yet. Once that is mended, it goes on with the same command'

function waitsFor(open: readonly ForgottenPerson[]): string {
  const states = new Set(open.map(({ last }) => last.state))
  if (states.has('clearing')) return 'Braze is told that it holds nothing of them any more …'
  if (states.has('deleting')) return 'Braze was asked to delete the profile, and may take minutes for it …'
  return 'What is left of them here is being wiped …'
}
