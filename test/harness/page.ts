/** What the tests of the operator's page have in common: the server with it, over a ledger of its own. */
import { join } from 'node:path'
import type { Test } from 'tap'
import { createMeter } from '../../src/http/page/meter.ts'
import type { Part } from '../../src/http/server.ts'
import { createPage } from '../../src/process/page.ts'
import { TOKENS } from './api.ts'
import { folder } from './files.ts'
import { setUp } from './http.ts'
import { openInline } from './ledger.ts'

export const FORM = 'application/x-www-form-urlencoded'

export async function setUpPage(t: Test, tokens: readonly string[] = TOKENS, parts?: readonly Part[]) {
  const ledger = await openInline({ url: `file:${join(folder(t), 'ledger.db')}` })
  t.teardown(() => ledger.close())
  /** How often the ledger was asked for samples, and for servers as each look does. */
  const asked = { samples: 0, looks: 0 }
  const state = { failure: undefined as Error | undefined, isHanging: false }
  /** The ledger's, unless it fails or hangs. */
  const watched =
    <A extends unknown[], R>(method: (...args: A) => Promise<R>, count?: keyof typeof asked) =>
    (...args: A): Promise<R> => {
      if (count) asked[count] += 1
      if (state.isHanging) return new Promise(() => {})
      return state.failure ? Promise.reject(state.failure) : method(...args)
    }
  const meter = createMeter()
  const page = createPage(
    {
      API_TOKENS: tokens.join(','),
      BRAZE_CREATE_PROFILES: 'true',
      BRAZE_MERGE_PROFILES: false,
      MESSAGER_WINDOW_DAYS: 0,
    },
    [{ name: 'default' }],
    {
      ledger: {
        ...ledger,
        samples: watched(ledger.samples, 'samples'),
        servers: watched(ledger.servers, 'looks'),
        contacts: watched(ledger.contacts),
      },
      meter,
      server: 'this',
      quotas: () => [{ channel: 'default', quota: { limit: 500, used: 20 } }],
    },
  )
  const server = await setUp(t, { page }, parts)

  /** @param cookie as a browser sends it back */
  async function ask(
    path: string,
    { cookie = '', headers = {}, ...init }: RequestInit & { cookie?: string } = {},
  ) {
    const answer = await fetch(server.url + path, {
      redirect: 'manual',
      ...init,
      headers: { ...(cookie && { cookie }), ...(headers as Record<string, string>) },
    })
    return { status: answer.status, headers: answer.headers, text: await answer.text() }
  }
  const signIn = (token: string, headers: Record<string, string> = {}) =>
    ask('/page/sign-in', {
      method: 'POST',
      headers: { 'content-type': FORM, ...headers },
      body: new URLSearchParams({ token }).toString(),
    })

  return {
    ...server,
    /** The ledger itself, beside what fails and hangs. */
    store: ledger,
    state,
    asked,
    meter,
    ask,
    signIn,
    /** The cookie of who has just signed in. */
    async session(token = TOKENS[0] as string) {
      const { headers } = await signIn(token)
      return headers.getSetCookie()[0]?.split(';')[0] ?? ''
    },
    find: (name: unknown, cookie: string) =>
      ask('/page/people', { method: 'POST', cookie, body: JSON.stringify({ name }) }),
  }
}
