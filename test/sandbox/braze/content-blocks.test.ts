import t, { type Test } from 'tap'
import { type BrazeSandbox, startBrazeSandbox } from '../../../src/sandbox/braze/braze.ts'
import { read } from '../client.ts'

async function start(t: Test) {
  let now = Date.parse('2026-08-01T00:00:00Z')
  const braze = await startBrazeSandbox({ clock: () => now, keepRequests: true })
  t.teardown(braze.close)
  const post = (path: string, body: unknown) =>
    ask(braze, path, { method: 'POST', body: JSON.stringify(body) })
  return {
    braze,
    later(ms: number) {
      now += ms
    },
    create: (body: object) => post('/content_blocks/create', { name: 'token', content: 'abc', ...body }),
    update: (body: object) => post('/content_blocks/update', body),
    info: (query: Record<string, string>) => ask(braze, `/content_blocks/info?${new URLSearchParams(query)}`),
    list: (query: Record<string, string> = {}) =>
      ask(braze, `/content_blocks/list?${new URLSearchParams(query)}`),
  }
}

async function ask(braze: BrazeSandbox, path: string, init: RequestInit = {}) {
  const headers = { authorization: `Bearer ${braze.apiKey}`, 'content-type': 'application/json' }
  return read(await fetch(braze.url + path, { headers, ...init }))
}
const refused = (message: string) => ({ status: 400, json: { message } })
const namesOf = ({ json }: { json: { content_blocks: { name: string }[] } }) =>
  json.content_blocks.map(({ name }) => name)

t.test('from nothing to a block that is read, changed and read again', async (t) => {
  const { braze, create, update, info, list, later } = await start(t)
  t.same((await list()).json, { count: 0, content_blocks: [], message: 'success' })
  const created = await create({ description: 'the token' })
  t.match(created, {
    status: 201,
    json: {
      content_block_id: /^[0-9a-f-]{36}$/,
      liquid_tag: '{{content_blocks.${token}}}',
      created_at: '2026-08-01T00:00:00Z',
      message: 'success',
    },
  })
  const { content_block_id } = created.json
  later(60_000)
  t.match(await update({ content_block_id, content: 'def' }), { status: 201, json: { content_block_id } })
  const block = { content_block_id, name: 'token', inclusion_count: 0, tags: [], content_type: 'text' }
  const times = { created_at: '2026-08-01T00:00:00Z', last_edited: '2026-08-01T00:01:00Z' }
  t.same((await info({ content_block_id })).json, {
    ...block,
    ...times,
    content: 'def',
    description: 'the token',
    message: 'success',
  })
  t.same((await list()).json.content_blocks, [
    { ...block, ...times, liquid_tag: '{{content_blocks.${token}}}' },
  ])
  t.match(braze.contentBlock('token'), { content: 'def', state: 'active' })
  t.match((await info({ content_block_id, include_inclusion_data: 'true' })).json, { inclusion_data: [] })
})

t.test('names: what they may be, and that they are taken for ever', async (t) => {
  const { braze, create } = await start(t)
  t.equal((await create({ name: 'x'.repeat(99) })).status, 201)
  t.match(
    await create({ name: 'x'.repeat(100) }),
    refused('Content Block name must be shorter than 100 characters'),
  )
  t.equal((await create({ name: 'LINE_Channel-Access_Token9' })).status, 201)
  for (const name of ['a b', 'é', 'a.b', 'a/b', 'a\n'])
    t.match(
      await create({ name }),
      refused("Content Block name can't contain any of the following characters"),
    )
  for (const name of ['', null, undefined])
    t.match(await create({ name }), refused('Content Block name cannot be blank'))
  t.match(await create({ name: 7 }), refused('Content Block name must be a string'))
  const taken = refused('Content Block with this name already exists')
  t.equal((await create({})).status, 201)
  t.match(await create({}), taken)
  t.equal((await create({ name: 'Token' })).status, 201, 'another case is another name')
  braze.archiveContentBlock('token')
  t.match(await create({}), taken, 'of an archived one, too')
})

t.test('content', async (t) => {
  const { create } = await start(t)
  t.equal((await create({ name: 'big', content: 'x'.repeat(50 * 1024 - 1) })).status, 201)
  t.match(await create({ content: 'x'.repeat(50 * 1024) }), refused('Content must be smaller than 50kb'))
  t.match(await create({ content: 'é'.repeat(25 * 1024) }), refused('Content must be smaller than 50kb'))
  for (const content of ['', null, undefined])
    t.match(await create({ content }), refused('Content cannot be blank'))
  t.match(await create({ content: 7 }), refused('Content must be a string'))
  for (const content of ['{% if %}', '{{ x', '{% nope %}'])
    t.match(await create({ content }), refused('Content contains malformed liquid.'))
  t.equal((await create({ content: '{{custom_attribute.${line_id} | json_escape}}' })).status, 201)
})

t.test('description, state and tags', async (t) => {
  const { braze, create, update } = await start(t)
  t.equal((await create({ name: 'a', description: 'x'.repeat(249) })).status, 201)
  t.match(
    await create({ description: 'x'.repeat(250) }),
    refused('Content Block description must be shorter than 250 characters'),
  )
  t.match(await create({ state: 'archived' }), refused('Content Block state must be either active or draft'))
  t.match(await create({ tags: 'line' }), refused('Tags must be an array'))
  t.match(await create({ tags: [1] }), refused('All tags must be strings'))
  t.match(await create({ tags: ['line'] }), refused('Some tags could not be found'))
  braze.createTag('line')
  const { content_block_id } = (await create({ tags: ['line'], state: 'draft' })).json
  t.match(braze.contentBlock('token'), { state: 'draft', tags: ['line'] })
  await update({ content_block_id, content: 'def', state: 'draft' })
  t.same(braze.contentBlock('token')?.tags, ['line'])
  await update({ content_block_id, tags: [], state: 'draft' })
  t.match(braze.contentBlock('token'), { content: 'def', tags: [], state: 'draft' })
})

t.test('an active block takes neither another name nor the state draft', async (t) => {
  const { braze, create, update } = await start(t)
  const { content_block_id } = (await create({})).json
  t.match(await update({ content_block_id, name: 'other' }), { status: 400 })
  t.match(await update({ content_block_id, state: 'draft' }), { status: 400 })
  t.equal((await update({ content_block_id, name: 'token', state: 'active' })).status, 201)
  t.match(braze.contentBlock('token'), { state: 'active' })
  t.equal(braze.contentBlock('other'), undefined)
})

t.test('a draft can be renamed, and an update that says nothing of the state makes it active', async (t) => {
  const { braze, create, update } = await start(t)
  await create({ name: 'taken' })
  const { content_block_id } = (await create({ state: 'draft' })).json
  t.match(
    await update({ content_block_id, name: 'taken', state: 'draft' }),
    refused('Content Block with this name already exists'),
  )
  t.equal((await update({ content_block_id, name: 'other', state: 'draft' })).status, 201)
  t.match(braze.contentBlock('other'), { state: 'draft' })
  t.equal((await update({ content_block_id, content: 'def' })).status, 201)
  t.match(braze.contentBlock('other'), { state: 'active', content: 'def' })
})

t.test('an archived block can be read, and changed by nobody but people', async (t) => {
  const { braze, create, update, info, list } = await start(t)
  const { content_block_id } = (await create({})).json
  braze.archiveContentBlock('token')
  t.match(await update({ content_block_id, content: 'def' }), { status: 400 })
  t.match(await info({ content_block_id }), { status: 200, json: { content: 'abc', message: 'success' } })
  t.same(namesOf(await list()), [])
  braze.listArchivedBlocks(true)
  t.same(namesOf(await list()), ['token'])
  braze.unarchiveContentBlock('token')
  t.equal((await update({ content_block_id, content: 'def' })).status, 201)
})

t.test('what people do in the browser', async (t) => {
  const { braze, create, info } = await start(t)
  const { content_block_id } = (await create({})).json
  braze.editContentBlock('token', '<p>abc</p>\n')
  t.equal((await info({ content_block_id })).json.content, '<p>abc</p>\n')
  braze.renameContentBlock('token', 'renamed')
  t.equal((await info({ content_block_id })).json.name, 'renamed')
  braze.draftContentBlock('renamed')
  t.equal(braze.contentBlock('renamed')?.state, 'draft')
  t.notMatch((await info({ content_block_id })).json, { state: String }, 'nobody is told the state')
  const id = braze.createContentBlock('there', 'before')
  t.equal((await info({ content_block_id: id })).json.content, 'before')
  t.throws(() => braze.archiveContentBlock('none'), /no such Content Block/)
})

t.test('blocks that do not exist, and how that is answered', async (t) => {
  const { braze, info, update } = await start(t)
  t.match(await info({}), refused('Content Block ID cannot be blank'))
  t.match(await info({ content_block_id: 'x' }), refused('Content Block ID is invalid for this workspace'))
  t.match(
    await update({ content_block_id: 'x', content: 'y' }),
    refused('Content Block ID is invalid for this workspace'),
  )
  t.match(await update({ content_block_id: 7 }), refused('Content Block ID must be a string'))
  t.match(await info({ content_block_id: braze.createContentBlock('a', 'b'), include_inclusion_data: '1' }), {
    status: 400,
  })
  braze.setContentBlockFaults(200)
  const answer = await info({ content_block_id: 'x' })
  t.match(answer, { status: 200, json: { message: 'Content Block ID is invalid for this workspace' } })
})

t.test('pages of the list', async (t) => {
  const { braze, list, later } = await start(t)
  for (let block = 0; block < 1001; block++) braze.createContentBlock(`b${block}`, 'x')
  t.equal((await list()).json.count, 100)
  const first = namesOf(await list({ limit: '1000' }))
  t.same([first.length, first.at(-1)], [1000, 'b999'])
  t.same(namesOf(await list({ limit: '1000', offset: '1000' })), ['b1000'])
  t.same(namesOf(await list({ offset: '1001' })), [])
  t.same(namesOf(await list({ limit: '1', offset: '1' })), ['b1'])
  t.match(await list({ offset: '0' }), refused('Offset must be greater than 0.'))
  t.match(await list({ offset: '-1' }), refused('Offset must be greater than 0.'))
  t.match(await list({ offset: 'x' }), refused('Offset is invalid.'))
  t.match(await list({ limit: '0' }), refused('Content Block number limit must be greater than 0.'))
  t.match(await list({ limit: '1001' }), refused('Content Block number limit exceeds maximum of 1000.'))
  t.match(await list({ limit: 'x' }), refused('Content Block number limit is invalid.'))
  later(1000)
  braze.editContentBlock('b7', 'y')
  t.same(namesOf(await list({ modified_after: '2026-08-01T00:00:01Z' })), ['b7'])
  t.equal((await list({ modified_before: '2026-08-01T00:00:00Z', limit: '1000' })).json.count, 1000)
  t.match(await list({ modified_after: 'x' }), refused('Modified after time is invalid.'))
  t.match(await list({ modified_after: '2026-08-02', modified_before: '2026-08-01' }), { status: 400 })
})

t.test('each call needs its own permission, the key, and the right method', async (t) => {
  const { braze, create, update, info, list } = await start(t)
  const { content_block_id } = (await create({})).json
  const calls = {
    'content_blocks.list': () => list(),
    'content_blocks.info': () => info({ content_block_id }),
    'content_blocks.create': () => create({ name: 'other' }),
    'content_blocks.update': () => update({ content_block_id, content: 'x' }),
  } as const
  for (const [permission, call] of Object.entries(calls)) {
    braze.forbid(permission as keyof typeof calls, true)
    t.match(await call(), { status: 403, json: { message: new RegExp(permission) } })
    braze.forbid(permission as keyof typeof calls, false)
    t.match(await call(), { json: { message: 'success' } })
  }
  t.equal((await ask(braze, '/content_blocks/list', { headers: {} })).status, 401)
  t.equal((await ask(braze, '/content_blocks/list', { method: 'POST', body: '{}' })).status, 404)
  t.equal((await ask(braze, '/content_blocks/create')).status, 404)
})

t.test('scripted answers, a limit, and what is kept of requests', async (t) => {
  const { braze, create, list } = await start(t)
  braze.answerNextOf('/content_blocks/create', { status: 500, apply: true })
  t.equal((await create({ content: 'secret' })).status, 500)
  t.equal(braze.contentBlock('token')?.content, 'secret', 'Braze had it, and only the answer went astray')
  braze.answerNextOf('/content_blocks/create', { status: 500 })
  t.equal((await create({ name: 'other' })).status, 500)
  t.equal(braze.contentBlock('other'), undefined)
  braze.setSharedLimit({ dialect: 'epoch', requests: 1, perMs: 60_000 })
  t.equal((await list()).status, 200)
  const answer = await list()
  t.equal(answer.status, 429)
  t.equal(answer.headers.get('x-ratelimit-remaining'), '0')
  t.match(braze.calls, [
    { endpoint: '/content_blocks/create', status: 500, body: { name: 'token' } },
    { endpoint: '/content_blocks/create' },
    { endpoint: '/content_blocks/list', status: 200 },
    { status: 429 },
  ])
  t.notMatch(JSON.stringify(braze.calls), /secret/)
})
