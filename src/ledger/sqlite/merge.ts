import { type SQL, sql } from './drizzle.ts'
import { contacts as c } from './schema.ts'

const known = sql`max(${c.friendAt}, ${c.messagedAt}) > ${c.goneAt}`
const learnt = sql`max(${c.friendAt}, ${c.messagedAt}, excluded.friend_at, excluded.messaged_at) > max(${c.goneAt}, excluded.gone_at)`
const flips = sql`((${known}) <> (${learnt}))`
const becomesDue = sql`(${flips} AND NOT ${c.pending})`

/**
 * What learning does to a contact that is known already, whatever it was learnt from: the rule of `merge` in
 * src/contact, and a new revision where reachability flips.
 */
export const MERGE = {
  target: [c.channel, c.userId],
  set: {
    friendAt: sql`max(${c.friendAt}, excluded.friend_at)`,
    messagedAt: sql`max(${c.messagedAt}, excluded.messaged_at)`,
    goneAt: sql`max(${c.goneAt}, excluded.gone_at)`,
    revision: sql`${c.revision} + ${flips}`,
    changedAt: sql`iif(${becomesDue}, excluded.changed_at, ${c.changedAt})`,
    dueAt: sql`iif(${becomesDue}, max(excluded.due_at, ${c.dueAt}), ${c.dueAt})`,
    failure: sql`iif(${flips}, null, ${c.failure})`,
    run: sql`iif(${flips}, excluded.run, ${c.run})`,
  },
  // What is old news changes no row and costs no write.
  setWhere: sql`excluded.friend_at > ${c.friendAt} OR excluded.messaged_at > ${c.messagedAt} OR excluded.gone_at > ${c.goneAt}`,
}

export interface Source {
  readonly channel: SQL
  readonly userId: SQL
  readonly friendAt: SQL
  readonly messagedAt: SQL
  readonly goneAt: SQL
  readonly run: SQL
  /** The rest of the SELECT. */
  readonly from: SQL
}

/** The SELECT of contacts as they would be if nothing were known of them yet. */
export const newContacts = (s: Source): SQL =>
  sql`SELECT null, ${s.channel}, ${s.userId}, ${s.friendAt}, ${s.messagedAt}, ${s.goneAt}, 1, 0, ${sql.placeholder('now')}, ${sql.placeholder('now')}, null, ${s.run} FROM ${s.from}`
