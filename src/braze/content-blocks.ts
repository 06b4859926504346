import { fieldsOf, isObject } from '../wire/answer.ts'
import { createHttpClient, type HttpAnswer, type HttpRequest, NoAnswer } from '../wire/client.ts'
import { foreignWords } from '../wire/foreign-words.ts'
import { type Attempt, type RetryOptions, retry } from '../wire/retry.ts'
import { readSaid, type Said } from './said.ts'

export interface ContentBlocksOptions extends Pick<RetryOptions, 'random' | 'sleep'> {
  /** The REST endpoint's URL. */
  readonly endpoint: string
  readonly apiKey: string
  /** For one request, until the last byte of its answer. */
  readonly timeoutMs: number
  readonly createHttp?: typeof createHttpClient | undefined
}

/** What a Content Block is called and holds. */
export interface ContentBlock {
  readonly name: string
  readonly content: string
}

/** Braze could not be asked, or does not do it; the message is for a person. */
export class BlockError extends Error {
  override name = 'BlockError'
}

/** Braze's own word that something about the request or the block is wrong; `words` are Braze's. */
export class BlockRefusal extends BlockError {
  override name = 'BlockRefusal'
  readonly words: string

  constructor(message: string, words: string) {
    super(message)
    this.words = words
  }
}

const PAGE_SIZE = 1_000
/** More blocks than a workspace has: a list that does not end is none. */
const MOST_PAGES = 100
/** Content has 50 KB at most. */
const LIST_LIMIT_BYTES = 16_000_000
/** Somebody waits, or it is looked at again soon anyway. */
const RETRIES = 1
/** Who is to wait longer hears of it. */
const LONGEST_WAIT_MS = 5_000

/**
 * Braze's Content Blocks, as far as one of them holds a token. No error has anything of what a block holds. Methods throw
 * BlockError, and the reason of `signal` once that aborts.
 * Source: braze.com/docs/api/endpoints/templates/content_blocks_templates
 */
export function createContentBlocks(options: ContentBlocksOptions) {
  const { endpoint, apiKey, timeoutMs, random, sleep, createHttp = createHttpClient } = options
  const client = createHttp({ baseUrl: endpoint, timeoutMs })
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' }

  interface Asking<T> extends Omit<HttpRequest, 'headers'> {
    readonly permission: string
    readonly read: (body: Readonly<Record<string, unknown>>) => T | undefined
    readonly signal?: AbortSignal | undefined
    /** What a block holds and is to hold: an error of Braze may repeat it. */
    readonly contents?: readonly string[]
  }

  async function ask<T extends object>({ permission, read, signal, contents = [], ...request }: Asking<T>) {
    const words = (said: unknown) => foreignWords(withoutTokens(said), { secrets: [apiKey, ...contents] })
    async function attempt(): Promise<Attempt<T>> {
      let answer: HttpAnswer
      try {
        answer = await client.send({ ...request, headers }, signal)
      } catch (cause) {
        if (!(cause instanceof NoAnswer)) throw cause
        return { error: new BlockError(`Braze cannot be reached: ${words(cause.message)}`), mayPass: true }
      }
      const said = readSaid<T | Refused>(answer, {
        read: (body) => read(body) ?? refusedIn(body),
        permission,
        gapMs: 0,
        now: Date.now(),
        words,
      })
      return attemptOf(said, answer, words)
    }
    return retry(attempt, { signal, retries: RETRIES, random, sleep })
  }

  const get = <T extends object>(path: string, asking: Omit<Asking<T>, 'method' | 'path'>) =>
    ask<T>({ ...asking, method: 'GET', path, answerLimitBytes: LIST_LIMIT_BYTES })
  const post = <T extends object>(path: string, body: object, asking: Omit<Asking<T>, 'method' | 'path'>) =>
    ask<T>({ ...asking, method: 'POST', path, body: JSON.stringify(body) })

  return {
    timeoutMs,
    /** The id of the block of that name; undefined where Braze lists none, as where it is archived. */
    async find(name: string, signal?: AbortSignal): Promise<string | undefined> {
      for (let page = 0; page < MOST_PAGES; page++) {
        // An offset of 0 is refused.
        const query = new URLSearchParams({
          limit: String(PAGE_SIZE),
          ...(page > 0 && { offset: String(page * PAGE_SIZE) }),
        })
        const { blocks } = await get(`/content_blocks/list?${query}`, {
          permission: 'content_blocks.list',
          read: readPage,
          signal,
        })
        const found = blocks.find((block) => block.name === name)
        if (found) return found.id
        if (blocks.length < PAGE_SIZE) return undefined
      }
      throw new BlockError('Braze lists Content Blocks without an end')
    },

    /** The block with that id. */
    read: (id: string, signal?: AbortSignal): Promise<ContentBlock> =>
      get(`/content_blocks/info?${new URLSearchParams({ content_block_id: id })}`, {
        permission: 'content_blocks.info',
        read: ({ message, name, content }) =>
          message === 'success' && typeof name === 'string' && typeof content === 'string'
            ? { name, content }
            : undefined,
        signal,
      }),

    /** Makes a block, which no other may be called like ever again. Returns its id. */
    async create(name: string, content: string): Promise<string> {
      const { id } = await post(
        '/content_blocks/create',
        { name, content, state: 'active' },
        {
          permission: 'content_blocks.create',
          read: ({ message, content_block_id: id }) =>
            message === 'success' && typeof id === 'string' ? { id } : undefined,
          contents: [content],
        },
      )
      return id
    },

    /**
     * Changes what the block holds, and nothing else of it: a field that is sent replaces, as empty tags would.
     *
     * @param before what it held, which no error shows either
     */
    async update(id: string, content: string, before = ''): Promise<void> {
      await post(
        '/content_blocks/update',
        { content_block_id: id, content },
        {
          permission: 'content_blocks.update',
          read: ({ message }) => (message === 'success' ? {} : undefined),
          contents: [content, before],
        },
      )
    },

    close: client.close,
  }
}

export type ContentBlocks = ReturnType<typeof createContentBlocks>

/** Braze may say no with a status of success. */
interface Refused {
  readonly refusal: string
}

const refusedIn = ({ message }: Readonly<Record<string, unknown>>): Refused | undefined =>
  typeof message === 'string' && message !== 'success' ? { refusal: message } : undefined

function attemptOf<T extends object>(
  said: Said<T | Refused>,
  { status, body }: HttpAnswer,
  words: (said: unknown) => string,
): Attempt<T> {
  switch (said.kind) {
    case 'done': {
      if (!('refusal' in said.value)) return { value: said.value }
      const why = words(said.value.refusal)
      return { error: new BlockRefusal(`Braze answers ${status}: ${why}`, why), mayPass: false }
    }
    case 'refused':
      return { error: new BlockRefusal(said.reason, words(messageIn(body))), mayPass: false }
    case 'wait': {
      const { reason, forMs } = said
      const isLong = forMs !== undefined && forMs > LONGEST_WAIT_MS
      return { error: new BlockError(reason), mayPass: !isLong }
    }
    default:
      return { error: new BlockError(said.reason), mayPass: said.kind === 'retry' }
  }
}

function messageIn(body: string): unknown {
  try {
    return fieldsOf(JSON.parse(body)).message
  } catch {
    return ''
  }
}

function readPage({ content_blocks: blocks }: Readonly<Record<string, unknown>>) {
  if (!Array.isArray(blocks)) return undefined
  return {
    blocks: blocks.filter(isObject).map(({ content_block_id: id, name }) => ({
      id: String(id),
      name: String(name),
    })),
  }
}

/** Whatever could be a token or a part of one: longer than ids, and longer than most names. */
const withoutTokens = (said: unknown) =>
  (typeof said === 'string' ? said : String(JSON.stringify(said))).replace(
    /[A-Za-z0-9._~+/=-]{40,}/g,
    '<secret>',
  )
