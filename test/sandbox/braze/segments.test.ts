import t from 'tap'
import { startBrazeSandbox } from '../../../src/sandbox/braze/braze.ts'
import { read } from '../client.ts'

t.test('the days of a segment since it was built, and its size', async (t) => {
  let now = Date.parse('2026-08-01T10:00:00Z')
  const braze = await startBrazeSandbox({ clock: () => now })
  t.teardown(braze.close)
  const ask = async (query: Record<string, string>, init: RequestInit = {}) => {
    const headers = { authorization: `Bearer ${braze.apiKey}` }
    return read(
      await fetch(`${braze.url}/segments/data_series?${new URLSearchParams(query)}`, { headers, ...init }),
    )
  }
  const segment_id = braze.createSegment('cafe_line_id')
  braze.createProfile('U1', { cafe_line_id: 'U1' })
  braze.createProfile('U2', { line_id: 'U2' })
  t.match(await ask({ segment_id, length: '14' }), {
    status: 200,
    json: { message: 'success', data: [{ time: '2026-08-01', size: 1 }] },
  })
  now += 86_400_000
  braze.createProfile('U3', { cafe_line_id: 'U3' })
  t.strictSame((await ask({ segment_id, length: '14' })).json.data, [
    { time: '2026-08-01', size: 2 },
    { time: '2026-08-02', size: 2 },
  ])
  t.strictSame((await ask({ segment_id, length: '1' })).json.data, [{ time: '2026-08-02', size: 2 }])
  t.strictSame((await ask({ segment_id, length: '5', ending_at: '2026-07-30' })).json.data, [])
  braze.estimateSegment(segment_id, 40)
  t.match(await ask({ segment_id, length: '1' }), { json: { data: [{ size: 40 }] } })
  t.throws(() => braze.estimateSegment('x', 1), /no such segment/)

  for (const query of [
    { length: '1' },
    { segment_id: 'x', length: '1' },
    { segment_id },
    { segment_id, length: '0' },
    { segment_id, length: '101' },
    { segment_id, length: '1', ending_at: 'x' },
  ])
    t.match(await ask(query), { status: 400 }, JSON.stringify(query))
  t.match(await ask({ segment_id, length: '1' }, { method: 'POST' }), { status: 404 })
  t.match(await ask({ segment_id, length: '1' }, { headers: {} }), { status: 401 })
  braze.forbid('segments.data_series', true)
  t.match(await ask({ segment_id, length: '1' }), { status: 403 })
})
