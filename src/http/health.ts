import type { FastifyInstance } from 'fastify'
import type { BeingForgotten, ChannelCounts } from '../ledger/ledger.ts'
import { ROUTES } from './routes.ts'

/**
 * What the ledger counts, for how long the contact that is due first has been pending, and who is being forgotten; or why that is
 * not known.
 */
export type Numbers =
  | readonly [
      counts: readonly ChannelCounts[],
      oldestPendingMs: number | null,
      beingForgotten: readonly BeingForgotten[],
    ]
  | Error

/** How it stands with the token of LINE's that a channel has in Braze. */
export interface TokenHealth {
  readonly channel: string
  readonly block: string
  readonly keyId: string | null
  /** Null where it is not known, or there is no end. */
  readonly secondsLeft: number | null
  readonly problem: string | null
  /** Whether it should have been renewed long ago. */
  readonly isStale: boolean
}

export interface HealthOptions {
  /** Of line-braze. */
  readonly version: string
  /** An Error says why webhooks cannot be stored right now, for a person. */
  readonly probed: () => Promise<unknown>
  readonly numbers: () => Promise<Numbers>
  /** The channels that are shown before their first contact is known. */
  readonly channels: readonly string[]
  /** What the deliverer says of itself, without asking the ledger; all of it is shown. */
  readonly delivery: () => {
    readonly state: string
    readonly reason: string | null
    /** Contacts over whom alone Braze fails. */
    readonly stumbling: number
  }
  /** Of the channels whose token is kept fresh; without asking anybody. */
  readonly tokens?: (() => readonly TokenHealth[]) | undefined
}

/** How it stands, as `/health` says it. */
export type Health = ReturnType<typeof createHealth>

/** States in which nothing reaches Braze. `standby` is none of them: another process delivers. */
const STUCK = ['waiting', 'paused']

/**
 * Says how it stands. Degraded: nothing reaches Braze, a token there was not renewed for long, or something waits for a
 * person. What the ledger says is asked for once a second at most.
 */
export function createHealth(options: HealthOptions) {
  const { version, probed, numbers, channels, delivery, tokens = () => [] } = options

  async function tell() {
    const [probe, known] = await Promise.all([probed(), numbers()])
    const obstacle = probe instanceof Error ? { error: probe.message } : undefined
    const now = delivery()
    const parts = partsOf(known, channels)
    const ofTokens = tokens()
    const isStuck =
      STUCK.includes(now.state) ||
      now.stumbling > 0 ||
      (parts.delivery.failed ?? 0) > 0 ||
      ofTokens.some(({ isStale }) => isStale)
    return {
      isReady: !obstacle,
      body: {
        status: obstacle || isStuck ? 'degraded' : 'ok',
        version,
        ledger: { ...parts.ledger, ...obstacle },
        delivery: { ...now, ...parts.delivery },
        ...(parts.forgetting && { forgetting: parts.forgetting }),
        ...(ofTokens.length > 0 && { tokens: ofTokens.map(({ isStale: _, ...token }) => token) }),
        ...(parts.channels && { channels: parts.channels }),
      },
    }
  }

  return {
    tell,
    isReady: async () => !((await probed()) instanceof Error),
  }
}

/**
 * `/health`, `/health/live` and `/health/ready`. Only what keeps webhooks from being stored makes it 503.
 */
export async function healthRoutes(app: FastifyInstance, { health }: { readonly health: Health }) {
  app.get(ROUTES.live.url, async () => ({ status: 'ok' }))

  app.get(ROUTES.ready.url, async (_request, reply) => {
    const isReady = await health.isReady()
    return reply.code(isReady ? 200 : 503).send({ status: isReady ? 'ok' : 'degraded' })
  })

  app.get(ROUTES.health.url, async (_request, reply) => {
    const { isReady, body } = await health.tell()
    return reply.code(isReady ? 200 : 503).send(body)
  })
}

/** The numbers of all channels together, and of each. */
function partsOf(numbers: Numbers, names: readonly string[]) {
  if (numbers instanceof Error) return { ledger: { error: numbers.message }, delivery: {} }
  const [counts, oldestPendingMs, beingForgotten] = numbers
  const channels = countsOf(names, counts)
  const sum = (of: Exclude<keyof ChannelCounts, 'channel'>) =>
    channels.reduce((total, each) => total + each[of], 0)
  const oldestPendingSeconds = Math.round((oldestPendingMs ?? 0) / 1000)
  return {
    ledger: { friend: sum('friend'), messager: sum('messager'), gone: sum('gone') },
    delivery: { pending: sum('pending'), oldestPendingSeconds, failed: sum('failed') },
    forgetting: {
      open: beingForgotten.reduce((total, { count }) => total + count, 0),
      oldestSeconds: Math.round(Math.max(0, ...beingForgotten.map(({ oldestMs }) => oldestMs)) / 1000),
    },
    channels,
  }
}

/** The numbers of each of the channels `names`, whoever is known there, and of those that are in the ledger only. */
export function countsOf(names: readonly string[], counts: readonly ChannelCounts[]): ChannelCounts[] {
  const byName = new Map(names.map((channel) => [channel, { channel, ...NOBODY }]))
  for (const each of counts) byName.set(each.channel, each)
  return [...byName.values()]
}

const NOBODY = { friend: 0, messager: 0, gone: 0, pending: 0, failed: 0, linked: 0, waiting: 0 }
