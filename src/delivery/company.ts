import type { ProfileId } from '../ledger/ledger.ts'
import { backoffMs } from '../wire/retry.ts'

/** What is known of somebody whose last request did not succeed. */
interface Trouble {
  /** The largest batch to be in. */
  size: number
  /** Nothing is asked about them before. */
  until: number
  /** How often in a row Braze has failed over them alone. */
  stumbles: number
}

interface Item {
  readonly id: ProfileId
}

/**
 * Who is asked about in one request: of a batch that Braze refuses, or fails over, the halves go by themselves and after
 * everybody else, until whoever it is goes alone and waits alone. Forgotten with the process, and found out again.
 */
export function createCompany({ monotonic, random }: { monotonic: () => number; random: () => number }) {
  const troubles = new Map<ProfileId, Trouble>()

  function mark(batch: readonly Item[], change: (trouble: Trouble) => Partial<Trouble>) {
    for (const { id } of batch) {
      const trouble = troubles.get(id) ?? { size: Number.POSITIVE_INFINITY, until: 0, stumbles: 0 }
      troubles.set(id, Object.assign(trouble, change(trouble)))
    }
  }
  const isFresh = ({ id }: Item) => !troubles.has(id)
  const halfOf = (batch: readonly Item[]) => Math.max(1, Math.floor(batch.length / 2))

  return {
    /** So many of those who are due may be resting. */
    get size() {
      return troubles.size
    },
    /** Whether nothing is known of it. */
    isFresh,
    /** Up to `limit` of those who are due and may go together now; who was in trouble last goes last. */
    choose<I extends Item>(due: readonly I[], limit: number): I[] {
      const now = monotonic()
      const fresh = due.filter(isFresh)
      if (fresh.length > 0) return fresh.slice(0, limit)
      const untilOf = ({ id }: Item) => troubles.get(id)?.until ?? 0
      const batch: I[] = []
      let most = limit
      for (const item of due.toSorted((a, b) => untilOf(a) - untilOf(b))) {
        most = Math.min(most, troubles.get(item.id)?.size ?? most)
        if (untilOf(item) > now || batch.length >= most) break
        batch.push(item)
      }
      return batch
    },
    /** Milliseconds until the next of them need not rest any more; infinite where nobody rests. */
    nextMs(): number {
      const now = monotonic()
      const ends = Array.from(troubles.values(), ({ until }) => until - now)
      return Math.min(...ends.filter((ms) => ms > 0), Number.POSITIVE_INFINITY)
    },
    /** Braze refuses them as a whole. Returns whether there is nobody else to blame. */
    refused(batch: readonly Item[]): boolean {
      mark(batch, () => ({ size: halfOf(batch) }))
      return batch.length === 1
    },
    /** Braze fails, over them or altogether. */
    failed(batch: readonly Item[]) {
      const isAlone = batch.length === 1
      mark(batch, ({ stumbles }) => {
        const failures = stumbles + (isAlone ? 1 : 0)
        const restMs = backoffMs(Math.max(1, failures), random())
        return { size: halfOf(batch), stumbles: failures, until: monotonic() + restMs }
      })
    },
    /** Each of them goes alone. */
    part: (batch: readonly Item[]) => mark(batch, () => ({ size: 1 })),
    /** Nothing is asked about them for so long. */
    rest: (batch: readonly Item[], ms: number) => mark(batch, () => ({ until: monotonic() + ms })),
    /** They are as all others. */
    forgive(batch: readonly Item[]) {
      for (const { id } of batch) troubles.delete(id)
    },
  }
}

export type Company = ReturnType<typeof createCompany>
