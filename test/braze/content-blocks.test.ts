import t, { type Test } from 'tap'
import { BlockRefusal, createContentBlocks } from '../../src/braze/content-blocks.ts'
import { startBrazeSandbox } from '../../src/sandbox/braze/braze.ts'
import { createBlock } from '../../src/token/block.ts'
import { assertManners } from '../harness/stage.ts'

async function setUp(t: Test, timeoutMs = 10_000) {
  const braze = await startBrazeSandbox({ keepRequests: true })
  const sleeps: number[] = []
  const sleep = async (ms: number) => void sleeps.push(ms)
  const blocks = createContentBlocks({ endpoint: braze.url, apiKey: braze.apiKey, timeoutMs, sleep })
  t.teardown(async () => {
    await blocks.close()
    await braze.close()
    assertManners(braze)
  })
  return { braze, blocks, sleep, sleeps }
}

t.test('a block is found by its whole name, however many there are', async (t) => {
  const { braze, blocks } = await setUp(t)
  for (let i = 0; i < 2_000; i++) braze.createContentBlock(`block-${i}`, 'x')
  t.equal(await blocks.find('block'), undefined)
  t.equal(braze.calls.filter(({ endpoint }) => endpoint === '/content_blocks/list').length, 3)
  const id = braze.createContentBlock('block', ' token\n')
  t.equal(await blocks.find('block'), id)
  t.strictSame(await blocks.read(id), { name: 'block', content: ' token\n' })
})

t.test('an update changes the content, and nothing else of the block', async (t) => {
  const { braze, blocks } = await setUp(t)
  const id = braze.createContentBlock('block', 'old', { description: 'ours', tags: ['a'] })
  await blocks.update(id, 'new')
  t.match(braze.contentBlock('block'), { content: 'new', description: 'ours', tags: ['a'], state: 'active' })
})

t.test("Braze's refusals are told as such, also with a status of success", async (t) => {
  const { braze, blocks } = await setUp(t)
  const id = braze.createContentBlock('block', 'x')
  for (const status of [400, 200]) {
    braze.setContentBlockFaults(status)
    const refusal = await blocks.create('block', 'another').catch((error) => error)
    t.equal(refusal.words, 'Content Block with this name already exists')
    await t.rejects(blocks.read('nowhere'), BlockRefusal)
    braze.archiveContentBlock('block')
    await t.rejects(blocks.update(id, 'another'), {
      message: `Braze answers ${status}: Archived Content Blocks cannot be updated`,
    })
    braze.unarchiveContentBlock('block')
  }
})

t.test('what may pass is tried once more', async (t) => {
  const { braze, blocks, sleeps } = await setUp(t, 300)
  const id = braze.createContentBlock('block', 'x')
  for (const answer of [
    { status: 500 },
    { status: 429 },
    { kind: 'reset' },
    { kind: 'html' },
    { kind: 'hang' },
  ] as const) {
    braze.answerNextOf('/content_blocks/info', answer)
    t.match(await blocks.read(id), { content: 'x' })
  }
  t.equal(sleeps.length, 5)
  braze.answerNextOf('/content_blocks/info', { status: 429, headers: { 'retry-after': '60' } })
  await t.rejects(blocks.read(id), { message: 'Braze asks to wait (429)' })
  braze.answerNextOf('/content_blocks/info', { status: 401 })
  await t.rejects(blocks.read(id), /check BRAZE_API_KEY/)
})

t.test('a block whose making was not answered is there, and is used', async (t) => {
  const { braze, blocks, sleep } = await setUp(t)
  for (const name of ['a', 'b']) {
    braze.answerNextOf('/content_blocks/create', { kind: 'reset', apply: true })
    if (name === 'b') braze.answerNextOf('/content_blocks/create', { kind: 'reset' })
    await createBlock(name, { blocks, sleep }).write('token', undefined)
    t.equal(braze.contentBlock(name)?.content, 'token')
  }
})

t.test('what is read back late is waited for; something else is not taken for it', async (t) => {
  const { braze, blocks, sleep, sleeps } = await setUp(t)
  const block = createBlock('block', { blocks, sleep })
  const stale = { body: { message: 'success', name: 'block', content: 'old' }, status: 200 }
  braze.answerNextOf('/content_blocks/info', stale, 2)
  await block.write('token', undefined)
  t.strictSame(sleeps, [500, 2_000])
  braze.answerNextOf('/content_blocks/info', stale, 3)
  const held = { id: (await blocks.find('block')) as string, content: 'token' }
  await t.rejects(block.write('other', held), /it holds something else; somebody else may be writing to it/)
})
