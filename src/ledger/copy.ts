import { sleep as sleepFor } from '../wire/time.ts'
import { type ChannelCounts, DELIVERY_LEASE, type Ledger, LedgerError } from './ledger.ts'
import type { LedgerPart } from './records.ts'

export interface CopyOptions {
  readonly from: Ledger
  readonly to: Ledger
  /** Told of each part that is stored. */
  readonly onPart: (part: LedgerPart) => void
  readonly sleep?: ((ms: number, signal?: AbortSignal) => Promise<unknown>) | undefined
  readonly signal: AbortSignal
}

/** The same for all copies: one that goes on after kill -9 has the lease at once, and two need not keep each other off. */
const HOLDER = 'copy'
/** Longer than a part takes. */
const LEASE_MS = 30_000
/** As long as what a server sent may still be under way when it was killed, or suspended, with the usual settings and far above. */
const AFTERMATH = { endedMs: 10_000, lostMs: 60_000 }

/**
 * Copies all of a ledger into another one, which nobody can work with before that is complete. Safe to leave early and to repeat.
 * Returns the counts of both.
 *
 * @throws LedgerError with a sentence for a person
 */
export async function copyLedger(options: CopyOptions): Promise<ChannelCounts[]> {
  const { from, to, signal, sleep = sleepFor } = options
  const unlock = await to.lock('copy')
  if (!unlock) throw new LedgerError('Another copy into the database of --to is under way; wait for its end.')
  try {
    const { quietMs } = await hold(from)
    try {
      if (quietMs > 0) await sleep(quietMs, signal)
      return await copyParts(options)
    } finally {
      // The lease runs out where the database is gone.
      await from.releaseLease(DELIVERY_LEASE, HOLDER, 0).catch(() => {})
    }
  } finally {
    await unlock()
  }
}

async function hold(from: Ledger) {
  const answer = await from.holdLease(DELIVERY_LEASE, HOLDER, LEASE_MS, AFTERMATH)
  if (answer.held) return answer
  throw new LedgerError(
    'A server or a run is at work on the database of DATABASE_URL, and what it learns now would be missing from the copy; stop it first. One that was killed counts for up to 20 seconds more.',
  )
}

async function copyParts({ from, to, onPart, signal }: CopyOptions) {
  let counts: ChannelCounts[] = []
  for await (const part of from.dump()) {
    signal.throwIfAborted()
    await hold(from)
    if (part.kind === 'end') counts = await compareCounts(from, to)
    await to.load(part)
    onPart(part)
  }
  return counts
}

/** Before the copy counts as complete: one that is not the same is not to be worked with. */
async function compareCounts(from: Ledger, to: Ledger) {
  const [there, here] = [await from.counts(), await to.counts()]
  const channels = new Set([...there, ...here].map(({ channel }) => channel))
  for (const channel of channels) {
    const [left, right] = [countsOf(there, channel), countsOf(here, channel)]
    const different = NUMBERS.filter((name) => left[name] !== right[name])
    if (different.length === 0) continue
    const which = different.map((name) => `${name} ${left[name]} and ${right[name]}`).join(', ')
    throw new LedgerError(
      `The copy is not the same as what was copied: channel ${channel} has ${which}. Something was stored meanwhile, or taken away since an earlier copy: stop whatever works on DATABASE_URL, and copy into an empty database.`,
    )
  }
  return here
}

const NUMBERS = ['friend', 'messager', 'gone', 'pending', 'failed', 'linked', 'waiting'] as const
const NOBODY = { friend: 0, messager: 0, gone: 0, pending: 0, failed: 0, linked: 0, waiting: 0 }
const countsOf = (all: readonly ChannelCounts[], channel: string) =>
  all.find((counts) => counts.channel === channel) ?? { channel, ...NOBODY }
