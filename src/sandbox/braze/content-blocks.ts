import { type Reply, refusal } from '../answers.ts'
import { hex, type Random } from '../random.ts'
import { isObject } from './identifier.ts'
import { readLiquid } from './liquid.ts'

export type BlockState = 'active' | 'draft' | 'archived'

/** A Content Block as the dashboard shows it. */
export interface ContentBlock {
  id: string
  name: string
  content: string
  description: string
  state: BlockState
  tags: readonly string[]
  /** In epoch milliseconds. */
  createdAt: number
  editedAt: number
}

type Fields = Record<string, unknown>
/** What is wrong, in Braze's words; null: nothing. */
type Rule = (value: unknown) => string | null

/** [BLOCKS] */
const [maxName, maxDescription, maxContent] = [100, 250, 50 * 1024]
const [defaultLimit, maxLimit] = [100, 1000]
const success = 'success'

/** The workspace's library of Content Blocks, which are never deleted. [BLOCKS] */
export function createContentBlocks({ random, clock }: { random: Random; clock: () => number }) {
  const blocks = new Map<string, ContentBlock>()
  const tags = new Set<string>()
  let faultStatus = 400
  let isListingArchived = false

  const named = (name: string) => [...blocks.values()].find((block) => block.name === name)
  const refuse = (message: string) => refusal(faultStatus, message)

  function known(name: string): ContentBlock {
    const block = named(name)
    if (block === undefined) throw new Error('There is no such Content Block in the sandbox')
    return block
  }

  function edit(name: string, changes: Partial<ContentBlock>) {
    Object.assign(known(name), changes, { editedAt: clock() })
  }

  function plant(name: string, content: string, more: Partial<ContentBlock> = {}): string {
    const id = `${hex(random, 8)}-${hex(random, 4)}-${hex(random, 4)}-${hex(random, 4)}-${hex(random, 12)}`
    const now = clock()
    const rest = { description: '', state: 'active' as const, tags: [], createdAt: now, editedAt: now }
    blocks.set(id, { id, name, content, ...rest, ...more })
    return id
  }

  const controls = {
    /** The block of a name as the dashboard shows it; undefined where there is none. */
    contentBlock: (name: string): Readonly<ContentBlock> | undefined => named(name),
    /** A block that was there before. Returns its id. */
    createContentBlock: plant,
    /** A person archives it: it can only be read from then on, and its name stays taken. */
    archiveContentBlock: (name: string) => edit(name, { state: 'archived' }),
    unarchiveContentBlock: (name: string) => edit(name, { state: 'active' }),
    /** A person makes it a draft. */
    draftContentBlock: (name: string) => edit(name, { state: 'draft' }),
    /** A person renames it in the browser, which Braze allows people. */
    renameContentBlock: (name: string, newName: string) => edit(name, { name: newName }),
    /** A person edits it in the browser; what they type is stored as it is. */
    editContentBlock: (name: string, content: string) => edit(name, { content }),
    /** A tag of the workspace. */
    createTag: (tag: string) => void tags.add(tag),
    /** The status of answers that say what is wrong with a request to a block; Braze does not document it. Default 400. */
    setContentBlockFaults(status: number) {
      faultStatus = status
    },
    /** Whether archived blocks are listed, which Braze does not document. Default: not. */
    listArchivedBlocks(on: boolean) {
      isListingArchived = on
    },
  }

  /** Answers `GET /content_blocks/list`. */
  function list(query: Record<string, string>): Reply {
    const fault = listFault(query)
    if (fault !== null) return refusal(400, fault)
    const { limit = defaultLimit, offset = 0, modified_after = '1970-01-01', modified_before } = query
    const [after, before] = [Date.parse(modified_after), Date.parse(modified_before ?? '9999-01-01')]
    const shown = [...blocks.values()].filter(
      ({ state, editedAt }) =>
        (state !== 'archived' || isListingArchived) && editedAt >= after && editedAt <= before,
    )
    const content_blocks = shown.slice(Number(offset), Number(offset) + Number(limit)).map(summary)
    return { status: 200, body: { count: content_blocks.length, content_blocks, message: success } }
  }

  function find(id: unknown): ContentBlock | string {
    if (id === undefined || id === '') return 'Content Block ID cannot be blank'
    if (typeof id !== 'string') return 'Content Block ID must be a string'
    return blocks.get(id) ?? 'Content Block ID is invalid for this workspace'
  }

  /** Answers `GET /content_blocks/info`. It says nothing of the state. */
  function info({ content_block_id, include_inclusion_data = 'false' }: Record<string, string>): Reply {
    const block = find(content_block_id)
    if (typeof block === 'string') return refuse(block)
    if (!['true', 'false'].includes(include_inclusion_data)) return refuse('Include Inclusion Data—error')
    const { liquid_tag: _, ...rest } = summary(block)
    const { content, description } = block
    const inclusion = include_inclusion_data === 'true' ? { inclusion_data: [] } : {}
    return { status: 200, body: { ...rest, content, description, ...inclusion, message: success } }
  }

  function tagFault(given: unknown): string | null {
    if (given === undefined) return null
    if (!Array.isArray(given)) return 'Tags must be an array'
    if (!given.every((tag) => typeof tag === 'string')) return 'All tags must be strings'
    return given.every((tag) => tags.has(tag)) ? null : 'Some tags could not be found'
  }

  /** What is wrong with what was sent of a block, whichever it is. */
  function fieldFault({ name, content, description, state, tags: given }: Fields): string | null {
    return (
      (name === undefined ? null : nameFault(name)) ??
      (content === undefined ? null : contentFault(content)) ??
      (description === undefined ? null : descriptionFault(description)) ??
      (state === undefined || state === 'active' || state === 'draft'
        ? null
        : 'Content Block state must be either active or draft') ??
      tagFault(given)
    )
  }

  /** Answers `POST /content_blocks/create`. A name is taken for ever. */
  function create(body: unknown): Reply {
    if (!isObject(body)) return refusal(400, 'The request body must be a JSON object')
    const { name, content, description = '', state = 'active', tags: given = [] } = body
    const fault = nameFault(name) ?? contentFault(content) ?? fieldFault(body)
    if (fault !== null) return refuse(fault)
    if (named(name as string) !== undefined) return refuse('Content Block with this name already exists')
    const more = { description, state, tags: given } as Partial<ContentBlock>
    const id = plant(name as string, content as string, more)
    const { liquid_tag, created_at } = summary(blocks.get(id) as ContentBlock)
    return { status: 201, body: { content_block_id: id, liquid_tag, created_at, message: success } }
  }

  function updateFault(block: ContentBlock, { name, state = 'active' }: Fields): string | null {
    if (block.state === 'archived') return 'Archived Content Blocks cannot be updated'
    if (name !== undefined && name !== block.name) {
      if (block.state === 'active') return 'The name of an active Content Block cannot be updated'
      if (named(name as string) !== undefined) return 'Content Block with this name already exists'
    }
    return block.state === 'active' && state === 'draft' ? 'Active Content Blocks cannot become drafts' : null
  }

  /** Answers `POST /content_blocks/update`. What is sent replaces; without a state the block becomes active. */
  function update(body: unknown): Reply {
    if (!isObject(body)) return refusal(400, 'The request body must be a JSON object')
    const block = find(body.content_block_id)
    if (typeof block === 'string') return refuse(block)
    const fault = fieldFault(body) ?? updateFault(block, body)
    if (fault !== null) return refuse(fault)
    const { name, content, description, tags: given, state = 'active' } = body
    const changes = Object.entries({ name, content, description, tags: given, state })
    Object.assign(block, Object.fromEntries(changes.filter(([, value]) => value !== undefined)))
    block.editedAt = clock()
    const { liquid_tag, last_edited } = summary(block)
    return { status: 201, body: { content_block_id: block.id, liquid_tag, last_edited, message: success } }
  }

  return {
    controls,
    list,
    info,
    create,
    update,
    /** What messages get in place of each block at this moment: of a draft, nothing. */
    contents: (): Record<string, string> =>
      Object.fromEntries(
        Array.from(blocks.values(), ({ name, state, content }) => [name, state === 'draft' ? '' : content]),
      ),
  }
}

const iso = (at: number) => new Date(at).toISOString().replace(/\.\d+Z$/, 'Z')

const summary = ({ id, name, tags, createdAt, editedAt }: ContentBlock) => ({
  content_block_id: id,
  name,
  content_type: 'text',
  liquid_tag: `{{content_blocks.\${${name}}}}`,
  inclusion_count: 0,
  created_at: iso(createdAt),
  last_edited: iso(editedAt),
  tags,
})

function listFault({
  limit,
  offset,
  modified_after,
  modified_before,
}: Record<string, string>): string | null {
  if (limit !== undefined && !/^-?\d+$/.test(limit)) return 'Content Block number limit is invalid.'
  if (limit !== undefined && Number(limit) < 1) return 'Content Block number limit must be greater than 0.'
  if (limit !== undefined && Number(limit) > maxLimit)
    return `Content Block number limit exceeds maximum of ${maxLimit}.`
  if (offset !== undefined && !/^-?\d+$/.test(offset)) return 'Offset is invalid.'
  if (offset !== undefined && Number(offset) < 1) return 'Offset must be greater than 0.'
  const [after, before] = [modified_after, modified_before].map((time) => time && Date.parse(time))
  if (Number.isNaN(after)) return 'Modified after time is invalid.'
  if (Number.isNaN(before)) return 'Modified before time is invalid.'
  return after && before && after > before
    ? 'Modified after time must be earlier than or the same as modified before time.'
    : null
}

const nameFault: Rule = (name) => {
  if (name === undefined || name === null || name === '') return 'Content Block name cannot be blank'
  if (typeof name !== 'string') return 'Content Block name must be a string'
  if (name.length >= maxName) return `Content Block name must be shorter than ${maxName} characters`
  return /^[\w-]+$/.test(name) ? null : "Content Block name can't contain any of the following characters"
}

const contentFault: Rule = (content) => {
  if (content === undefined || content === null || content === '') return 'Content cannot be blank'
  if (typeof content !== 'string') return 'Content must be a string'
  if (Buffer.byteLength(content) >= maxContent) return 'Content must be smaller than 50kb'
  try {
    readLiquid(content)
    return null
  } catch {
    return 'Content contains malformed liquid.'
  }
}

const descriptionFault: Rule = (description) => {
  if (typeof description !== 'string') return 'Content Block description must be a string'
  if (description === '') return 'Content Block description cannot be blank'
  return description.length >= maxDescription
    ? `Content Block description must be shorter than ${maxDescription} characters`
    : null
}
