import { randomUUID } from 'node:crypto'
import { idOf, type Place } from '../braze/attributes.ts'
import { MAX_EXPORTS, type Profiles } from '../braze/export.ts'
import { readIdentify, readRename } from '../braze/identity.ts'
import {
  type DueMerge,
  type Ledger,
  LONGEST_WAIT_MS,
  type MergeAction,
  type MergeStep,
} from '../ledger/ledger.ts'
import { type Asker, type AskerOptions, createAsker, type Request } from './asker.ts'
import { createCompany } from './company.ts'
import type { Holds } from './holds.ts'
import type { LookUp } from './look-up.ts'
import { createLoop, type LoopOptions } from './loop.ts'
import { aliasPlace, customerPlace, type Verdict, verdictOf } from './merge-rules.ts'

/** Of each the alias and the customer are looked up. */
const BATCH = MAX_EXPORTS / 2
/**
 * So many settle pauses between a request and a look at what came of it: 5 minutes by default, which Braze recommends
 * between calls that depend on each other. Source: braze.com/docs/api/api_limits
 */
const LOOK_AFTER_PAUSES = 60
/** What the profiles themselves should hold goes first: before it is handed over, and before an alias is freed. */
const YIELD_PAUSES = 2
const YIELD_MS = 100

/** What is seen to its end, also where nothing new is handed over. */
const OPEN: readonly MergeAction[] = ['rename', 'look']

export interface MergesOptions
  extends Omit<AskerOptions, 'name' | 'without'>,
    Omit<LoopOptions, 'name' | 'step' | 'ledger'> {
  readonly ledger: Pick<Ledger, 'toMerge' | 'nextMergeMs' | 'keepMerges' | 'onRecorded'>
  readonly lookUp: LookUp
  readonly holds: Pick<Holds, 'occupy' | 'vacate'>
  readonly settleMs: number
  /** Whether this process is the one that talks to Braze, and what others have sent has settled. */
  readonly mayAsk: () => boolean
  /** BRAZE_MERGE_PROFILES; without it nothing is handed over, and what was before is seen to its end. */
  readonly mergeProfiles: boolean
}

/**
 * Hands alias profiles that have lost their user id over to the customers, looks what became of them, and frees the aliases
 * of those who are no longer linked.
 *
 * The ledger is told that an alias profile is handed over before it is: whoever is unlinked from then on gets a free alias
 * first, also where this process ends in between.
 */
export function createMerges(options: MergesOptions) {
  const { braze, ledger, lookUp, holds, settleMs, mayAsk, mergeProfiles, log, observer } = options
  const company = createCompany(options)
  const identifier = createAsker({
    ...options,
    name: 'handing alias profiles over',
    without: 'no alias profile is merged',
  })
  const renamer = createAsker({
    ...options,
    name: 'freeing aliases',
    without: 'those who were merged and then unlinked get no alias profile, and cannot be reached',
  })

  async function step(): Promise<number> {
    if (!mayAsk()) return Number.POSITIVE_INFINITY
    const mayBegin = mergeProfiles && identifier.delayMs() === 0
    const nextMs = await ledger.nextMergeMs(mayBegin ? [...OPEN, 'identify'] : OPEN)
    if (nextMs === null || nextMs > 0) return nextMs ?? Number.POSITIVE_INFINITY
    const renames = await chosen(['rename'])
    const batch = renames.length > 0 ? renames : await chosen(['look'])
    if (batch.length > 0) return see(batch)
    const fresh = mayBegin ? await chosen(['identify']) : []
    if (fresh.length === 0) return company.nextMs()
    await keep(fresh, 'asked', () => YIELD_PAUSES * settleMs)
    return 0
  }

  /** With none of them a second one's alias or customer: Braze follows no order. */
  async function chosen(actions: readonly MergeAction[]): Promise<readonly DueMerge[]> {
    const due = await ledger.toMerge(BATCH + company.size, actions)
    const foreign = due.filter(({ channel }) => !braze.knows(channel))
    company.rest(foreign, LONGEST_WAIT_MS)
    const taken = new Set<string>()
    return company.choose(due, BATCH).filter((merge) => {
      const names = placesOf([merge]).map(braze.profileOf)
      return names.every((name) => !taken.has(name)) && names.every((name) => taken.add(name))
    })
  }

  /** Does what can be done with these. Returns how long to rest. */
  async function see(batch: readonly DueMerge[]): Promise<number> {
    // The first renaming is without a look: what was handed over may still be on its way to the customer.
    const blind = batch.filter(({ action, tries }) => action === 'rename' && tries === 0)
    const news = blind.filter(company.isFresh)
    if (news.length > 0) company.rest(news, YIELD_MS)
    if (news.length > 0) return 0
    if (blind.length > 0) return act(blind, null)
    if (lookUp.isForbidden()) return act(batch, null)
    const delayMs = lookUp.delayMs()
    if (delayMs > 0) return delayMs
    if (!mayAsk()) return 0
    const asked = await lookUp.ask(placesOf(batch))
    if ('value' in asked) return act(batch, asked.value)
    if (asked.trouble === 'failed') {
      if (!lookUp.isForbidden()) company.failed(batch)
    } else if (company.refused(batch)) {
      log.warn({ reason: asked.reason }, 'Braze refuses to look an alias profile up')
      await keep(batch, 'again', restOf)
    }
    return 0
  }

  async function act(batch: readonly DueMerge[], profiles: Profiles | null): Promise<number> {
    const sorted = new Map<Verdict, DueMerge[]>()
    for (const merge of batch) {
      const verdict = verdictOf(merge, profiles, mergeProfiles)
      sorted.set(verdict, [...(sorted.get(verdict) ?? []), merge])
    }
    for (const [verdict, merges] of sorted) {
      if (verdict === 'identify') await identify(merges)
      else if (verdict === 'rename') await rename(merges)
      else if (verdict === 'wait') await keep(merges, 'again', restOf)
      else await keep(merges, verdict, () => settleMs)
    }
    return 0
  }

  const identify = (merges: readonly DueMerge[]) =>
    request(merges, identifier, {
      send: (pairs) => braze.identify(pairs),
      read: readIdentify,
      taken: (pairs) => keep(pairs, 'again', restOf),
      refused: (pairs) => keep(pairs, 'left', () => settleMs),
    })

  const rename = (merges: readonly DueMerge[]) =>
    request(merges, renamer, {
      send: (pairs) =>
        braze.renameAliases(pairs.map((merge) => ({ ...merge, newName: `unlinked:${randomUUID()}` }))),
      read: readRename,
      taken: (pairs) => keep(pairs, lookUp.isForbidden() ? 'renamed' : 'again', restOf),
      refused: (pairs) => keep(pairs, 'again', restOf),
    })

  async function request(merges: readonly DueMerge[], asker: Asker, { send, read, taken, refused }: How) {
    if (asker.delayMs() > 0) return company.rest(merges, asker.delayMs())
    if (!mayAsk()) return
    const sent = merges.filter((merge) => holds.occupy(placesOf([merge])))
    const busy = merges.filter((merge) => !sent.includes(merge))
    company.rest(busy, settleMs)
    if (sent.length === 0) return
    const places = placesOf(sent)
    const asked = await asker.ask({ ids: places.map(idOf), send: () => send(sent), read })
    holds.vacate(places)
    if ('value' in asked) await taken(sent)
    else if (asked.trouble === 'failed') company.failed(sent)
    else if (company.refused(sent)) {
      log.warn({ reason: asked.reason }, 'Braze refuses an alias profile')
      await refused(sent)
    }
  }

  async function keep(
    merges: readonly DueMerge[],
    outcome: MergeStep['outcome'],
    restMs: (merge: DueMerge) => number,
  ) {
    const steps = merges.map((merge) => ({
      id: merge.id,
      action: merge.action,
      outcome,
      restMs: restMs(merge),
    }))
    await ledger.keepMerges(steps)
    company.forgive(merges)
    if (outcome === 'merged' || outcome === 'left' || outcome === 'unknown')
      for (const _ of merges) observer?.merged(outcome)
    for (const { userId, externalId, action } of merges)
      log.debug({ user: userId, customer: externalId, action, outcome }, 'an alias profile')
  }

  /** Longer each time. */
  const restOf = ({ action, tries }: DueMerge) =>
    Math.min(LONGEST_WAIT_MS, settleMs * (action === 'look' ? LOOK_AFTER_PAUSES : 1) * 2 ** tries)

  return createLoop({ ...options, name: 'merging profiles', step })
}

/** A request about alias profiles, and what follows from its answer. */
interface How extends Pick<Request<unknown>, 'read'> {
  readonly send: (pairs: readonly DueMerge[]) => ReturnType<Request<unknown>['send']>
  readonly taken: (pairs: readonly DueMerge[]) => Promise<void>
  /** A single one. */
  readonly refused: (pairs: readonly DueMerge[]) => Promise<void>
}

const placesOf = (merges: readonly DueMerge[]): Place[] =>
  merges.flatMap((merge) => [aliasPlace(merge), customerPlace(merge)])
