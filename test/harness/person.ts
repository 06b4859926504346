/** A person as the ledger tells of one, with what a test says of it. */
import type { Person, PersonCustomer, PersonProfile } from '../../src/ledger/ledger.ts'

export const NOW = 1_800_000_000_000

export const profile = (more: Partial<PersonProfile> = {}): PersonProfile => ({
  value: 'U1',
  revision: 1,
  accepted: 1,
  failure: null,
  pendingMs: null,
  restMs: -1_000,
  ...more,
})

export const customer = (externalId: string, more: Partial<PersonCustomer> = {}): PersonCustomer => ({
  ...profile(),
  externalId,
  isKnown: true,
  checkMs: null,
  tries: 0,
  ...more,
})

/** A friend whom nobody knows, and whose alias profile has the user id. */
export const person = (more: Partial<Person> = {}): Person => ({
  channel: 'default',
  userId: 'U1',
  status: 'friend',
  friendAt: NOW - 60_000,
  messagedAt: 0,
  goneAt: 0,
  externalId: null,
  linkedAt: 0,
  isListed: false,
  isAbsent: false,
  isImported: false,
  alias: profile(),
  customers: [],
  target: null,
  customer: null,
  merge: null,
  ...more,
})
