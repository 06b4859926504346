const reachable = 'max(friend_at, messaged_at) > gone_at'
const learnt = `max(friend_at, messaged_at, excluded.friend_at, excluded.messaged_at) > max(gone_at, excluded.gone_at)`
const flips = `((${reachable}) <> (${learnt}))`
/** The user id belongs to the alias profile, and is there. Of who is linked `place` works out what changes. */
export const IS_AT_ALIAS = '(customer IS NULL AND target IS NULL)'
const aliasFlips = `(${flips} AND ${IS_AT_ALIAS})`
const becomesDue = `(${aliasFlips} AND NOT pending)`

/**
 * The statement that learns, whatever it is learnt from: contacts that are not known yet are made, and to the others
 * happens what `merge` in src/contact says, with a new revision of the alias profile where reachability flips. What follows
 * for those who are linked is worked out by `place`.
 *
 * @param columns channel, user id, friendAt, messagedAt, goneAt and run of each, `@now` being the moment
 * @param from the rest of the SELECT; it must have a WHERE, or SQLite takes ON CONFLICT for a part of a join
 */
export const learning = (columns: string, from: string) => `
  INSERT INTO contacts
    (channel, user_id, friend_at, messaged_at, gone_at, run, revision, accepted, changed_at, due_at)
  SELECT ${columns}, 1, 0, @now, @now FROM ${from}
  ON CONFLICT (channel, user_id) DO UPDATE SET
    friend_at = max(friend_at, excluded.friend_at),
    messaged_at = max(messaged_at, excluded.messaged_at),
    gone_at = max(gone_at, excluded.gone_at),
    revision = revision + ${aliasFlips},
    changed_at = iif(${becomesDue}, excluded.changed_at, changed_at),
    due_at = iif(${becomesDue}, max(excluded.due_at, due_at), due_at),
    failure = iif(${aliasFlips}, NULL, failure),
    run = iif(${flips}, excluded.run, run)
  -- What is old news changes no row and costs no write.
  WHERE excluded.friend_at > friend_at OR excluded.messaged_at > messaged_at OR excluded.gone_at > gone_at`
