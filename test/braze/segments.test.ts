import t, { type Test } from 'tap'
import { createSegments } from '../../src/braze/segments.ts'
import { startBrazeSandbox } from '../../src/sandbox/braze/braze.ts'

const SERIES = '/segments/data_series'

/** What asks a Braze with a segment of two people; it sleeps no longer than a turn of the event loop. */
async function setUp(t: Test) {
  const braze = await startBrazeSandbox({ clock: () => Date.parse('2026-09-01T12:00:00Z') })
  const sleeps: number[] = []
  const segments = createSegments({
    endpoint: braze.url,
    apiKey: braze.apiKey,
    timeoutMs: 300,
    async sleep(ms) {
      sleeps.push(ms)
      await new Promise(setImmediate)
    },
  })
  t.teardown(async () => {
    await segments.close()
    await braze.close()
  })
  for (const userId of ['U1', 'U2']) braze.createProfile(userId, { line_id: userId })
  braze.createProfile('U3', { line_id: '' })
  return { braze, segments, sleeps, id: braze.createSegment(), size: segments.size }
}

t.test('the newest size, and its day', async (t) => {
  const { braze, size, id } = await setUp(t)
  t.strictSame(await size(id), { kind: 'size', size: 2, day: '2026-09-01' })
  const data = [
    { time: '2026-09-02T00:00:00Z', size: 7 },
    { time: '2026-09-01', size: 5 },
  ]
  braze.answerNextOf(SERIES, { body: { message: 'success', data } })
  t.strictSame(await size(id), { kind: 'size', size: 7, day: '2026-09-02' }, 'in whatever order')
  braze.answerNextOf(SERIES, { body: { message: 'success', data: [] } })
  t.strictSame(await size(id), { kind: 'none' })
})

t.test('a key without the permission is an answer', async (t) => {
  const { braze, size, id } = await setUp(t)
  braze.forbid('segments.data_series', true)
  t.match(await size(id), { kind: 'forbidden', reason: /403.*segments\.data_series/ })
})

t.test('what is wrong, and what passes', async (t) => {
  const { braze, size, id, sleeps } = await setUp(t)
  await t.rejects(size('unknown'), /^Braze answers 400: invalid 'segment_id'$/)
  braze.answerNextOf(SERIES, { status: 500 })
  t.match(await size(id), { size: 2 })
  for (const body of [
    { message: 'success' },
    { data: [] },
    { message: 'success', data: [{ time: 'x', size: 1 }] },
  ]) {
    braze.answerNextOf(SERIES, { body }, 2)
    await t.rejects(size(id), /200 without what was asked for/)
  }
  braze.answerNextOf(SERIES, { kind: 'reset' }, 2)
  await t.rejects(size(id), /^Braze cannot be reached: /)
  const before = sleeps.length
  braze.answerNextOf(SERIES, { status: 429, headers: { 'retry-after': '3600' } })
  await t.rejects(size(id), /429/)
  t.equal(sleeps.length, before, 'nobody waits for an hour')
  braze.setApiKey('another')
  await t.rejects(size(id), /401: check BRAZE_API_KEY/)
})
