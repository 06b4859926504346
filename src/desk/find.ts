import type { ContactKey } from '../contact/contact.ts'
import { externalIdFault } from '../contact/link.ts'
import type { KnownContact, Ledger } from '../ledger/ledger.ts'
import { isTypicalUserId, isUserId } from '../line/user-id.ts'

/**
 * Whom people call by an id of LINE's, or by one of the brand's; which of the two it looks like is tried first. Of a customer
 * those with the newest links come first. The ledger is asked only for what can be an id: PostgreSQL takes no other text.
 */
export async function findPeople(
  ledger: Pick<Ledger, 'contacts' | 'forgettings'>,
  channels: readonly string[],
  id: string,
): Promise<ContactKey[]> {
  const byUserId = async () =>
    isUserId(id) ? ofAll(channels, (channel) => ledger.contacts(channel, { userId: id })) : []
  const byExternalId = async () =>
    externalIdFault(id) === undefined ? ofAll(channels, (channel) => customersAt(ledger, channel, id)) : []
  const [first, second] = isTypicalUserId(id) ? [byUserId, byExternalId] : [byExternalId, byUserId]
  const found = await first()
  return found.length > 0 ? found : second()
}

type Found = Pick<KnownContact, 'userId' | 'linkedAt'>

/** Also who was this customer until they asked to be forgotten, and is not erased yet. */
async function customersAt(
  ledger: Pick<Ledger, 'contacts' | 'forgettings'>,
  channel: string,
  externalId: string,
): Promise<Found[]> {
  const [contacts, forgettings] = await Promise.all([
    ledger.contacts(channel, { externalId }),
    ledger.forgettings(channel, { externalId }),
  ])
  const open = forgettings.flatMap(({ userId, forgottenAt }) =>
    userId === null ? [] : [{ userId, linkedAt: forgottenAt }],
  )
  return [...contacts, ...open]
}

async function ofAll(
  channels: readonly string[],
  find: (channel: string) => Promise<readonly Found[]>,
): Promise<ContactKey[]> {
  const found = await Promise.all(
    channels.map(async (channel) => (await find(channel)).map((contact) => ({ channel, ...contact }))),
  )
  return found
    .flat()
    .sort((a, b) => b.linkedAt - a.linkedAt)
    .map(({ channel, userId }) => ({ channel, userId }))
}
