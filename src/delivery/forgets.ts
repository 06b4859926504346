import { idOf } from '../braze/attributes.ts'
import type { Profiles } from '../braze/export.ts'
import { readDelete } from '../braze/identity.ts'
import {
  type DueForgetting,
  type Ledger,
  LONGEST_WAIT_MS,
  type ProfileEnd,
  type ProfileId,
} from '../ledger/ledger.ts'
import { type AskerOptions, createAsker } from './asker.ts'
import type { Holds } from './holds.ts'
import type { LookUp } from './look-up.ts'
import { createLoop, type LoopOptions } from './loop.ts'

/**
 * So many settle pauses between a deletion and a look at what came of it: 5 minutes by default, which Braze may take.
 * Source: braze.com/docs/api/endpoints/user_data/post_user_delete
 */
const LOOK_AFTER_PAUSES = 60
/** Where a person has to mend something first. */
const STUCK_MS = 60_000
const AGAIN_MS = 1_000
/** How often it is looked whose time is over. */
const END_MS = 60_000

export interface ForgetsOptions
  extends Omit<AskerOptions, 'name' | 'without'>,
    Omit<LoopOptions, 'name' | 'step' | 'ledger'> {
  readonly ledger: Pick<
    Ledger,
    | 'toForget'
    | 'keepForgetting'
    | 'erase'
    | 'endForgettings'
    | 'contacts'
    | 'beginRun'
    | 'resend'
    | 'endRun'
    | 'onRecorded'
  >
  readonly lookUp: LookUp
  readonly holds: Pick<Holds, 'occupy' | 'vacate'>
  readonly settleMs: number
  /** Whether this process is the one that talks to Braze, and what others have sent has settled. */
  readonly mayAsk: () => boolean
}

/** An alias profile of another account's contact. */
interface Elsewhere {
  readonly channel: string
  readonly id: ProfileId
}

/** What becomes of the alias profile; `wait`: that is not known yet. */
type Verdict = ProfileEnd | 'delete' | 'wait'

/**
 * Erases those whom Braze has cleared. Where it is wanted their alias profile is deleted there before, if it is one that
 * belongs to nobody whom the brand knows, and nobody else writes to it: that is looked up right before, and what came of it
 * afterwards. The ledger is told before Braze is asked, so that a process that ends in between leaves no doubt.
 */
export function createForgets(options: ForgetsOptions) {
  const { braze, ledger, lookUp, holds, settleMs, mayAsk, log, monotonic } = options
  const deleter = createAsker({
    ...options,
    name: 'deleting profiles',
    without: 'whoever is to be forgotten with their profile waits',
  })
  let endAt = Number.NEGATIVE_INFINITY
  /** After which deletion, by receipt: erasing may have to be tried again. */
  const toldOthers = new Map<string, number>()

  async function step(): Promise<number> {
    if (!mayAsk()) return Number.POSITIVE_INFINITY
    if (monotonic() >= endAt) {
      await ledger.endForgettings()
      endAt = monotonic() + END_MS
    }
    const [due] = await ledger.toForget(1)
    if (!due) return Number.POSITIVE_INFINITY
    if (due.deletesProfile && !due.isBack && due.state !== 'erasing') return withProfile(due)
    return erase(due, 'kept')
  }

  async function erase(due: DueForgetting, profile: ProfileEnd): Promise<number> {
    if (due.tries > 0) await tellOthers(due)
    if (!(await ledger.erase(due.receipt, profile))) return AGAIN_MS
    toldOthers.delete(due.receipt)
    if (!due.isBack)
      log.info({ channel: due.channel, receipt: due.receipt, profile }, 'a person is forgotten')
    return 0
  }

  /** Whom another account has met since may have been written to the profile that was about to go. */
  async function tellOthers(due: DueForgetting): Promise<void> {
    if (toldOthers.get(due.receipt) === due.tries) return
    for (const other of await elsewhere(due)) await tellAnew(other)
    toldOthers.set(due.receipt, due.tries)
  }

  async function withProfile(due: DueForgetting): Promise<number> {
    if (!braze.knows(due.channel)) return stuck(due, `The settings have no channel ${due.channel}`)
    if ((await elsewhere(due)).length > 0) return erase(due, 'kept')
    if (lookUp.isForbidden()) return stuck(due, forbids('users.export.ids'))
    const delayMs = Math.max(lookUp.delayMs(), deleter.isForbidden() ? 0 : deleter.delayMs())
    if (delayMs > 0) return delayMs
    const places = [placeOf(due)]
    // From the look on, so that nothing gets there in between.
    if (!holds.occupy(places)) return rest(due, settleMs)
    try {
      return await look(due)
    } finally {
      holds.vacate(places)
    }
  }

  async function look(due: DueForgetting): Promise<number> {
    const place = placeOf(due)
    const asked = await lookUp.ask([place])
    if (!('value' in asked)) {
      if (lookUp.isForbidden()) return stuck(due, forbids('users.export.ids'))
      return asked.trouble === 'refused' ? stuck(due, asked.reason) : rest(due, AGAIN_MS)
    }
    const verdict = verdictOf(due, asked.value)
    if (verdict === 'wait') return rest(due, AGAIN_MS)
    return verdict === 'delete' ? remove(due) : erase(due, verdict)
  }

  async function remove(due: DueForgetting): Promise<number> {
    if (deleter.isForbidden()) return stuck(due, forbids('users.delete'))
    const restMs = Math.min(LONGEST_WAIT_MS, settleMs * LOOK_AFTER_PAUSES * 2 ** due.tries)
    const step = { receipt: due.receipt, state: 'deleting', restMs, problem: null } as const
    // Who has followed anew while the profile was looked up is about to be written to it.
    if (!(await ledger.keepForgetting(step)) || !mayAsk()) return 0
    const place = placeOf(due)
    const alias = { channel: due.channel, userId: place.address.userId }
    const asked = await deleter.ask({
      ids: [idOf(place)],
      send: () => braze.deleteAliases([alias]),
      read: readDelete,
    })
    if (deleter.isForbidden()) return stuck(due, forbids('users.delete'))
    // Where there was no answer it may be under way all the same, and is waited for.
    return 'trouble' in asked && asked.trouble === 'refused' ? stuck(due, asked.reason) : 0
  }

  function verdictOf(due: DueForgetting, profiles: Profiles): Verdict {
    const place = placeOf(due)
    const isKnown = profiles.knows(place)
    if (isKnown === undefined) return 'wait'
    const profile = profiles.at(place)
    if (!profile) return due.tries > 0 ? 'deleted' : 'none'
    const isOthers = [...braze.channels.keys()].some(
      (channel) => channel !== due.channel && profile.valueIn(channel) !== null,
    )
    return profile.isNothingBut(due.channel, place.address.userId) && !isOthers ? 'delete' : 'kept'
  }

  /** Who has this user id in other accounts that write to the same alias profiles. */
  async function elsewhere({ channel, userId }: DueForgetting): Promise<Elsewhere[]> {
    const label = braze.channels.get(channel)?.aliasLabel
    const found: Elsewhere[] = []
    for (const [other, { aliasLabel }] of braze.channels) {
      if (other === channel || aliasLabel !== label) continue
      for (const { id } of await ledger.contacts(other, { userId: userId ?? '' }))
        found.push({ channel: other, id })
    }
    return found
  }

  /** Safe to repeat, where this process ends before the person is erased. */
  async function tellAnew({ channel, id }: Elsewhere): Promise<void> {
    const run = await ledger.beginRun('forget', channel)
    await ledger.resend(run.id, [id])
    await ledger.endRun(run.id, 'complete')
  }

  /** Others go on meanwhile. */
  async function rest({ receipt }: DueForgetting, restMs: number): Promise<number> {
    await ledger.keepForgetting({ receipt, state: 'clearing', restMs, problem: null })
    return 0
  }
  async function stuck({ receipt }: DueForgetting, problem: string): Promise<number> {
    await ledger.keepForgetting({ receipt, state: 'clearing', restMs: STUCK_MS, problem })
    return 0
  }

  return createLoop({ ...options, name: 'forgetting people', step })
}

const placeOf = ({ channel, userId }: DueForgetting) => ({ channel, address: { userId: userId ?? '' } })

const forbids = (permission: string) =>
  `To delete a profile Braze's key needs the permission ${permission}, which cannot be added to a key: create another one with it`
