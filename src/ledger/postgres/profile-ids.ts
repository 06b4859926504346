import type { ProfileId } from '../ledger.ts'

/** Whose profile it is: that behind the alias of a contact, or a customer's. */
export type ProfileKind = 'contact' | 'customer'

/** Neither channels nor external ids have line breaks. */
export const profileIdOf = (kind: ProfileKind, channel: string, name: string): string =>
  `${kind}\n${channel}\n${name}`

export function keyOf(id: ProfileId): { kind: ProfileKind; channel: string; name: string } {
  const [kind, channel = '', name = ''] = String(id).split('\n')
  return { kind: kind === 'customer' ? 'customer' : 'contact', channel, name }
}

/** Keys of either table, as arrays for a statement. */
export function sortIds(ids: readonly ProfileId[]): Record<ProfileKind, Keys> {
  const keys = ids.map(keyOf)
  const of = (kind: ProfileKind) => {
    const mine = keys.filter((key) => key.kind === kind)
    return { channels: mine.map(({ channel }) => channel), names: mine.map(({ name }) => name) }
  }
  return { contact: of('contact'), customer: of('customer') }
}

export interface Keys {
  readonly channels: string[]
  readonly names: string[]
}
