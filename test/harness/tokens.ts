import type { ContentBlocks } from '../../src/braze/content-blocks.ts'
import { BlockError, BlockRefusal } from '../../src/braze/content-blocks.ts'
import type { KnownToken, TokenNews } from '../../src/ledger/ledger.ts'
import type { Assertions } from '../../src/line/assertion.ts'
import type { ChannelTokens, TokenFacts } from '../../src/line/channel-tokens.ts'
import type { TokenMeans } from '../../src/token/means.ts'
import type { TestTime } from './time.ts'

export const LIFE_MS = 30 * 86_400_000
export const CHANNEL = {
  name: 'default',
  block: 'LINE_Channel_AccessToken',
  channelId: '7',
  assertions: {} as Assertions,
}

/** A LINE, a Braze and a ledger in memory, by a test's time, for what looks after one token. */
export function createTokenWorld(time: TestTime) {
  const issued = new Map<string, { keyId: string; channelId: string; endsAt: number | null }>()
  const kept = new Map<
    string,
    { keyId: string; issuedAt: number; endsAt: number; writtenAt: number | null }
  >()
  let count = 0
  let holder: string | undefined
  const world = {
    /** By id; `archived` ones are not listed and take nothing. */
    blocks: new Map<string, { name: string; content: string; isArchived?: boolean }>(),
    /** Each content that a block was given, oldest first. */
    written: [] as string[],
    /** What is broken: throws where it is called. */
    broken: {} as Partial<Record<'kids' | 'issue' | 'verify' | 'find' | 'read' | 'update' | 'create', Error>>,
    lifeMs: LIFE_MS,
    /** What a block that is to be made waits for. */
    hanging: undefined as Promise<void> | undefined,
    issued,
    /** How many tokens LINE has ever issued. */
    get count() {
      return count
    },
    /** A token that somebody else has. */
    add(token: string, facts: { channelId?: string; leftMs?: number | null } = {}) {
      const { channelId = '7', leftMs = LIFE_MS } = facts
      const endsAt = leftMs === null ? null : time.monotonic() + leftMs
      issued.set(token, { keyId: `of ${token}`, channelId, endsAt })
      return token
    },
    revoke: (token: string) => issued.delete(token),
    /** The content of the block that templates name. */
    content: () => [...world.blocks.values()].find(({ name }) => name === CHANNEL.block)?.content,
    isAlive: (token: string) => {
      const known = issued.get(token)
      return known !== undefined && (known.endsAt === null || known.endsAt > time.monotonic())
    },
    kept,
    /** Somebody else works on the token, or nobody does. */
    occupy: (by: string | undefined) => {
      holder = by
    },
  }
  const fail = (what: keyof typeof world.broken) => {
    const error = world.broken[what]
    if (error) throw error
  }

  const tokens: ChannelTokens = {
    async issue() {
      fail('issue')
      const token = `token-${++count}`
      issued.set(token, { keyId: `kid-${count}`, channelId: '7', endsAt: time.monotonic() + world.lifeMs })
      return { token, keyId: `kid-${count}`, lifeMs: world.lifeMs }
    },
    async keyIds() {
      fail('kids')
      return [...issued].filter(([token]) => world.isAlive(token)).map(([, { keyId }]) => keyId)
    },
    async verify(token): Promise<TokenFacts | undefined> {
      fail('verify')
      const known = issued.get(token)
      if (!known || !world.isAlive(token)) return undefined
      const leftMs =
        known.endsAt === null ? null : Math.floor((known.endsAt - time.monotonic()) / 1000) * 1000
      return { channelId: known.channelId, leftMs }
    },
  }
  const blocks: ContentBlocks = {
    timeoutMs: 1_000,
    async find(name) {
      fail('find')
      return [...world.blocks].find(([, block]) => block.name === name && !block.isArchived)?.[0]
    },
    async read(id) {
      fail('read')
      const found = world.blocks.get(id)
      if (!found) throw new BlockError('no such block')
      return found
    },
    async create(name, content) {
      fail('create')
      await world.hanging
      if ([...world.blocks.values()].some((block) => block.name === name))
        throw new BlockRefusal('Braze answers 400', 'Content Block with this name already exists')
      const id = `block-${world.blocks.size + 1}`
      world.blocks.set(id, { name, content })
      world.written.push(content)
      return id
    },
    async update(id, content) {
      fail('update')
      const block = world.blocks.get(id)
      if (!block || block.isArchived) throw new BlockRefusal('Braze answers 400', 'archived')
      block.content = content
      world.written.push(content)
    },
    close: async () => {},
  }
  const ledger: TokenMeans['ledger'] = {
    async keepToken(_channel, { keyId, leftMs, isWritten }: TokenNews) {
      const now = time.monotonic()
      const before = kept.get(keyId) ?? { keyId, issuedAt: now, endsAt: now + leftMs, writtenAt: null }
      kept.set(keyId, { ...before, writtenAt: isWritten ? now : before.writtenAt })
    },
    async tokens(): Promise<KnownToken[]> {
      const now = time.monotonic()
      return [...kept.values()]
        .filter(({ endsAt }) => endsAt > now)
        .sort((a, b) => (b.writtenAt ?? -1) - (a.writtenAt ?? -1) || b.issuedAt - a.issuedAt)
        .map(({ keyId, issuedAt, endsAt, writtenAt }) => ({
          keyId,
          lifeMs: endsAt - issuedAt,
          leftMs: endsAt - now,
          isWritten: writtenAt !== null,
        }))
    },
    async holdLease(_name, by) {
      if (holder !== undefined && holder !== by) return { held: false, quietMs: 0 }
      holder = by
      return { held: true, quietMs: 0 }
    },
    async releaseLease(_name, by) {
      if (holder === by) holder = undefined
    },
  }
  const sleep = (ms: number, signal?: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const onAbort = () => {
        stop()
        reject(signal?.reason)
      }
      const stop = time.after(ms, () => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      })
      signal?.addEventListener('abort', onAbort)
    })
  const means: TokenMeans = { ledger, tokens, blocks, holder: 'me', requestMs: 1_000, sleep }
  return { world, means }
}
