import { statusOf, type Times } from '../../contact/contact.ts'
import type { Link } from '../../contact/link.ts'
import type { Ledger, Person } from '../ledger.ts'
import type { Database } from './database.ts'
import { PERSON } from './people.ts'
import { profileIdOf } from './profile-ids.ts'

/** Single contacts, by what people call them. */
export const createKnownContacts = (database: Database) =>
  ({
    async contacts(channel, address) {
      const by = 'userId' in address ? BY_USER_ID : BY_EXTERNAL_ID
      const rows = await database.query<Times & Link & { userId: string }>(by, { channel, ...address })
      return rows.map(({ userId, externalId, linkedAt, ...times }) => ({
        id: profileIdOf('contact', channel, userId),
        userId,
        status: statusOf(times),
        externalId,
        linkedAt,
      }))
    },
    async person({ channel, userId }) {
      const [row] = await database.query<{ person: Person }>(PERSON, { channel, userId })
      return row?.person ?? null
    },
  }) satisfies Partial<Ledger>

const KNOWN = `
  SELECT user_id AS "userId", external_id AS "externalId", linked_at AS "linkedAt", friend_at AS "friendAt",
    messaged_at AS "messagedAt", gone_at AS "goneAt"
  FROM contacts WHERE channel = @channel`
const BY_USER_ID = `${KNOWN} AND user_id = @userId`
const BY_EXTERNAL_ID = `${KNOWN} AND external_id = @externalId ORDER BY linked_at DESC`
