import type BetterSqlite3 from 'better-sqlite3'
import {
  type BeingForgotten,
  type DueForgetting,
  type Forgetting,
  hashOf,
  newKey,
  newReceipt,
  type ProfileEnd,
} from '../forgotten.ts'
import type { createPlacement } from './placement.ts'
import type { Stored, transactions } from './stored.ts'

/** Who asked to be forgotten, on one open database. What is left of them in its files is wiped by remains.ts. */
export function createForgettingStore(
  database: BetterSqlite3.Database,
  atomic: ReturnType<typeof transactions>,
  place: ReturnType<typeof createPlacement>,
) {
  const statements = prepare(database)

  /** Not of those who are back. */
  function rowOf(channel: string, userId: string): Row | undefined {
    for (const key of statements.keys.all()) {
      const row = statements.find.get({ hash: hashOf(key, { channel, userId }) })
      if (row && row.endsAt !== 0) return row
    }
    return undefined
  }

  /** The row, made or made anew. Who is erased already stays so, and is ignored anew. */
  function begin(now: number, contact: Contact | undefined, { key, how }: Request): Row | undefined {
    const before = rowOf(key.channel, key.userId)
    const at = Math.max(now, contact?.heardAt ?? 0, before?.forgottenAt ?? 0)
    if (!contact) {
      if (before?.state === 'done') statements.prolong.run({ id: before.id, at, now, ...how })
      else if (before) statements.change.run({ id: before.id, deletes: Number(how.deletesProfile), at })
    } else if (before && before.state !== 'done')
      statements.change.run({ id: before.id, deletes: Number(how.deletesProfile), at })
    else {
      // Somebody who was stored although they are forgotten is forgotten once more.
      if (before) statements.remove.run({ id: before.id })
      const secret = statements.keys.get() ?? newKey()
      statements.add.run({
        ...{ id: newReceipt(), ...key, key: secret, hash: hashOf(secret, key), at, now },
        ...{ deletes: Number(how.deletesProfile), lifeMs: how.lifeMs, contact: contact.id },
      })
    }
    return rowOf(key.channel, key.userId)
  }

  /** From now on they can't be reached, and are nobody's. What Braze has rejected is tried again. */
  function clear(now: number, contact: number, at: number) {
    const values = { contact, at, now }
    statements.retryCustomer.run(values)
    statements.clear.run(values)
    statements.touch.run(values)
    place(now)
  }

  const stored = {
    forget: atomic((now, key, how) => {
      statements.end.run({ now })
      const contact = statements.contact.get({ ...key })
      const row = begin(now, contact, { key, how })
      if (!row) return null
      if (contact) clear(now, contact.id, row.forgottenAt)
      return answerOf(statements.find.get({ hash: row.hash }) as Row)
    }),
    forgettings(now, channel, address) {
      if ('externalId' in address) return statements.findOfCustomer.all({ channel, ...address }).map(answerOf)
      const row = rowOf(channel, address.userId)
      return row && (row.endsAt === null || row.endsAt > now) ? [answerOf(row)] : []
    },
    toForget: (now, limit) =>
      statements.due.all({ now, limit }).map(({ deletesProfile, isBack, state, ...row }) => ({
        ...row,
        deletesProfile: deletesProfile === 1,
        isBack: isBack === 1,
        state: shownState(state),
      })),
    keepForgetting: atomic((now, { receipt, state, restMs, problem }) => {
      const dueAt = Math.ceil(now + restMs)
      if (statements.step.run({ id: receipt, state, dueAt, problem }).changes === 0) return false
      if (state === 'deleting') statements.rest.run({ id: receipt, dueAt })
      return true
    }),
    endForgettings: atomic((now) => void statements.end.run({ now })),
    beingForgotten: (now) => statements.open.all({ now }),
  } satisfies Partial<Stored>

  return {
    ...stored,
    /**
     * Erases the rows. `names` is by what its remains are found, until `finishErasing`; null: nothing is left to be done.
     * `again`: it has to wait.
     */
    eraseRows: atomic((now: number, receipt: string, profile: ProfileEnd): ErasedRows | 'again' | null => {
      const row = statements.findOpen.get({ id: receipt })
      if (!row) return null
      if (row.state === 'wiping') return { names: [], isNamed: false }
      const { channel, userId, forgottenAt } = row
      const contact = statements.contact.get({ channel, userId })
      if (contact && contact.friendAt > forgottenAt) {
        statements.remove.run({ id: receipt })
        return null
      }
      if (contact && !isCleared(contact)) {
        clear(now, contact.id, Math.max(now, forgottenAt))
        return 'again'
      }
      const externalIds = JSON.parse(row.externalIds ?? '[]') as string[]
      if (contact) {
        if (statements.isReady.get({ id: receipt, now }) === undefined) return 'again'
        for (const statement of statements.erase) statement.run({ contact: contact.id, channel, userId })
      }
      for (const externalId of externalIds) if (!eraseCustomer(channel, externalId)) return 'again'
      statements.erasing.run({ id: receipt, profile: row.profile ?? profile })
      return { names: [userId, ...externalIds], isNamed: true }
    }),
    /** Nobody is named any more. */
    unname: atomic((_now: number, receipt: string) => {
      // What was in the row, too.
      database.pragma('secure_delete = ON')
      try {
        statements.unname.run({ id: receipt })
      } finally {
        database.pragma('secure_delete = OFF')
      }
    }),
    endErasing: atomic((now: number, receipt: string) => void statements.done.run({ id: receipt, now })),
  }

  /** A customer to whom nobody is linked any more. Whom Braze is to be told of something else has to wait. */
  function eraseCustomer(channel: string, externalId: string): boolean {
    const customer = statements.loneCustomer.get({ channel, externalId })
    if (!customer) return true
    if (customer.pending === 1) return false
    statements.emptyCustomer.run({ id: customer.id })
    statements.eraseCustomer.run({ id: customer.id })
    return true
  }
}

export interface ErasedRows {
  readonly names: readonly string[]
  /** Whether the row of the one who was forgotten has these names as well. */
  readonly isNamed: boolean
}

interface Request {
  readonly key: { readonly channel: string; readonly userId: string }
  readonly how: { readonly deletesProfile: boolean; readonly lifeMs: number }
}

interface Contact {
  readonly id: number
  readonly friendAt: number
  /** The newest of which anybody has told. */
  readonly heardAt: number
  readonly status: string
  readonly externalId: string | null
}

const isCleared = ({ status, externalId }: Contact) => status === 'gone' && externalId === null

interface Row extends Omit<Forgetting, 'receipt' | 'state' | 'userId'> {
  readonly id: string
  readonly hash: string
  readonly userId: string
  readonly state: State
  readonly externalIds: string | null
}
type State = Forgetting['state'] | 'wiping'

const shownState = (state: State): Forgetting['state'] => (state === 'wiping' ? 'erasing' : state)

function answerOf({ id, state, hash: _, externalIds: __, ...row }: Row): Forgetting {
  return { receipt: id, ...row, state: shownState(state) }
}

const ROW = `
  SELECT id, hash, channel, user_id AS userId, external_ids AS externalIds, state, profile, forgotten_at AS forgottenAt,
    ends_at AS endsAt, problem, (
      SELECT coalesce(contacts.failure, customers.failure) FROM contacts
      LEFT JOIN customers ON customers.id = contacts.customer
      WHERE contacts.channel = forgotten.channel AND contacts.user_id = forgotten.user_id
    ) AS failure
  FROM forgotten`

/** Braze holds nothing of them any more, and that has settled. Of those who are back that is no question. */
const IS_READY = `
  due_at <= @now AND (ends_at IS NOT NULL OR NOT EXISTS (
    SELECT 1 FROM contacts WHERE contacts.channel = forgotten.channel AND contacts.user_id = forgotten.user_id
      AND (contacts.revision <> contacts.accepted OR contacts.failure IS NOT NULL OR contacts.due_at > @now
        OR contacts.customer IS NOT NULL OR contacts.target IS NOT NULL
        OR EXISTS (SELECT 1 FROM merges WHERE contact = contacts.id AND is_asked AND outcome IS NOT 'left'))))`

const FLIPS = "(status <> 'gone' AND customer IS NULL AND target IS NULL)"
const RETRIES = `(${FLIPS} OR failure IS NOT NULL)`

const prepare = (database: BetterSqlite3.Database) => ({
  keys: database.prepare<[], string>('SELECT DISTINCT key FROM forgotten').pluck(),
  find: database.prepare<[object], Row>(`${ROW} WHERE hash = @hash`),
  findOpen: database.prepare<[object], Row>(`${ROW} WHERE id = @id AND state <> 'done'`),
  findOfCustomer: database.prepare<[object], Row>(`
    ${ROW} WHERE channel = @channel AND state <> 'done' AND user_id IS NOT NULL
      AND EXISTS (SELECT 1 FROM json_each(external_ids) WHERE value = @externalId)`),
  contact: database.prepare<[object], Contact>(`
    SELECT id, friend_at AS friendAt, max(friend_at, messaged_at) AS heardAt, status, external_id AS externalId FROM contacts
    WHERE channel = @channel AND user_id = @userId`),
  /** Of those who are back it is kept that Braze was asked to delete the profile, and until when that is waited for. */
  add: database.prepare(`
    INSERT INTO forgotten (
      id, channel, hash, key, user_id, external_ids, forgotten_at, life_ms, deletes_profile, state, due_at
    )
    SELECT @id, @channel, @hash, @key, @userId, (
      SELECT json_group_array(DISTINCT name) FROM (
        SELECT contacts.external_id AS name FROM contacts WHERE contacts.id = @contact AND name IS NOT NULL
        UNION ALL
        SELECT customers.external_id FROM contacts
        JOIN customers ON customers.id IN (contacts.customer, contacts.target) WHERE contacts.id = @contact
      )
    ), @at, @lifeMs, @deletes, 'clearing', @now WHERE true
    ON CONFLICT (hash) DO UPDATE SET
      id = excluded.id, user_id = excluded.user_id, external_ids = excluded.external_ids, state = excluded.state,
      forgotten_at = excluded.forgotten_at, gone_at = 0, life_ms = excluded.life_ms, ends_at = NULL,
      deletes_profile = excluded.deletes_profile`),
  change: database.prepare(`
    UPDATE forgotten SET deletes_profile = @deletes, forgotten_at = @at, problem = NULL, due_at = iif(problem IS NULL, due_at, 0)
    WHERE id = @id`),
  prolong: database.prepare(`
    UPDATE forgotten SET forgotten_at = @at, life_ms = @lifeMs, ends_at = max(ends_at, @now + @lifeMs) WHERE id = @id`),
  remove: database.prepare('DELETE FROM forgotten WHERE id = @id'),
  end: database.prepare("DELETE FROM forgotten WHERE state = 'done' AND ends_at <= @now"),
  retryCustomer: database.prepare(`
    UPDATE customers SET
      revision = revision + 1, changed_at = @now, due_at = max(due_at, @now), failure = NULL, run = NULL
    WHERE failure IS NOT NULL AND id = (SELECT customer FROM contacts WHERE contacts.id = @contact)`),
  clear: database.prepare(`
    UPDATE contacts SET
      gone_at = max(friend_at, messaged_at, gone_at, @at),
      external_id = NULL, linked_at = max(linked_at, @at),
      revision = revision + ${RETRIES},
      changed_at = iif(${RETRIES} AND NOT pending, @now, changed_at),
      due_at = iif(${RETRIES} AND NOT pending, max(due_at, @now), due_at),
      failure = NULL, run = NULL
    WHERE id = @contact`),
  touch: database.prepare('INSERT OR IGNORE INTO touched VALUES (@contact)'),
  due: database.prepare<
    [object],
    Omit<DueForgetting, 'deletesProfile' | 'isBack' | 'state'> & {
      deletesProfile: 0 | 1
      isBack: 0 | 1
      state: State
    }
  >(`
    SELECT id AS receipt, channel, user_id AS userId, state, deletes_profile AS deletesProfile, tries,
      ends_at IS NOT NULL AS isBack FROM forgotten
    WHERE state <> 'done' AND ${IS_READY} ORDER BY due_at LIMIT @limit`),
  isReady: database.prepare(`SELECT 1 FROM forgotten WHERE id = @id AND ${IS_READY}`),
  step: database.prepare(`
    UPDATE forgotten SET state = @state, due_at = @dueAt, problem = @problem, tries = tries + (@state = 'deleting')
    WHERE id = @id AND state IN ('clearing', 'deleting') AND ends_at IS NULL`),
  /** `check_until` is later than `due_at`: no end of a look-up ends this pause. */
  rest: database.prepare(`
    UPDATE contacts SET due_at = max(contacts.due_at, @dueAt), check_until = max(contacts.due_at, @dueAt) + 1 FROM forgotten
    WHERE forgotten.id = @id AND contacts.channel = forgotten.channel AND contacts.user_id = forgotten.user_id`),
  erase: [
    'DELETE FROM merges WHERE contact = @contact',
    'DELETE FROM touched WHERE contact = @contact',
    // They stay used, by nobody.
    `UPDATE nonces SET user_id = '', external_id = '' WHERE channel = @channel AND user_id = @userId`,
    'UPDATE counts SET gone = gone - 1 WHERE channel = @channel',
    'DELETE FROM contacts WHERE id = @contact',
  ].map((text) => database.prepare(text)),
  loneCustomer: database.prepare<[object], { id: number; pending: 0 | 1 }>(`
    SELECT id, pending FROM customers WHERE channel = @channel AND external_id = @externalId
      AND NOT EXISTS (
        SELECT 1 FROM contacts WHERE contacts.channel = @channel AND contacts.external_id = @externalId)
      AND NOT EXISTS (SELECT 1 FROM contacts WHERE contacts.customer = customers.id)`),
  /** So that it counts as nothing. */
  emptyCustomer: database.prepare(
    'UPDATE customers SET failure = NULL, accepted = revision, check_at = NULL WHERE id = @id',
  ),
  eraseCustomer: database.prepare('DELETE FROM customers WHERE id = @id'),
  erasing: database.prepare(
    "UPDATE forgotten SET state = 'erasing', profile = @profile, problem = NULL WHERE id = @id",
  ),
  unname: database.prepare(
    "UPDATE forgotten SET user_id = NULL, external_ids = NULL, state = 'wiping' WHERE id = @id AND state = 'erasing'",
  ),
  done: database.prepare(
    "UPDATE forgotten SET state = 'done', ends_at = @now + life_ms WHERE id = @id AND state = 'wiping'",
  ),
  open: database.prepare<[object], BeingForgotten>(`
    SELECT channel, count(*) AS count, max(0, @now - min(forgotten_at)) AS oldestMs FROM forgotten
    WHERE state <> 'done' AND ends_at IS NULL GROUP BY channel ORDER BY channel`),
})
