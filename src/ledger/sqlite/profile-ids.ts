import type { ProfileId } from '../ledger.ts'

/** Whose profile it is: that behind the alias of a contact, or a customer's. */
export type ProfileKind = 'contact' | 'customer'

/** Both tables count from 1 on, and customers' profiles have ids below 0. */
export const profileIdOf = (kind: ProfileKind, id: number): number => (kind === 'contact' ? id : -id)

/** The rows of each table, as JSON. */
export function sortIds(ids: readonly ProfileId[]): Record<ProfileKind, string> {
  const numbers = ids as readonly number[]
  return {
    contact: JSON.stringify(numbers.filter((id) => id > 0)),
    customer: JSON.stringify(numbers.filter((id) => id < 0).map((id) => -id)),
  }
}
