/** LINE's ids are `U` and 32 hex digits, module channels use 68 characters, recorded examples hold others. */
const USER_ID = /^[\x21-\x7e]{1,255}$/

/** LINE's old console checks sent events of this user, who does not exist. */
export const DUMMY_USER = 'Udeadbeefdeadbeefdeadbeefdeadbeef'

export const isUserId = (value: unknown): value is string => typeof value === 'string' && USER_ID.test(value)

/** Whether it may be somebody's. */
export const isPerson = (value: unknown): value is string => isUserId(value) && value !== DUMMY_USER

/** As LINE's ids of people are, and hardly anybody else's. */
export const isTypicalUserId = (value: string): boolean => /^U[0-9a-f]{32}$/.test(value)
