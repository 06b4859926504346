import { LEASE_LIMIT_MS } from '../ledger.ts'
import { type Drizzle, eq, max } from './drizzle.ts'
import type { Locks } from './locks.ts'
import { contacts, customers, leases } from './schema.ts'
import type { Stored, transactions } from './stored.ts'

/** The holder of a lease that was given back. */
const NOBODY = ''

/**
 * Leases on one open database. A holder also has the operating system's lock of that name, so that on the same machine a
 * holder that has ended is known to have ended, however it did. Where somebody has the lock and not the lease, as a
 * process that was suspended until its lease ran out, only time counts.
 */
export function createLeaseStore(db: Drizzle, atomic: ReturnType<typeof transactions>, locks: Locks) {
  /** A moment that is further away was dated by a clock that was wrong, and holds nobody back. */
  const isAhead = (moment: number, now: number) => moment > now && moment <= now + LEASE_LIMIT_MS

  const find = (name: string) => db.select().from(leases).where(eq(leases.name, name)).get()
  const put = (lease: Required<typeof leases.$inferInsert>) =>
    db.insert(leases).values(lease).onConflictDoUpdate({ target: leases.name, set: lease }).run()

  const hold: Stored['holdLease'] = atomic((now, name, holder, durationMs, aftermath) => {
    const before = find(name)
    const theirs = before !== undefined && ![holder, NOBODY].includes(before.holder)
    const isLocked = lock(name, holder)
    const hasEnded = theirs && before.isLocked && isLocked
    if (theirs && !hasEnded && isAhead(before.expiresAt, now)) return { held: false, quietMs: 0 }
    const known = before && isAhead(before.quietUntil, now) ? before.quietUntil : 0
    const theirsUntil = theirs ? now + (hasEnded ? aftermath.endedMs : aftermath.lostMs) : 0
    const quietUntil = Math.ceil(Math.max(known, theirsUntil))
    // While former holders may go on, they may also send what is new.
    const isOurs = before !== undefined && before.holder === holder && quietUntil <= now
    const { contactsBefore, customersBefore } = isOurs ? before : lastIds()
    const expiresAt = Math.ceil(now + durationMs)
    put({ name, holder, expiresAt, quietUntil, isLocked, contactsBefore, customersBefore })
    return { held: true, quietMs: Math.max(0, quietUntil - now) }
  })

  const release: Stored['releaseLease'] = atomic((now, name, holder, quietMs) => {
    const lease = find(name)
    if (lease?.holder !== holder) return
    const quietUntil = Math.max(lease.quietUntil, Math.ceil(now + quietMs))
    put({ ...lease, holder: NOBODY, expiresAt: 0, quietUntil, isLocked: false })
  })
  const lastId = (table: typeof contacts | typeof customers) =>
    db
      .select({ id: max(table.id) })
      .from(table)
      .get()?.id ?? 0
  /** Nobody before can have sent anything for profiles that come after these. */
  const lastIds = () => ({ contactsBefore: lastId(contacts), customersBefore: lastId(customers) })

  /** Also false where the file cannot be locked at all: then only time says when a holder has ended. */
  function lock(name: string, holder: string): boolean {
    try {
      return locks.lock(`lease-${name}`, holder)
    } catch {
      return false
    }
  }
  const unlock = (name: string, holder: string) => locks.unlock(`lease-${name}`, holder)

  return {
    holdLease(now, name, holder, ...how) {
      const answer = hold(now, name, holder, ...how)
      // Whoever has the lock without the lease would pass for its holder. Where that could not be asked, nothing has changed:
      // a holder without its lock would pass for one that has ended.
      if (!answer.held) unlock(name, holder)
      return answer
    },
    releaseLease(now, name, holder, quietMs) {
      release(now, name, holder, quietMs)
      unlock(name, holder)
    },
  } satisfies Partial<Stored>
}
