import { sleep as sleepFor } from '../wire/time.ts'
import { type ChannelCounts, DELIVERY_LEASE, type Ledger, LedgerError } from './ledger.ts'
import { COPIER, type LedgerPart } from './records.ts'

export interface CopyOptions {
  readonly from: Ledger
  readonly to: Ledger
  /** Told of each part that is stored. */
  readonly onPart: (part: LedgerPart) => void
  readonly sleep?: ((ms: number, signal?: AbortSignal) => Promise<unknown>) | undefined
  readonly signal: AbortSignal
}

/** Longer than a part takes. */
const LEASE_MS = 30_000
/** As long as what a server sent may still be under way when it was killed, or suspended, with the usual settings and far above. */
const AFTERMATH = { endedMs: 10_000, lostMs: 60_000 }

/**
 * Copies all of a ledger into another one, which nobody can work with before that is complete. The one that is copied is
 * closed first, and stays so; where the copy fails it is opened again. Safe to leave early and to repeat. Returns the counts
 * of both.
 *
 * @throws LedgerError with a sentence for a person
 */
export async function copyLedger(options: CopyOptions): Promise<ChannelCounts[]> {
  const { from, to } = options
  return locked(to, 'copy', 'Another copy into the database of --to is under way; wait for its end.', () =>
    locked(from, 'move-out', 'Another copy of this database is under way; wait for its end.', async () => {
      const { quietMs } = await hold(from)
      try {
        return await copyAll(options, quietMs)
      } finally {
        await release(from)
      }
    }),
  )
}

/** Opens a ledger again that was copied. False: it was not closed. */
export async function undoCopy(from: Ledger): Promise<boolean> {
  return locked(from, 'move-out', 'A copy of this database is under way; end it first.', () =>
    from.moveOut(false),
  )
}

async function locked<T>(ledger: Ledger, name: string, refusal: string, work: () => Promise<T>): Promise<T> {
  const unlock = await ledger.lock(name)
  if (!unlock) throw new LedgerError(refusal)
  return work().finally(unlock)
}

/** Always under the same name, so that one that goes on after kill -9 has the lease at once. */
async function hold(from: Ledger) {
  const answer = await from.holdLease(DELIVERY_LEASE, COPIER, LEASE_MS, AFTERMATH)
  if (answer.held) return answer
  throw new LedgerError(
    'A server or a run is at work on the database of DATABASE_URL, and what it learns now would be missing from the copy; stop it first. One that was killed counts for up to 20 seconds more.',
  )
}

/** It runs out where the database is gone. */
const release = (from: Ledger) => from.releaseLease(DELIVERY_LEASE, COPIER, 0).catch(() => {})

async function copyAll({ from, to, onPart, sleep = sleepFor, signal }: CopyOptions, quietMs: number) {
  let counts: ChannelCounts[] = []
  let hasClosed = false
  try {
    for await (const part of from.dump()) {
      signal.throwIfAborted()
      await hold(from)
      if (part.kind === 'end') counts = await compareCounts(from, to)
      await to.load(part)
      onPart(part)
      if (part.kind !== 'ledger') continue
      // The copy can be made. What a server on standby still took must be there before anything is read.
      hasClosed = !(await from.moveOut(true))
      if (quietMs > 0) await sleep(quietMs, signal)
    }
    return counts
  } catch (error) {
    // Whoever waits for it, as a server on standby, can go on; half a copy cannot be worked with.
    if (hasClosed) await from.moveOut(false).catch(() => {})
    throw error
  }
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
