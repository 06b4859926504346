import type { IncomingHttpHeaders } from 'node:http'
import { SESSION_MS } from './sessions.ts'

/** What of a request says where it comes from. */
export interface Coming {
  readonly headers: IncomingHttpHeaders
  /** `https` where the connection itself is. */
  readonly protocol: string
}

/** Whether a browser has asked by https, as far as whoever stands in front says. */
export const isSecure = ({ headers, protocol }: Coming) =>
  protocol === 'https' || String(headers['x-forwarded-proto']).split(',')[0]?.trim() === 'https'

/** By https with a name that no other host of the domain can set. Source: RFC 6265bis, section 4.1.3. */
const nameFor = (coming: Coming) => `${isSecure(coming) ? '__Host-' : ''}line-braze-session`

export function readCookie(coming: Coming): string {
  const name = nameFor(coming)
  for (const pair of (coming.headers.cookie ?? '').split(';')) {
    const at = pair.indexOf('=')
    if (pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim()
  }
  return ''
}

/** @param value empty: it is taken away */
export function cookieFor(coming: Coming, value: string): string {
  const maxAge = value === '' ? 0 : SESSION_MS / 1000
  const secure = isSecure(coming) ? '; Secure' : ''
  return `${nameFor(coming)}=${value}; Path=/; Max-Age=${maxAge}; HttpOnly; SameSite=Strict${secure}`
}

/**
 * Whether a page of somebody else's has made a browser ask. `SameSite=Strict` keeps the cookie from other sites; this, from
 * other hosts of the same one. What is no browser says nothing, and has no cookie that it does not know of.
 */
export function isForeign({ headers }: Coming): boolean {
  const site = headers['sec-fetch-site']
  // A proxy may name another host, so that the browser's own word counts where there is one.
  if (site !== undefined) return site !== 'same-origin'
  const { origin, host } = headers
  if (origin === undefined) return false
  return !URL.canParse(origin) || new URL(origin).host !== host
}
