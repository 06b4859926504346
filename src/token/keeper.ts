import { backoffMs } from '../wire/retry.ts'
import { sleep as sleepFor } from '../wire/time.ts'
import { createBlock } from './block.ts'
import { createTokenLease } from './lease.ts'
import { assertNotShared, type Look, lifeMsOf, look, renewalMs } from './look.ts'
import type { TokenChannel, TokenMeans } from './means.ts'
import { noToken } from './own-token.ts'
import { type Renewed, renew } from './renewal.ts'

export interface KeeperOptions extends TokenMeans {
  readonly channel: TokenChannel
  readonly log: TokenLog
  /** Milliseconds that nobody sets. */
  readonly monotonic?: () => number
  /** 0 to 1. */
  readonly random?: () => number
}

/** What a pino logger offers. */
export interface TokenLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

/** How it stands with a channel's token in Braze, as far as this process knows. */
export interface TokenStatus {
  readonly channel: string
  readonly block: string
  /** LINE's name for the token in the block, where it is one that was issued here. */
  readonly keyId: string | null
  /** Until the token in the block ends; 0 where LINE takes none there, null where that is not known or it has no end. */
  readonly secondsLeft: number | null
  /** What keeps it from being as it should be, in a sentence. */
  readonly problem: string | null
  /** Whether it should have been renewed long ago. */
  readonly isStale: boolean
}

/** A person may edit the block at any time. */
const LOOK_MS = 600_000
/** After a failure it is looked at again so soon, and then more and more seldom. */
const FIRST_REST_MS = 5_000
/** Somebody else is at work. */
const BUSY_MS = 2_000
/** At this part of its life before its end a token that was not renewed is a person's business. */
const STALE_PART = 1 / 4

/**
 * Keeps a channel's token in Braze fresh, until it is stopped: it is renewed at half of its life, or at once where LINE does
 * not take what the block holds. Any number of processes may do so.
 */
export function createTokenKeeper(options: KeeperOptions) {
  const { channel, log, ledger, requestMs, sleep = sleepFor } = options
  const { monotonic = () => performance.now(), random = Math.random } = options
  const block = createBlock(channel.block, options)
  const own = noToken()
  const lease = createTokenLease(channel.name, options)
  const stopping = new AbortController()
  const { signal } = stopping
  let running: Promise<void> | undefined
  let seen: Seen | undefined
  let problem: string | null = null
  /** The key id of which the log has heard last. */
  let toldOf: string | null = null

  /** How long until the next step. */
  async function step(): Promise<number> {
    seen ??= await remembered()
    const restMs = await lease.during(async () => {
      const found = await look({ ...options, block, own }, signal)
      noteSeen(seenIn(found))
      const all = await ledger.tokens(channel.name)
      assertNotShared(found, all, channel)
      const dueMs = renewalMs(found, all)
      if (dueMs > 0) {
        tell(found.kind === 'alive' && !found.known ? someoneElses(channel, found.leftMs) : null)
        return dueMs
      }
      const why = whyOf(found, channel)
      if (why !== null) log.warn({ channel: channel.name, block: channel.block }, why)
      const renewed = await renew({ ...options, block, own, lease }, found.held, signal)
      noteSeen(seenOf(renewed))
      tell(null)
      return renewed.leftMs - renewed.lifeMs / 2
    })
    return restMs ?? BUSY_MS
  }

  async function run() {
    for (let failures = 0; !signal.aborted; ) {
      let restMs: number
      try {
        restMs = Math.min(LOOK_MS, await step())
        failures = 0
      } catch (error) {
        if (signal.aborted) return
        failures += 1
        tell((error as Error).message)
        restMs = backoffMs(failures, random(), FIRST_REST_MS, LOOK_MS)
      }
      await sleep(restMs, signal).catch(() => {})
    }
  }

  /** The log hears of each token once, also of those that another process has written. */
  function noteSeen(now: Seen) {
    seen = now
    if (now.keyId === null || now.endsAt === null || now.keyId === toldOf) return
    toldOf = now.keyId
    const seconds = secondsIn(now.endsAt - monotonic())
    log.info(
      { channel: channel.name, block: channel.block, keyId: now.keyId, seconds },
      "LINE's token in Braze is fresh",
    )
  }

  function tell(sentence: string | null) {
    if (sentence !== null && sentence !== problem)
      log.warn({ channel: channel.name, block: channel.block, problem: sentence }, "LINE's token in Braze")
    problem = sentence
  }

  /** What the last process knew: neither LINE nor Braze may be there now. */
  async function remembered(): Promise<Seen | undefined> {
    const [last] = await ledger.tokens(channel.name)
    return last?.isWritten ? seenOf(last) : undefined
  }
  const seenOf = ({ keyId, lifeMs, leftMs }: Renewed): Seen => ({
    keyId,
    lifeMs,
    endsAt: monotonic() + leftMs,
  })
  function seenIn(found: Look): Seen {
    if (found.kind !== 'alive') return NOTHING
    const { known, leftMs } = found
    const endsAt = leftMs === null ? null : monotonic() + leftMs
    return { keyId: known?.keyId ?? null, lifeMs: lifeMsOf(found), endsAt }
  }

  return {
    start() {
      running ??= run()
    },
    /** Waits for the request under way, and no longer: what is left halfway is as after a kill. */
    async stop() {
      stopping.abort(new Error('stopping'))
      const waiting = new AbortController()
      const patience = sleep(requestMs, waiting.signal).catch(() => {})
      await Promise.race([running, patience])
      waiting.abort()
    },
    status(): TokenStatus {
      const leftMs = seen && seen.endsAt !== null ? Math.max(0, seen.endsAt - monotonic()) : null
      return {
        channel: channel.name,
        block: channel.block,
        keyId: seen?.keyId ?? null,
        secondsLeft: leftMs === null ? null : secondsIn(leftMs),
        problem,
        // Where it never worked, and something keeps it from working, messages may be lost already.
        isStale: seen ? leftMs !== null && leftMs <= seen.lifeMs * STALE_PART : problem !== null,
      }
    },
  }
}

export type TokenKeeper = ReturnType<typeof createTokenKeeper>

/** The token in the block, as it was last seen; `endsAt` is monotonic, and null where it has no end. */
interface Seen {
  readonly keyId: string | null
  readonly lifeMs: number
  readonly endsAt: number | null
}

/** Ended long ago. */
const NOTHING: Seen = { keyId: null, lifeMs: 0, endsAt: Number.NEGATIVE_INFINITY }

const secondsIn = (ms: number) => Math.floor(ms / 1000)

/** Why a token is replaced before its time; null where it is not. */
function whyOf(found: Look, { block, name }: TokenChannel): string | null {
  if (found.kind === 'stranger')
    return `The Content Block ${block} holds a token of the channel ${found.channelId}, and not of ${name}: it was edited, and is written again`
  if (found.kind === 'dead')
    return `LINE does not take what the Content Block ${block} holds: it was edited, or its token was revoked or has ended; it is written again`
  return null
}

const someoneElses = ({ block }: TokenChannel, leftMs: number | null) =>
  `The Content Block ${block} holds a token that was not issued here, as when it is edited in the browser. LINE takes it, ${leftMs === null ? 'and it has no end, so that it stays' : 'so that it stays until it is old'}; line-braze token rotate replaces it now`
