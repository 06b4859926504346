/** What the tests of /api have in common: the server with two channels over a ledger, and a LINE that says what the test says. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { ContactKey } from '../../src/contact/contact.ts'
import { inspect } from '../../src/desk/inspect.ts'
import type { Part, ServerOptions } from '../../src/http/server.ts'
import { LineError } from '../../src/line/call.ts'
import type { Vouched } from '../../src/line/login.ts'
import { folder } from './files.ts'
import { NOW, setUp } from './http.ts'
import { openInline } from './ledger.ts'
import { USER } from './people.ts'

export const TOKENS = ['new-api-token', 'old-api-token'] as const
export const FORGET_MS = 7 * 86_400_000
export const CUSTOMER = 'customer 1'
/** As ID tokens look: a head, what is claimed, and a signature. */
export const idToken = (claims = 'claims', signature = 'signature') => `head.${claims}.${signature}`

interface Asked {
  readonly method?: string
  readonly body?: unknown
  readonly token?: string
  readonly headers?: Readonly<Record<string, string>>
}

export async function setUpApi(t: Test, options: Partial<ServerOptions> = {}, parts?: readonly Part[]) {
  let now = NOW
  const path = join(folder(t), 'ledger.db')
  const ledger = await openInline({ url: `file:${path}`, clock: () => now })
  t.teardown(() => ledger.close())
  const { link, linkOnce, addNonce, redeemNonce, forget } = ledger
  const line = {
    claims: [] as unknown[],
    vouched: { userId: USER, lifeMs: 3_600_000 } as Vouched | LineError,
    linkToken: 'link-token' as string | LineError,
  }
  const means = { makesProfiles: true, mergesProfiles: false, messagerWindowMs: 0 }
  const api = {
    tokens: TOKENS,
    ledger: { link, linkOnce, addNonce, forget },
    inspect: (key: ContactKey) => inspect(key, { ledger, ...means, clock: () => now }),
    forgetMs: FORGET_MS,
    channels: new Map([
      [
        'default',
        {
          async verifyIdToken(claim: object) {
            line.claims.push(claim)
            if (line.vouched instanceof LineError) throw line.vouched
            return line.vouched
          },
          async issueLinkToken(userId: string) {
            if (line.linkToken instanceof LineError) throw line.linkToken
            return `${line.linkToken}-${userId}`
          },
        },
      ],
      ['bare', { verifyIdToken: undefined, issueLinkToken: undefined }],
    ]),
  }
  const server = await setUp(t, { api, ...options }, parts)
  Object.assign(server.ledger, { redeemNonce })

  /** Asks with a good token and JSON, where nothing else is said. */
  async function ask(path: string, { method = 'POST', body, token = TOKENS[0], headers = {} }: Asked = {}) {
    const isText = typeof body === 'string' || body instanceof Uint8Array
    const answer = await fetch(server.url + path, {
      method,
      headers: {
        ...(token && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: (isText ? body : JSON.stringify(body)) as never }),
    })
    const text = await answer.text()
    return { status: answer.status, headers: answer.headers, body: JSON.parse(text) }
  }
  const linkPath = (userId = USER, channel = 'default') =>
    `/api/channels/${channel}/contacts/${encodeURIComponent(userId)}/link`

  return {
    ...server,
    db: ledger,
    api,
    line,
    redeemNonce,
    /** What is known of people. */
    known: ledger,
    ask,
    linkPath,
    put: (externalId: unknown, userId?: string) =>
      ask(linkPath(userId), { method: 'PUT', body: { externalId } }),
    later(ms: number) {
      now += ms
    },
    /** The customer of somebody; undefined where there is none. */
    async customerOf(userId: string, channel = 'default') {
      for await (const page of ledger.links(channel))
        for (const known of page) if (known.userId === userId) return known.externalId
      return undefined
    },
    /** All that is on disk. */
    onDisk: () => [path, `${path}-wal`].map((file) => readFileSync(file, 'latin1')).join(''),
    /** What is logged of links, without how long it took. */
    told: () =>
      server.lines
        .filter(({ message }) => message === 'link')
        .map(({ fields: { channel, source, outcome } }) => [channel, source, outcome].join(' ')),
    async counted(source: string, outcome: string, channel = 'default') {
      const { body } = await server.get('/metrics')
      const labels = `{channel="${channel}",source="${source}",outcome="${outcome}"}`
      return Number(body.split(`line_braze_links_total${labels} `)[1]?.split('\n')[0] ?? 0)
    },
  }
}
