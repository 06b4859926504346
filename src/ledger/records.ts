import type { ContactKey } from '../contact/contact.ts'
import type { Growth, Sample } from './desk.ts'

/**
 * A part of a whole ledger, as every database reads and writes it. Contacts and customers are named as Braze and LINE name
 * them, since ids are each database's own; moments are milliseconds since 1970. In the order of this list: which ledger it is,
 * customers before the contacts that are in their profiles, and `end` when there is nothing more.
 */
export type LedgerPart =
  | { readonly kind: 'ledger'; readonly id: string }
  | { readonly kind: 'accounts'; readonly rows: readonly AccountRecord[] }
  | { readonly kind: 'runs'; readonly rows: readonly RunRecord[] }
  | { readonly kind: 'tokens'; readonly rows: readonly TokenRecord[] }
  | { readonly kind: 'nonces'; readonly rows: readonly NonceRecord[] }
  | { readonly kind: 'forgotten'; readonly rows: readonly ForgottenRecord[] }
  | { readonly kind: 'customers'; readonly rows: readonly CustomerRecord[] }
  | { readonly kind: 'contacts'; readonly rows: readonly ContactRecord[] }
  | { readonly kind: 'activity'; readonly rows: readonly ActivityRecord[] }
  | { readonly kind: 'series'; readonly rows: readonly Sample[] }
  | { readonly kind: 'growth'; readonly rows: readonly GrowthRecord[] }
  | { readonly kind: 'end' }

/** The parts that are rows of one kind, in their order. */
export const ROW_KINDS = [
  'accounts',
  'runs',
  'tokens',
  'nonces',
  'forgotten',
  'customers',
  'contacts',
  'activity',
  'series',
  // After contacts, which count when they are stored.
  'growth',
] as const
export type RowKind = (typeof ROW_KINDS)[number]
export type RowPart = Extract<LedgerPart, { readonly kind: RowKind }>

/** Rows in a part, at most. */
export const ROWS_AT_ONCE = 2_000

export interface AccountRecord {
  readonly channel: string
  readonly destination: string
  readonly heard: boolean
}

/** Runs keep their numbers, by which contacts name them. */
export interface RunRecord {
  readonly id: number
  readonly kind: string
  readonly channel: string
  readonly account: string | null
  readonly asOf: number
  readonly state: string
  readonly cursor: string | null
  readonly cursorAt: number
  readonly known: number
  readonly pages: number
  readonly listed: number
  readonly invalid: number
  readonly added: number
  readonly returned: number
  readonly gone: number
  readonly beganAt: number | null
  readonly endedAt: number | null
}

export interface TokenRecord {
  readonly channel: string
  readonly keyId: string
  readonly issuedAt: number
  readonly endsAt: number
  readonly writtenAt: number | null
}

export interface NonceRecord {
  readonly hash: string
  readonly channel: string
  readonly externalId: string
  readonly expiresAt: number
  readonly userId: string | null
}

export interface ForgottenRecord {
  readonly id: string
  readonly channel: string
  readonly hash: string
  readonly key: string
  readonly userId: string | null
  readonly externalIds: string | null
  readonly forgottenAt: number
  readonly goneAt: number
  readonly lifeMs: number
  readonly endsAt: number | null
  readonly deletesProfile: boolean
  readonly profile: string | null
  readonly state: string
  readonly dueAt: number
  readonly tries: number
  readonly problem: string | null
}

/** How far Braze has been told of a profile. */
interface ToldRecord {
  readonly revision: number
  readonly accepted: number
  readonly changedAt: number
  readonly dueAt: number
  readonly failure: string | null
  readonly run: number | null
}

export interface CustomerRecord extends ToldRecord {
  readonly channel: string
  readonly externalId: string
  readonly isKnown: boolean
  readonly checkAt: number | null
  readonly isUrgent: boolean
  readonly tries: number
  /** Whether its profile should hold somebody's user id: of the contact that says `isHolder`. */
  readonly hasHolder: boolean
}

export interface ContactRecord extends ContactKey, ToldRecord {
  readonly friendAt: number
  readonly messagedAt: number
  readonly goneAt: number
  readonly checkUntil: number | null
  readonly externalId: string | null
  readonly linkedAt: number
  /** External ids: whose profile should have the user id, and whose may have it. */
  readonly target: string | null
  readonly customer: string | null
  readonly isHolder: boolean
  readonly merge: MergeRecord | null
}

export interface MergeRecord {
  readonly externalId: string
  readonly action: string | null
  readonly isAsked: boolean
  readonly outcome: string | null
  readonly dueAt: number
  readonly tries: number
}

export interface ActivityRecord {
  readonly channel: string
  readonly webhookAt: number
  readonly deliveredAt: number
}

export interface GrowthRecord extends Growth {
  readonly channel: string
}

export type FieldType = 'text' | 'bigint' | 'boolean'
type Fields<R> = Readonly<Record<keyof R & string, FieldType>>

const TOLD: Fields<ToldRecord> = {
  revision: 'bigint',
  accepted: 'bigint',
  changedAt: 'bigint',
  dueAt: 'bigint',
  failure: 'text',
  run: 'bigint',
}

const GROWTH: Fields<Growth> = {
  followed: 'bigint',
  listed: 'bigint',
  returned: 'bigint',
  blocked: 'bigint',
  lapsed: 'bigint',
}

/** Fields that are a column of that name in either database, and which of them are the key. */
export const FIELDS = {
  accounts: { channel: 'text', destination: 'text', heard: 'boolean' } satisfies Fields<AccountRecord>,
  runs: {
    id: 'bigint',
    kind: 'text',
    channel: 'text',
    account: 'text',
    asOf: 'bigint',
    state: 'text',
    cursor: 'text',
    cursorAt: 'bigint',
    known: 'bigint',
    pages: 'bigint',
    listed: 'bigint',
    invalid: 'bigint',
    added: 'bigint',
    returned: 'bigint',
    gone: 'bigint',
    beganAt: 'bigint',
    endedAt: 'bigint',
  } satisfies Fields<RunRecord>,
  tokens: {
    channel: 'text',
    keyId: 'text',
    issuedAt: 'bigint',
    endsAt: 'bigint',
    writtenAt: 'bigint',
  } satisfies Fields<TokenRecord>,
  nonces: {
    hash: 'text',
    channel: 'text',
    externalId: 'text',
    expiresAt: 'bigint',
    userId: 'text',
  } satisfies Fields<NonceRecord>,
  forgotten: {
    id: 'text',
    channel: 'text',
    hash: 'text',
    key: 'text',
    userId: 'text',
    externalIds: 'text',
    forgottenAt: 'bigint',
    goneAt: 'bigint',
    lifeMs: 'bigint',
    endsAt: 'bigint',
    deletesProfile: 'boolean',
    profile: 'text',
    state: 'text',
    dueAt: 'bigint',
    tries: 'bigint',
    problem: 'text',
  } satisfies Fields<ForgottenRecord>,
  customers: {
    channel: 'text',
    externalId: 'text',
    isKnown: 'boolean',
    checkAt: 'bigint',
    isUrgent: 'boolean',
    tries: 'bigint',
    ...TOLD,
  } satisfies Fields<Omit<CustomerRecord, 'hasHolder'>>,
  contacts: {
    channel: 'text',
    userId: 'text',
    friendAt: 'bigint',
    messagedAt: 'bigint',
    goneAt: 'bigint',
    checkUntil: 'bigint',
    externalId: 'text',
    linkedAt: 'bigint',
    ...TOLD,
  } satisfies Fields<Omit<ContactRecord, 'target' | 'customer' | 'isHolder' | 'merge'>>,
  activity: {
    channel: 'text',
    webhookAt: 'bigint',
    deliveredAt: 'bigint',
  } satisfies Fields<ActivityRecord>,
  series: {
    channel: 'text',
    at: 'bigint',
    friend: 'bigint',
    messager: 'bigint',
    gone: 'bigint',
    linked: 'bigint',
    ...GROWTH,
  } satisfies Fields<Sample>,
  growth: { channel: 'text', ...GROWTH } satisfies Fields<GrowthRecord>,
  merges: {
    externalId: 'text',
    action: 'text',
    isAsked: 'boolean',
    outcome: 'text',
    dueAt: 'bigint',
    tries: 'bigint',
  } satisfies Fields<MergeRecord>,
} as const

export const KEYS: Readonly<Record<RowKind, readonly string[]>> = {
  accounts: ['channel'],
  runs: ['id'],
  tokens: ['channel', 'keyId'],
  nonces: ['hash'],
  forgotten: ['hash'],
  customers: ['channel', 'externalId'],
  contacts: ['channel', 'userId'],
  activity: ['channel'],
  series: ['channel', 'at'],
  growth: ['channel'],
}

/** `userId` is the column `user_id`. */
export const columnOf = (field: string) => field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** What stores news or says that it could, and so what a ledger that moves out keeps everybody from; leases but those of a copy. */
export const CLOSED = [
  ...ROW_KINDS.filter((kind) => kind !== 'growth'),
  'merges',
  'probes',
  'leases',
] as const
/** Who holds leases of a ledger that moves out. */
export const COPIER = 'copy'

/** Why a ledger is not worked with, or not copied into. */
export const REFUSALS = {
  unfinished:
    'This database holds a copy that is not finished, and is not to be worked with. Run line-braze copy again, from the same database; or take another database.',
  moved:
    'This database was copied into another one by line-braze copy, or is being copied, and stores nothing any more. Set DATABASE_URL to the copy; or start that copy again, where it was not finished; or, where nobody has worked with the copy, open this one again with line-braze copy --undo.',
  linking:
    'Somebody is still being linked in the database of DATABASE_URL; stop whatever works on it, and try again.',
  itself: 'This is the database that is to be copied; name another one in --to.',
  used: 'The database of --to holds a ledger that is no copy of this one, or that has been worked with since it was copied; name an empty database.',
  served: 'A server or a run is at work on the database of --to; stop it, or name an empty database.',
} as const
