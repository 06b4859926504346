import pg from 'pg'
import { LedgerError } from '../ledger.ts'
import { REFUSALS } from '../records.ts'

/** What pg says, without a code, where TLS is asked for in vain. */
const NO_TLS = 'The server does not support SSL connections'

/** By SQLSTATE, or its class, or what Node says of the connection; each completes "The database … ". */
const HINTS: Record<string, string> = {
  '28': 'refuses the user or the password; check DATABASE_URL',
  '3D000': 'does not exist; create it, or set DATABASE_URL to another one',
  '3F000': 'has no such schema; create it, or set DATABASE_URL to another one',
  '42P07': 'has tables of another program; set DATABASE_URL to a database or a schema of its own',
  '42501':
    'may not be used by this user as is needed; grant it the rights to make and use tables in its schema',
  '25006': 'is read-only, as a standby is; set DATABASE_URL to the one that can be written',
  '53300': 'has no connection left; raise max_connections, or put a pooler in front of it',
  '53100': 'cannot grow: its disk is full; free some space',
  '53': 'lacks resources; look into its log',
  '25P03':
    'has ended a transaction in which this process said nothing for too long, as while it was suspended; it is tried again',
  '40': 'has too many transactions that wait for each other; try again',
  '57014': 'took too long over a statement; look for what keeps it busy',
  '55P03': 'is locked by another process; try again',
  '57P': 'is shutting down or starting; it is tried again',
  '08': 'has cut the connection; it is tried again',
  '08P01':
    'was not reached through a pooler, for the reason that follows; it must be in transaction or session mode, and DATABASE_URL without options',
  '58': 'meets an error of its machine; look into its log',
  XX: 'is damaged or at fault; look into its log',
  ECONNREFUSED: 'cannot be reached; check that it runs, and DATABASE_URL',
  ENOTFOUND: 'cannot be reached, since its host has no address; check DATABASE_URL',
  EAI_AGAIN: 'cannot be reached, since its host has no address now; check DATABASE_URL',
  'Connection terminated': 'has cut the connection; it is tried again',
  'Client has encountered a connection error': 'has cut the connection; it is tried again',
  ECONNRESET: 'has cut the connection; it is tried again',
  EPIPE: 'has cut the connection; it is tried again',
  ETIMEDOUT: 'does not answer in time; check it, the network, and DATABASE_URL',
  EHOSTUNREACH: 'cannot be reached; check the network, and DATABASE_URL',
  CERT_HAS_EXPIRED: 'has a certificate that has ended; renew it there',
  ERR_TLS_CERT_ALTNAME_INVALID:
    'has a certificate for another name; set DATABASE_URL to the name that is in it',
  ...Object.fromEntries(
    [
      'SELF_SIGNED_CERT_IN_CHAIN',
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
      'UNABLE_TO_GET_ISSUER_CERT',
    ].map((code) => [
      code,
      'has a certificate of a CA that is not known here; add sslrootcert=PATH of the CA to DATABASE_URL',
    ]),
  ),
  [NO_TLS]: 'offers no TLS; switch it on there, or take sslmode out of DATABASE_URL',
  ENOENT:
    'cannot be used, since a file or a socket that DATABASE_URL names is not there; check sslrootcert and host',
}

/** The constraint that refuses everything: see moving.ts. */
export const MOVED_OUT = 'moved_out'

/** What pg says, without a code, of a connection that does not come about, and of an answer that does not. */
const TOO_LATE = /timeout/i

/** One sentence that says what happened, to which database, and what to do; the cause is kept. */
export function asLedgerError(cause: unknown, name: string): LedgerError {
  if (cause instanceof LedgerError) return cause
  if ((cause as pg.DatabaseError).constraint === MOVED_OUT) return new LedgerError(REFUSALS.moved, { cause })
  const { message } = cause as Error
  const code = (cause as { code?: string }).code ?? (TOO_LATE.test(message) ? 'ETIMEDOUT' : '')
  const what = code || message
  const known = Object.keys(HINTS)
    .filter((hint) => what.startsWith(hint))
    .sort((a, b) => b.length - a.length)[0]
  const said = known ? HINTS[known] : 'cannot be used'
  // Only PostgreSQL's own message: its detail names rows.
  const words = [code, message].filter((part) => part && part !== '').join(': ')
  return new LedgerError(`The database ${name} ${said} (${words.replaceAll(/\s+/g, ' ')}).`, { cause })
}

/** Serialization failures and deadlocks, where one of the two is asked to try again. */
export const isWorthRetrying = (error: unknown) =>
  error instanceof pg.DatabaseError && ['40001', '40P01'].includes(error.code ?? '')

/** Somebody had the lock for longer than was waited for it. */
export const isLocked = (error: unknown) => error instanceof pg.DatabaseError && error.code === '55P03'

/** Nothing can have been done: it is a standby, or has become one. */
export const isReadOnly = (error: unknown) => error instanceof pg.DatabaseError && error.code === '25006'

/** A prepared statement that is not there, or that another client has named. */
export const isUnprepared = (error: unknown) =>
  error instanceof pg.DatabaseError && ['26000', '42P05'].includes(error.code ?? '')

/** What was met, without Drizzle's own words around it: these name every value of the statement. */
export function rootOf(error: unknown): unknown {
  const { query, cause } = error as { query?: unknown; cause?: unknown }
  return query !== undefined && cause !== undefined ? rootOf(cause) : error
}

/** Whether the connection is of no use any more: the server has said goodbye, is not there, or has not answered yet. */
export function isLost(error: unknown): boolean {
  const { code = '', message } = error as { code?: string; message: string }
  // What has become a standby is left for whoever is the primary now.
  if (error instanceof pg.DatabaseError) return isReadOnly(error) || /^(08|57P|25P03)/.test(code)
  return /^E[A-Z]+$/.test(code) || TOO_LATE.test(message) || /terminated|not queryable/.test(message)
}

/** Whether it has just not answered yet, of those. */
export const isLate = (error: unknown) => (error as Error).message === 'Query read timeout'

/** The URL as people may see it. */
export function nameOf(url: string): string {
  if (!URL.canParse(url)) return 'of DATABASE_URL'
  const { host, pathname } = new URL(url)
  return `${host}${pathname}`
}

/** Whether a connection that was there is gone; not where none could be made, or where nobody answers. */
export const isCut = (error: unknown) => {
  const { code = '', message } = error as { code?: string; message: string }
  return (
    /^(57P01|57P02|08(?!P01)|ECONNRESET|EPIPE)/.test(code) ||
    /^Connection terminated( unexpectedly)?$/.test(message)
  )
}
