import t from 'tap'
import { judgeTrack, readTrack, type TrackRules } from '../../../src/sandbox/braze/track.ts'
import { object } from '../client.ts'

const kind: TrackRules = { rejected: new Map(), refused: new Map(), bareErrors: false, allRejected: 400 }
const judge = (body: unknown, rules: Partial<TrackRules> = {}) =>
  judgeTrack(readTrack(body), { ...kind, ...rules })
const judgeOne = (attributes: Record<string, unknown>) => judge({ attributes: [attributes] })
const noValidData = "Valid data must be provided in the 'attributes', 'events', or 'purchases' fields."

t.test('a batch of valid objects is a success', async (t) => {
  const { status, body, writes } = judge({ attributes: [object('U1', 'U1'), object('U2', null)] })
  t.equal(status, 201)
  t.same(body, { message: 'success', attributes_processed: 2 })
  t.match(writes, [
    { userId: 'U1', creates: true, explicit: true, attributes: [['line_id', 'U1']] },
    { userId: 'U2', creates: false, explicit: true, attributes: [['line_id', null]] },
  ])
})

t.test('at most 75 objects of all kinds together', async (t) => {
  const attributes = Array.from({ length: 74 }, (_, index) => object(`U${index}`, 'x'))
  const event = { external_id: 'a', name: 'bought', time: '2026-08-01' }
  const body = judge({ attributes, events: [event] })
  t.match(body, { status: 201, body: { attributes_processed: 74, events_processed: 1 } })
  t.match(judge({ attributes, events: [event], purchases: [event] }), { status: 400, writes: [] })
})

t.test('every object needs an identifier', async (t) => {
  const user_alias = { alias_label: 'line_id', alias_name: 'U1' }
  for (const identity of [
    { external_id: 'a' },
    { user_alias },
    { braze_id: 'b' },
    { email: 'e' },
    { phone: '1' },
  ]) {
    t.equal(judgeOne({ ...identity, line_id: 'U1' }).status, 201, JSON.stringify(identity))
  }
  for (const identity of [
    {},
    { external_id: '' },
    { external_id: 7 },
    { external_id: 'é'.repeat(494) },
    { user_alias: 'U1' },
    { user_alias: { alias_name: 'U1' } },
    { user_alias: { alias_name: '', alias_label: 'line_id' } },
  ]) {
    const { status, body } = judgeOne({ ...identity, line_id: 'U1' })
    t.equal(status, 400)
    t.match(body, { message: noValidData, errors: [{ type: String, input_array: 'attributes', index: 0 }] })
  }
  t.equal(judgeOne({ external_id: 'é'.repeat(493) }).status, 201, '986 bytes')
})

t.test('an unknown profile is created by default, except for an alias', async (t) => {
  const user_alias = { alias_label: 'line_id', alias_name: 'U1' }
  t.equal(judgeOne({ external_id: 'a' }).writes[0]?.creates, true)
  t.equal(judgeOne({ external_id: 'a', _update_existing_only: true }).writes[0]?.creates, false)
  t.match(judgeOne({ user_alias }).writes, [{ creates: false, explicit: false }])
  t.equal(judgeOne({ user_alias, _update_existing_only: false }).writes[0]?.creates, true)
  t.equal(judgeOne({ braze_id: 'b', _update_existing_only: false }).writes[0]?.creates, false)
})

t.test('strings have at most 255 characters', async (t) => {
  t.equal(judge({ attributes: [object('U1', 'x'.repeat(255))] }).status, 201)
  t.equal(judge({ attributes: [object('U1', 'x'.repeat(256))] }).status, 400)
  t.equal(judgeOne({ external_id: 'a', ['x'.repeat(256)]: 1 }).status, 400)
  t.equal(judgeOne({ external_id: 'a', _update_existing_only: 'yes' }).status, 400)
})

t.test('a part that is wrong is named by its place', async (t) => {
  const attributes = [object('U1', 'U1'), { line_id: 'U2' }, null, object('U3', null)]
  const { status, body, writes } = judge({ attributes })
  t.equal(status, 201)
  t.match(body, { message: 'success', attributes_processed: 2, errors: [{ index: 1 }, { index: 2 }] })
  t.same(
    writes.map(({ userId }) => userId),
    ['U1', 'U3'],
  )
})

t.test('users can be rejected, with and without an index, and refused', async (t) => {
  const attributes = [object('U1', 'U1'), object('U2', 'U2')]
  const rejected = new Map([['U2', 'no such luck']])
  const error = { type: 'no such luck', input_array: 'attributes', index: 1 }
  t.match(judge({ attributes }, { rejected }), {
    status: 201,
    body: { attributes_processed: 1, errors: [error] },
  })
  t.same(judge({ attributes }, { rejected, bareErrors: true }).body.errors, ['no such luck'])
  const refused = judge({ attributes }, { refused: new Map([['U2', { status: 400, message: 'no' }]]) })
  t.match(refused, { status: 400, writes: [] })
  t.notOk('errors' in refused.body)
})

t.test('bodies without valid data', async (t) => {
  for (const body of [{}, { attributes: [] }, { attributes: [{}] }]) {
    t.match(judge(body), { status: 400, body: { message: noValidData }, writes: [] })
  }
  for (const body of [
    null,
    [],
    'x',
    7,
    { attributes: {} },
    { attributes: [object('U1', 'U1')], events: 'x' },
  ]) {
    t.match(judge(body), { status: 400, body: { message: String }, writes: [] })
  }
})
