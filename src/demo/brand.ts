import type { LineEvent } from '../sandbox/line/events.ts'
import { parseJson } from '../wire/answer.ts'
import { sleep } from '../wire/time.ts'
import type { Service } from './service.ts'
import type { Stage } from './stage.ts'

/** How the server learns which customer a person is. */
export const WAYS = ['api', 'idToken', 'accountLink'] as const
export type Way = (typeof WAYS)[number]

export type Brand = ReturnType<typeof createBrand>

type Fields = Readonly<Record<string, string>>

/** Of a server or a LINE that cannot answer right now. */
const PASSING = [502, 503]
const AGAIN_MS = 200

/**
 * The brand's own systems, which ask the server under `/api`, and the people who log in to them with LINE. LINE's webhooks
 * that follow go to `hear`. What is returned rejects where the server refuses, and when `signal` aborts.
 */
export function createBrand(
  { url }: Pick<Service, 'url'>,
  { lineApi, apiToken }: Pick<Stage, 'lineApi' | 'apiToken'>,
  hear: (event: LineEvent) => Promise<void>,
  signal: AbortSignal,
) {
  const headers = { authorization: `Bearer ${apiToken}`, 'content-type': 'application/json' }

  /** Asks until there is an answer. A server that has ended is noticed elsewhere, which aborts `signal`. */
  async function ask(method: string, path: string, fields?: object): Promise<Fields> {
    for (;;) {
      const answer = await request(method, path, fields).catch(() => null)
      signal.throwIfAborted()
      if (answer?.isOk) return parseJson(answer.text) as Fields
      if (answer && !PASSING.includes(answer.status))
        throw new Error(`The server answered ${method} /api with ${answer.status}: ${answer.text}`)
      await sleep(AGAIN_MS, signal)
    }
  }

  async function request(method: string, path: string, fields: object | undefined) {
    const body = fields && { body: JSON.stringify(fields) }
    const answer = await fetch(`${url}/api/channels/default${path}`, { method, headers, signal, ...body })
    return { status: answer.status, isOk: answer.ok, text: await answer.text() }
  }

  const ways: Readonly<Record<Way, (userId: string, externalId: string) => Promise<void>>> = {
    async api(userId, externalId) {
      await ask('PUT', `/contacts/${userId}/link`, { externalId })
    },
    async idToken(userId, externalId) {
      await ask('POST', '/links', { idToken: lineApi.issueIdToken(userId), externalId })
    },
    async accountLink(userId, externalId) {
      const { linkToken } = await ask('POST', '/link-tokens', { userId })
      const dialog = await ask('POST', '/account-links', { linkToken, externalId })
      // The person opens the address, and agrees.
      const { searchParams } = new URL(dialog.url as string)
      const [token, nonce] = [searchParams.get('linkToken'), searchParams.get('nonce')]
      const event = lineApi.finishAccountLink({ linkToken: token ?? '', nonce: nonce ?? '' })
      if (!event) throw new Error("LINE's account link does not take the address that the server gave.")
      await hear(event)
    },
  }

  return {
    /** A person logs in as a customer. Resolves once the server has the link on disk. */
    logIn: (way: Way, userId: string, externalId: string) => ways[way](userId, externalId),
    async unlink(userId: string) {
      await ask('DELETE', `/contacts/${userId}/link`)
    },
  }
}
