import { createInterface } from 'node:readline/promises'
import { Command } from 'commander'
import type { ContactId, Ledger, Outstanding } from '../ledger/ledger.ts'
import { deliverRun } from '../process/deliver-run.ts'
import { BRAZE_SETTINGS } from '../process/delivery.ts'
import { CHANNEL, settingsFor, settingsHelp } from '../process/environment.ts'
import type { Host } from '../process/host.ts'
import { Interrupted } from '../process/interruption.ts'
import { UsageError } from '../process/run.ts'
import { lockRuns, openTaskLedger, runTask, startDelivery, type Task } from '../process/task.ts'
import { createBars } from '../terminal/bars.ts'
import { many, number } from '../terminal/numbers.ts'

interface ResyncOptions {
  readonly all?: boolean
  readonly yes?: boolean
  readonly json?: boolean
}

const SETTINGS = [...BRAZE_SETTINGS, 'DATABASE_URL', 'LOG_LEVEL'] as const

export function resyncCommand(host: Host): Command {
  return new Command('resync')
    .description('tells Braze again of everybody who can be reached, for a workspace that lost the attribute')
    .option('--all', 'also clears the attribute again of everybody who cannot be reached')
    .option('--yes', 'does not ask whether that many objects may be written')
    .option('--json', 'print the result as one JSON object')
    .addHelpText('after', settingsHelp(SETTINGS))
    .action((options) => resync(options, host))
}

interface Progress {
  wanted: number
  resent: number
  outstanding: Outstanding | null
}

async function resync(options: ResyncOptions, host: Host) {
  const startedAt = performance.now()
  const progress: Progress = { wanted: 0, resent: 0, outstanding: null }
  await runTask(
    host,
    (task) => perform(options, task, progress),
    (end) => {
      const { resent, outstanding } = progress
      const { pending, failed } = outstanding ?? { pending: resent, failed: 0 }
      const delivered = Math.max(0, resent - pending - failed)
      const seconds = Math.round((performance.now() - startedAt) / 100) / 10
      const status = end === 'done' ? 'complete' : end
      if (options.json)
        host.stdout.write(`${JSON.stringify({ status, resent, delivered, failed, seconds })}\n`)
      else if (end === 'done') host.stdout.write(`Braze was told again of ${many(delivered, 'contact')}.\n`)
      if (end === 'interrupted') {
        const made = `${number(resent)} of ${many(progress.wanted, 'contact')} were made due, and ${number(pending)} of them wait for Braze`
        host.stderr.write(
          resent === 0
            ? 'Interrupted; nothing was changed.\n'
            : `Interrupted: ${made}. They go there with the server, or with resync again.\n`,
        )
      }
    },
  )
}

async function perform({ all = false, yes }: ResyncOptions, task: Task, progress: Progress) {
  const settings = settingsFor(task.host, SETTINGS)
  const { display, signal } = task
  const log = task.log(settings.LOG_LEVEL)
  const ledger = await openTaskLedger(task, settings.DATABASE_URL, { mustExist: true })
  for await (const ids of toResend(ledger, all)) {
    progress.wanted += ids.length
    signal.throwIfAborted()
  }
  if (!yes) await confirm(progress.wanted, task)
  // Not before: somebody may be thinking for long.
  await lockRuns(ledger)

  const deliverer = startDelivery(settings, { task, ledger, log })
  const run = await ledger.beginRun('resync', CHANNEL)
  display.show(createBars(() => barsOf(progress)))
  for await (const ids of toResend(ledger, all)) {
    progress.resent += await ledger.resend(run.id, ids)
    signal.throwIfAborted()
  }
  await ledger.endRun(run.id, 'complete')
  const onLook = (outstanding: Outstanding) => {
    progress.outstanding = outstanding
  }
  await deliverRun({ ledger, run: run.id, deliverer, onLook, note: display.say, signal })
}

/** The ids of those whom Braze is to be told of again; what Braze rejected is tried again, too. */
async function* toResend(ledger: Ledger, all: boolean): AsyncGenerator<ContactId[]> {
  for await (const page of ledger.contacts(CHANNEL))
    yield page.filter(({ reachable, failed }) => all || reachable || failed).map(({ id }) => id)
}

/** @throws UsageError where nobody can be asked; Error where the answer is no */
async function confirm(count: number, { host, signal, interruption }: Task) {
  const cost = `This writes up to ${many(count, 'object')} to Braze.`
  if (!host.stdin.isTTY) throw new UsageError(`${cost} Add --yes: there is no terminal to ask at.`)
  const terminal = createInterface({ input: host.stdin, output: host.stderr })
  // At a terminal it is readline that hears Ctrl-C.
  terminal.on('SIGINT', () => interruption.abort(new Interrupted('interrupted')))
  try {
    const answer = await terminal.question(`${cost} Go on? [y/N] `, { signal }).catch(() => '')
    signal.throwIfAborted()
    if (!/^y(es)?$/i.test(answer.trim())) throw new Error('Nothing was changed.')
  } finally {
    terminal.close()
  }
}

function barsOf({ wanted, resent, outstanding }: Progress) {
  const open = outstanding ? outstanding.pending + outstanding.failed : resent
  return [
    { name: 'due', value: resent, total: wanted },
    { name: 'delivered', value: Math.max(0, resent - open), total: resent },
  ]
}
