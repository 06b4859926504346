import type BetterSqlite3 from 'better-sqlite3'
import { type Aftermath, LEASE_LIMIT_MS, type LeaseAnswer } from '../ledger.ts'
import { and, type Drizzle, eq, sql } from './drizzle.ts'
import type { Locks } from './locks.ts'
import { leases } from './schema.ts'

/** The holder of a lease that was given back. */
const NOBODY = ''

/**
 * Leases on one open database. A holder also has the operating system's lock of that name, so that on the same machine a
 * holder that has ended is known to have ended, however it did. Where somebody has the lock and not the lease, as a
 * process that was suspended until its lease ran out, only time counts.
 */
export function createLeaseStore(database: BetterSqlite3.Database, db: Drizzle, locks: Locks) {
  const statements = prepare(db)
  /** Who has the operating system's lock in this process, by the lease's name. */
  const lockedFor = new Map<string, string>()
  /** A moment that is further away was dated by a clock that was wrong, and holds nobody back. */
  const isAhead = (moment: number, now: number) => moment > now && moment <= now + LEASE_LIMIT_MS

  const hold = database.transaction(
    (name: string, holder: string, durationMs: number, aftermath: Aftermath, now: number): LeaseAnswer => {
      const before = statements.find.get({ name })
      const theirs = before !== undefined && ![holder, NOBODY].includes(before.holder)
      const isLocked = lock(name, holder)
      const hasEnded = theirs && before.isLocked && isLocked
      if (theirs && !hasEnded && isAhead(before.expiresAt, now)) {
        return { held: false, quietMs: 0 }
      }
      const known = before && isAhead(before.quietUntil, now) ? before.quietUntil : 0
      const theirsUntil = theirs ? now + (hasEnded ? aftermath.endedMs : aftermath.lostMs) : 0
      const quietUntil = Math.ceil(Math.max(known, theirsUntil))
      statements.take.run({
        name,
        holder,
        expiresAt: now + durationMs,
        quietUntil,
        isLocked: Number(isLocked),
      })
      return { held: true, quietMs: Math.max(0, quietUntil - now) }
    },
  )

  /** Also false where the file cannot be locked at all: then only time says when a holder has ended. */
  function lock(name: string, holder: string): boolean {
    if (lockedFor.get(name) === holder) return true
    try {
      if (!locks.lock(`lease-${name}`)) return false
    } catch {
      return false
    }
    lockedFor.set(name, holder)
    return true
  }

  function unlock(name: string, holder: string) {
    if (lockedFor.get(name) !== holder) return
    lockedFor.delete(name)
    locks.unlock(`lease-${name}`)
  }

  const release = database.transaction((name: string, holder: string, quietMs: number, now: number) => {
    statements.release.run({ name, holder, quietUntil: Math.ceil(now + quietMs) })
  })

  return {
    holdLease(
      name: string,
      holder: string,
      durationMs: number,
      aftermath: Aftermath,
      now: number,
    ): LeaseAnswer {
      const answer = hold.immediate(name, holder, durationMs, aftermath, now)
      // Whoever has the lock without the lease would pass for its holder. Where that could not be asked, nothing has changed:
      // a holder without its lock would pass for one that has ended.
      if (!answer.held) unlock(name, holder)
      return answer
    },
    releaseLease(name: string, holder: string, quietMs: number, now: number) {
      release.immediate(name, holder, quietMs, now)
      unlock(name, holder)
    },
  }
}

function prepare(db: Drizzle) {
  const at = (place: string) => sql.placeholder(place)
  return {
    find: db
      .select()
      .from(leases)
      .where(eq(leases.name, at('name')))
      .prepare(),
    take: db
      .insert(leases)
      .values({
        name: at('name'),
        holder: at('holder'),
        expiresAt: at('expiresAt'),
        quietUntil: at('quietUntil'),
        isLocked: sql`${at('isLocked')}`,
      })
      .onConflictDoUpdate({
        target: leases.name,
        set: {
          holder: sql`excluded.holder`,
          expiresAt: sql`excluded.expires_at`,
          quietUntil: sql`excluded.quiet_until`,
          isLocked: sql`excluded.is_locked`,
        },
      })
      .prepare(),
    release: db
      .update(leases)
      .set({
        holder: NOBODY,
        expiresAt: 0,
        quietUntil: sql`max(${leases.quietUntil}, ${at('quietUntil')})`,
        isLocked: false,
      })
      .where(and(eq(leases.name, at('name')), eq(leases.holder, at('holder'))))
      .prepare(),
  }
}
