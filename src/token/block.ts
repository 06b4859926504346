import { BlockRefusal, type ContentBlocks } from '../braze/content-blocks.ts'
import { foreignWords } from '../wire/foreign-words.ts'
import { sleep as sleepFor } from '../wire/time.ts'
import { TokenError, type TokenMeans } from './means.ts'

/** What a block holds, without the line breaks that a browser may add, and that templates strip. */
export interface HeldBlock {
  readonly id: string
  readonly content: string
}

/** What was written may not be what is read at once. */
const READ_BACK_MS = [0, 500, 2_000]

export const PAGE = "Braze's page Content > Content Blocks"
export const OTHER_NAME =
  'choose another name with BRAZE_TOKEN_BLOCK (tokenBlock in LINE_CHANNELS_FILE) and in the templates'

/** The Content Block that templates take a channel's token from. It is looked up by its name each time: a person may have touched it. */
export function createBlock(
  name: string,
  { blocks, sleep = sleepFor }: Pick<TokenMeans, 'blocks' | 'sleep'>,
) {
  /** Of the block when it last had that name. */
  let id: string | undefined

  async function update(blockId: string, token: string, before = '') {
    try {
      await blocks.update(blockId, token, before)
    } catch (error) {
      if (!(error instanceof BlockRefusal)) throw error
      throw new TokenError(
        `Braze takes no other token into the Content Block ${name} (${error.words}); where it is archived, unarchive it on ${PAGE}, or ${OTHER_NAME}`,
        { cause: error },
      )
    }
  }

  /** A lost answer may have made it. */
  async function create(token: string): Promise<string> {
    try {
      return await blocks.create(name, token)
    } catch (error) {
      const made = await blocks.find(name)
      if (made !== undefined) {
        await update(made, token)
        return made
      }
      if (!(error instanceof BlockRefusal)) throw error
      throw new TokenError(
        `Braze lists no Content Block ${name} and makes none (${error.words}); where there was one and it is archived, unarchive it on ${PAGE}, since its name can be nobody else's, or ${OTHER_NAME}`,
        { cause: error },
      )
    }
  }

  return {
    /**
     * What it holds; undefined where there is none of that name.
     *
     * @throws TokenError where it has another name now
     */
    async read(signal?: AbortSignal): Promise<HeldBlock | undefined> {
      const found = await blocks.find(name, signal)
      if (found === undefined && id !== undefined) await assertNotRenamed(blocks, id, name, signal)
      id = found
      return found === undefined
        ? undefined
        : { id: found, content: (await blocks.read(found, signal)).content.trim() }
    },

    /**
     * Writes once more what it holds, where that is no Liquid, which Braze might not take back: whatever keeps a token from
     * being written shows before one is issued.
     */
    async rehearse({ id, content }: HeldBlock) {
      if (/^[^{}]+$/.test(content)) await update(id, content)
    },

    /**
     * Puts a token into it, and makes it where there is none.
     *
     * @throws TokenError where it is not certain afterwards that it holds the token
     */
    async write(token: string, held: HeldBlock | undefined): Promise<void> {
      if (held) await update(held.id, token, held.content)
      const written = held?.id ?? (await create(token))
      id = written
      for (const ms of READ_BACK_MS) {
        if (ms > 0) await sleep(ms)
        if ((await blocks.read(written)).content.trim() === token) return
      }
      throw new TokenError(
        `Braze has taken a token into the Content Block ${name}, and it holds something else; somebody else may be writing to it: look at it on ${PAGE}`,
      )
    },
  }
}

export type Block = ReturnType<typeof createBlock>

async function assertNotRenamed(
  blocks: ContentBlocks,
  id: string,
  name: string,
  signal: AbortSignal | undefined,
) {
  const found = await blocks.read(id, signal).catch((error) => {
    if (error instanceof BlockRefusal) return undefined
    throw error
  })
  if (found && found.name !== name)
    throw new TokenError(
      `The Content Block ${name} is called ${foreignWords(found.name)} now, and nothing keeps its token fresh; give it back its name on ${PAGE}, or set BRAZE_TOKEN_BLOCK (tokenBlock in LINE_CHANNELS_FILE) to the new one and use that in the templates`,
    )
}
