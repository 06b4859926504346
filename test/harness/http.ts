/** What the tests of the HTTP side have in common: the server in this process, over a ledger that is none. */
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import type { Evidence } from '../../src/contact/contact.ts'
import type { TokenHealth } from '../../src/http/health.ts'
import { createMetrics } from '../../src/http/metrics.ts'
import { createServer, type Part, type ServerOptions } from '../../src/http/server.ts'
import type { Ledger, Redemption } from '../../src/ledger/ledger.ts'
import { followEvent } from './people.ts'
import { createTime } from './time.ts'

export const SECRETS = ['new secret', 'old secret'] as const
export const NOW = 1_800_000_000_000
export const LIMIT = 100_000

export const follow = () => followEvent(NOW - 1)
export const sign = (body: string | Uint8Array, secret: string = SECRETS[0]) =>
  createHmac('sha256', secret).update(body).digest('base64')

export interface Line {
  readonly level: 'info' | 'warn' | 'error'
  readonly fields: Record<string, unknown>
  readonly message: string
}

/** The server on a real socket, over a ledger that keeps what it is given, or fails as told. */
export async function setUp(t: Test, options: Partial<ServerOptions> = {}, parts?: readonly Part[]) {
  const recorded: Evidence[][] = []
  const lines: Line[] = []
  const note = (level: Line['level']) => (fields: object, message: string) =>
    void lines.push({ level, fields: { ...fields }, message })
  const ledger = {
    redeemNonce: async (..._: Parameters<Ledger['redeemNonce']>): Promise<Redemption> => 'unknown',
    failure: undefined as Error | undefined,
    isBusy: false,
    accounts: [] as string[],
    async claimAccount(_channel: string, destination: string) {
      ledger.accounts.push(destination)
      if (ledger.isBusy) throw new Error('busy')
      return ledger.accounts[0] ?? destination
    },
    async record(evidence: readonly Evidence[]) {
      if (ledger.failure) throw ledger.failure
      recorded.push([...evidence])
    },
    async counts() {
      return [
        { channel: 'default', friend: 2, messager: 1, gone: 3, pending: 4, failed: 5, linked: 6, waiting: 7 },
      ]
    },
    oldestPendingMs: async (): Promise<number | null> => 9_000,
    beingForgotten: async () => [{ channel: 'default', count: 1, oldestMs: 4_000 }],
    async probe() {
      if (ledger.failure) throw ledger.failure
    },
  }
  const delivery = { state: 'delivering', reason: null as string | null, stumbling: 0 }
  const metrics = createMetrics()
  /** What the keepers of tokens say. */
  const tokens: TokenHealth[] = []
  /** What LINE has said of the months' quotas. */
  const quotas: { channel: string; quota: { limit: number | null; used: number } | null }[] = []
  const time = createTime()
  const { channels = [{ name: 'default', secrets: SECRETS }] } = options
  const app = await createServer(
    {
      version: '1.2.3',
      channels,
      ledger,
      log: { info: note('info'), warn: note('warn'), error: note('error') },
      observer: metrics.webhooks,
      linkObserver: metrics.linked,
      time,
      bodyLimitBytes: LIMIT,
      delivery: () => delivery,
      tokens: () => tokens,
      metricsText: metrics.page({
        isDelivering: () => true,
        channels: channels.map(({ name }) => name),
        tokens: () => tokens,
        quotas: () => quotas,
      }),
      ...options,
    },
    parts,
  )
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => app.close())

  const post = async (body: string | Uint8Array, headers: Record<string, string> = {}) => {
    const answer = await fetch(`${url}/webhook`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json; charset=utf-8',
        'x-line-signature': sign(body),
        ...headers,
      },
      body: body as never,
    })
    return { status: answer.status, body: await answer.text() }
  }
  const get = async (path: string) => {
    const answer = await fetch(url + path)
    return { status: answer.status, body: await answer.text(), type: answer.headers.get('content-type') }
  }
  /** How many requests of an outcome the log tells of, once it has told of all. */
  const told = (outcome: string) => {
    time.pass(1_000)
    return lines
      .filter(({ fields }) => fields.outcome === outcome)
      .reduce((sum, { fields }) => sum + 1 + Number(fields.suppressed ?? 0), 0)
  }
  /** A connection of its own, which ends with the test. */
  const open = async () => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => {})
    t.teardown(() => socket.destroy())
    await once(socket, 'connect')
    return socket
  }
  return { url, app, ledger, delivery, tokens, quotas, recorded, lines, time, post, get, told, open }
}

/** Resolves once it holds: what happens on sockets is told to nobody, and so it is looked at, without a spin. */
export async function until(holds: () => boolean) {
  while (!holds()) await sleep(1)
}

/** Everything that comes until the connection ends. */
export function saidBy(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let said = ''
    socket.on('data', (chunk) => {
      said += chunk
    })
    socket.on('close', () => resolve(said))
  })
}

/** The next piece that comes. */
export const answerOn = async (socket: Socket) => String((await once(socket, 'data'))[0])

const head = (...headers: string[]) =>
  ['POST /webhook HTTP/1.1', 'host: x', 'content-type: application/json', ...headers, '', ''].join('\r\n')

/** The head of the webhook with this body. */
export const headOf = (body: Buffer) =>
  head(`x-line-signature: ${sign(body)}`, `content-length: ${body.length}`)

/** The head of a webhook of which only the body will tell that its signature is wrong. */
export const unsignedHead = (length: string) => head(`x-line-signature: ${sign('')}`, length)
