import type BetterSqlite3 from 'better-sqlite3'
import type { KnownContact } from '../ledger.ts'
import { PERSON } from './people.ts'
import type { Stored } from './stored.ts'

/** Single contacts of one open database, by what people call them. */
export function createKnownContacts(database: BetterSqlite3.Database) {
  const statements = prepare(database)
  return {
    contacts: (_now, channel, address) =>
      'userId' in address
        ? statements.byUserId.all({ channel, ...address })
        : statements.byExternalId.all({ channel, ...address }).sort((a, b) => b.linkedAt - a.linkedAt),
    person(now, { channel, userId }) {
      const person = statements.person.get({ channel, userId, now })
      return person === undefined ? null : JSON.parse(person)
    },
  } satisfies Partial<Stored>
}

const KNOWN = `
  SELECT id, user_id AS userId, status, external_id AS externalId, linked_at AS linkedAt FROM contacts
  WHERE channel = @channel`

const prepare = (database: BetterSqlite3.Database) => ({
  byUserId: database.prepare<[object], KnownContact>(`${KNOWN} AND user_id = @userId`),
  /** They are few: a customer's phones. */
  byExternalId: database.prepare<[object], KnownContact>(`${KNOWN} AND external_id = @externalId`),
  person: database.prepare<[object], string>(PERSON).pluck(),
})
