import t from 'tap'
import { createRules, type Rules } from '../../../src/sandbox/braze/rules.ts'
import { judgeTrack } from '../../../src/sandbox/braze/track.ts'
import { object } from '../client.ts'

const judge = (body: unknown, rules: Partial<Rules> = {}) =>
  judgeTrack(body, { ...createRules('key'), ...rules })
const judgeOne = (attributes: Record<string, unknown>) => judge({ attributes: [attributes] })
const noValidData = "Valid data must be provided in the 'attributes', 'events', or 'purchases' fields."

t.test('a batch of valid objects is a success', async (t) => {
  const { status, body, writes } = judge({ attributes: [object('U1', 'U1'), object('U2', null)] })
  t.equal(status, 201)
  t.same(body, { message: 'success', attributes_processed: 2 })
  t.match(writes, [
    {
      target: { name: 'U1', label: 'line_id' },
      creates: true,
      explicit: true,
      attributes: [['line_id', 'U1']],
    },
    {
      target: { name: 'U2', label: 'line_id' },
      creates: false,
      explicit: true,
      attributes: [['line_id', null]],
    },
  ])
})

t.test('at most 75 objects', async (t) => {
  const attributes = Array.from({ length: 76 }, (_, index) => object(`U${index}`, 'x'))
  t.match(judge({ attributes: attributes.slice(1) }), { status: 201, body: { attributes_processed: 75 } })
  t.match(judge({ attributes }), { status: 400, writes: [] })
})

t.test('every object needs an alias', async (t) => {
  const user_alias = { alias_label: 'line_id', alias_name: 'U1' }
  t.equal(judgeOne({ user_alias, line_id: 'U1' }).status, 201)
  for (const identity of [
    {},
    { user_alias: 'U1' },
    { user_alias: { alias_name: 'U1' } },
    { user_alias: { alias_name: '', alias_label: 'line_id' } },
    { user_alias: { alias_name: 7, alias_label: 'line_id' } },
  ]) {
    const { status, body } = judgeOne({ ...identity, line_id: 'U1' })
    t.equal(status, 400)
    t.match(body, { message: noValidData, errors: [{ type: String, input_array: 'attributes', index: 0 }] })
  }
})

t.test('an unknown profile is created only where that is said', async (t) => {
  const user_alias = { alias_label: 'line_id', alias_name: 'U1' }
  t.match(judgeOne({ user_alias }).writes, [{ creates: false, explicit: false }])
  t.match(judgeOne({ user_alias, _update_existing_only: true }).writes, [{ creates: false, explicit: true }])
  t.match(judgeOne({ user_alias, _update_existing_only: false }).writes, [{ creates: true, explicit: true }])
})

t.test('strings have at most 255 characters', async (t) => {
  t.equal(judge({ attributes: [object('U1', 'x'.repeat(255))] }).status, 201)
  t.equal(judge({ attributes: [object('U1', 'x'.repeat(256))] }).status, 400)
  t.equal(judgeOne({ ...object('U1', 'x'), ['x'.repeat(256)]: 1 }).status, 400)
  t.equal(judgeOne({ ...object('U1', 'x'), _update_existing_only: 'yes' }).status, 400)
})

t.test('a part that is wrong is named by its place', async (t) => {
  const attributes = [object('U1', 'U1'), { line_id: 'U2' }, null, object('U3', null)]
  const { status, body, writes } = judge({ attributes })
  t.equal(status, 201)
  t.match(body, { message: 'success', attributes_processed: 2, errors: [{ index: 1 }, { index: 2 }] })
  t.same(
    writes.map(({ target }) => target.name),
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
  t.match(judge({ attributes }, { rejected, bareErrors: true }).body, { errors: ['no such luck'] })
  const refused = judge(
    { attributes },
    { refused: new Map([['U2', { status: 400, body: { message: 'no' } }]]) },
  )
  t.match(refused, { status: 400, writes: [] })
  t.notOk('errors' in Object(refused.body))
})

t.test('bodies without valid data', async (t) => {
  for (const body of [{}, { attributes: [] }, { attributes: [{}] }]) {
    t.match(judge(body), { status: 400, body: { message: noValidData }, writes: [] })
  }
  for (const body of [null, [], 'x', 7, { attributes: {} }]) {
    t.match(judge(body), { status: 400, body: { message: String }, writes: [] })
  }
})
