import { LEASE_LIMIT_MS, type Ledger } from '../ledger.ts'
import type { Database, Transaction } from './database.ts'
import { and, eq, inArray } from './drizzle.ts'
import { leases } from './schema.ts'

/** The holder of a lease that was given back. */
const NOBODY = ''

/**
 * Leases are rows, dated by the database's clock. A connection that ends does not say that its process has ended: only a
 * holder that closed its ledger is known to have.
 */
export function createLeaseStore(database: Database, monotonic = () => performance.now()) {
  /** Names of the leases that this process has, and by which holder. */
  const mine = new Map<string, string>()
  /** Since when this process has seen that a lease of somebody else was not renewed. */
  const seen = new Map<string, { readonly expiresAt: number; readonly since: number }>()

  /** For how long, by a clock that nobody can set: what a former holder may still do it has done for as long. */
  function unrenewedMs(name: string, { expiresAt }: Lease): number {
    const now = monotonic()
    const before = seen.get(name)
    if (before?.expiresAt === expiresAt) return now - before.since
    seen.set(name, { expiresAt, since: now })
    return 0
  }

  return {
    holdLease: (name, holder, durationMs, aftermath) =>
      database.transaction(async (transaction) => {
        const before = await lock(transaction, name)
        const now = await transaction.now()
        const theirs = ![holder, NOBODY].includes(before.holder)
        const sinceMs = theirs ? unrenewedMs(name, before) : 0
        if (theirs && !before.hasEnded && isAhead(before.expiresAt, now)) return { held: false, quietMs: 0 }
        const known = isAhead(before.quietUntil, now) ? before.quietUntil : 0
        const lostMs = Math.max(0, aftermath.lostMs - sinceMs)
        const theirsUntil = theirs ? now + (before.hasEnded ? aftermath.endedMs : lostMs) : 0
        const quietUntil = Math.ceil(Math.max(known, theirsUntil))
        // While former holders may go on, they may also send what is new.
        const isOurs = before.holder === holder && quietUntil <= now
        const term = isOurs ? before.term : before.term + 1
        const expiresAt = Math.ceil(now + durationMs)
        await change(transaction, name, { holder, term, expiresAt, quietUntil, hasEnded: false })
        mine.set(name, holder)
        return { held: true, quietMs: Math.max(0, quietUntil - now) }
      }),
    releaseLease: (name, holder, quietMs) =>
      database.transaction(async (transaction) => {
        const lease = await lock(transaction, name)
        if (lease.holder !== holder) return
        const quietUntil = Math.max(lease.quietUntil, Math.ceil((await transaction.now()) + quietMs))
        await change(transaction, name, { holder: NOBODY, expiresAt: 0, quietUntil })
        mine.delete(name)
      }),
    /** This process does nothing any more: whoever comes next need not wait until its leases run out. */
    async end() {
      const holders = [...mine.values()]
      if (holders.length === 0) return
      await database.transaction(({ drizzle }) =>
        drizzle
          .update(leases)
          .set({ hasEnded: true })
          .where(and(inArray(leases.name, [...mine.keys()]), inArray(leases.holder, holders))),
      )
    },
  } satisfies Partial<Ledger> & { end(): Promise<void> }
}

/** A moment that is further away was dated by a clock that was wrong, and holds nobody back. */
const isAhead = (moment: number, now: number) => moment > now && moment <= now + LEASE_LIMIT_MS

type Lease = typeof leases.$inferSelect
const FREE = { holder: NOBODY, term: 0, expiresAt: 0, hasEnded: false, quietUntil: 0 }

async function lock({ drizzle }: Transaction, name: string): Promise<Lease> {
  const find = () => drizzle.select().from(leases).where(eq(leases.name, name)).for('update')
  const [before] = await find()
  if (before) return before
  await drizzle
    .insert(leases)
    .values({ name, ...FREE })
    .onConflictDoNothing()
  const [made] = await find()
  return made as Lease
}

const change = ({ drizzle }: Transaction, name: string, to: Partial<Lease>) =>
  drizzle.update(leases).set(to).where(eq(leases.name, name))
