/**
 * The newest word on which customer a contact is. It is evidence, as the three times are: the newest counts, so that it
 * may come twice, late and in any order.
 */
export interface Link {
  /** The brand's own id of the customer, which Braze knows as `external_id`; null: no longer a customer's. */
  readonly externalId: string | null
  /** When that was learnt, milliseconds since 1970; 0: never. */
  readonly linkedAt: number
}

/** Braze takes 987 bytes; a longer one than this is a mistake. */
const LONGEST_BYTES = 512

/** Whether `a` counts and not `b`. Of two from one moment the greater external id counts, in the order of code points. */
export function isNewerLink(a: Link, b: Link): boolean {
  if (a.linkedAt !== b.linkedAt) return a.linkedAt > b.linkedAt
  return Buffer.compare(Buffer.from(a.externalId ?? ''), Buffer.from(b.externalId ?? '')) > 0
}

/** A contact of a customer, as far as it says where the customer can be reached. */
export interface LinkedContact {
  readonly userId: string
  readonly linkedAt: number
  readonly reachable: boolean
}

/**
 * Of several contacts of one customer (a new phone, a second account) the one whose user id the customer's profile holds:
 * the reachable one with the newest link, and of two from one moment the one with the greater user id.
 */
export function holderOf<C extends LinkedContact>(contacts: readonly C[]): C | null {
  let holder: C | null = null
  for (const contact of contacts) {
    if (!contact.reachable) continue
    const isNewer =
      !holder ||
      contact.linkedAt > holder.linkedAt ||
      (contact.linkedAt === holder.linkedAt && contact.userId > holder.userId)
    if (isNewer) holder = contact
  }
  return holder
}

/** What keeps a value from being an external id; undefined where nothing does. Completes "The external id …". */
export function externalIdFault(value: unknown): string | undefined {
  if (typeof value !== 'string') return 'must be a text'
  if (value === '') return 'is empty'
  if (!value.isWellFormed()) return 'is not well-formed Unicode'
  if (/\p{Cc}/u.test(value)) return 'has a control character'
  if (value.trim() !== value) return 'begins or ends with a space'
  return Buffer.byteLength(value) > LONGEST_BYTES ? `is longer than ${LONGEST_BYTES} bytes` : undefined
}
