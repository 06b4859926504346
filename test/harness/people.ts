/** People who do not exist, and what becomes known of them. Every test takes its people from here, or from the sandbox. */
import { randomBytes } from 'node:crypto'
import { friend } from '../../src/contact/contact.ts'
import type { Address } from '../../src/contact/profile.ts'

/** A user id as LINE's are: `U` and 32 hex digits. */
export const USER = `U${'0123456789abcdef'.repeat(2)}`
/** The account that webhooks name as their destination. */
export const ACCOUNT = 'U0'

/** Ids that are easy to tell apart: `u0`, `u1`, … */
export const users = (count: number, prefix = 'u') => Array.from({ length: count }, (_, i) => `${prefix}${i}`)
/** As random as LINE's, and so all over an index. */
export const strangers = (count: number) =>
  Array.from({ length: count }, () => randomBytes(16).toString('hex'))
/** Ids as long as LINE's. */
export const longUsers = (count: number, filler = '0') =>
  users(count, '').map((i) => `U${i.padStart(32, filler)}`)

export const key = (userId: string, channel = 'default') => ({ channel, userId })
/** That each of them is a friend. */
export const friends = (userIds: readonly string[], at = 1_000) =>
  userIds.map((userId) => friend(key(userId), at))

/** An event of a webhook. */
export const followEvent = (timestamp: number, userId = USER) => ({
  type: 'follow',
  timestamp,
  source: { type: 'user', userId },
})
/** The body of a webhook with these events. */
export const bodyOf = (...events: unknown[]) => Buffer.from(JSON.stringify({ destination: ACCOUNT, events }))

/** The user id, or the external id, of a profile. */
export const nameOf = (address: Address) => ('userId' in address ? address.userId : address.externalId)
