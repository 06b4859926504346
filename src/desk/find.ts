import type { ContactKey } from '../contact/contact.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { isTypicalUserId } from '../line/user-id.ts'

/**
 * Whom people call by an id of LINE's, or by one of the brand's; which of the two it looks like is tried first. Of a customer
 * those with the newest links come first.
 */
export async function findPeople(
  ledger: Pick<Ledger, 'contacts'>,
  channels: readonly string[],
  id: string,
): Promise<ContactKey[]> {
  const byUserId = () => ofAll(channels, (channel) => ledger.contacts(channel, { userId: id }))
  const byExternalId = () => ofAll(channels, (channel) => ledger.contacts(channel, { externalId: id }))
  const [first, second] = isTypicalUserId(id) ? [byUserId, byExternalId] : [byExternalId, byUserId]
  const found = await first()
  return found.length > 0 ? found : second()
}

async function ofAll(
  channels: readonly string[],
  find: (channel: string) => ReturnType<Ledger['contacts']>,
): Promise<ContactKey[]> {
  const found = await Promise.all(
    channels.map(async (channel) => (await find(channel)).map((contact) => ({ channel, ...contact }))),
  )
  return found
    .flat()
    .sort((a, b) => b.linkedAt - a.linkedAt)
    .map(({ channel, userId }) => ({ channel, userId }))
}
