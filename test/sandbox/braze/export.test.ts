import t, { type Test } from 'tap'
import {
  type BrazeSandbox,
  type BrazeSandboxOptions,
  startBrazeSandbox,
} from '../../../src/sandbox/braze/braze.ts'
import { seededRandom } from '../../../src/sandbox/random.ts'
import { exportUsers, object, track } from '../client.ts'

async function start(t: Test, options: BrazeSandboxOptions = {}): Promise<BrazeSandbox> {
  const braze = await startBrazeSandbox({ applyMs: [0, 0], random: seededRandom(1), ...options })
  t.teardown(braze.close)
  return braze
}
const alias = (alias_name: string) => ({ alias_name, alias_label: 'line_id' })
const fields_to_export = ['user_aliases', 'custom_attributes']
const one = { user_aliases: [alias('U1')], fields_to_export }

t.test('who is known is exported, who is not is named', async (t) => {
  const braze = await start(t)
  await track(braze, [object('U1', 'U1')])
  braze.createProfile('U2')
  const user_aliases = [alias('U1'), alias('U2'), alias('U3'), alias('U1')]
  const answer = await exportUsers(braze, { user_aliases, fields_to_export })
  t.equal(answer.status, 200)
  const { message, users, invalid_user_ids } = answer.json
  t.equal(message, 'success')
  t.same(invalid_user_ids, [alias('U3')])
  t.same(
    users.toSorted((a: object, b: object) => JSON.stringify(a).localeCompare(JSON.stringify(b))),
    [{ user_aliases: [alias('U1')], custom_attributes: { line_id: 'U1' } }, { user_aliases: [alias('U2')] }],
    'each once, without fields that are empty',
  )
})

t.test('only the fields that were asked for', async (t) => {
  const braze = await start(t)
  await track(braze, [object('U1', 'U1')])
  const { json } = await exportUsers(braze, { ...one, fields_to_export: ['custom_attributes', 'email'] })
  t.same(json, {
    message: 'success',
    users: [{ custom_attributes: { line_id: 'U1' } }],
    invalid_user_ids: [],
  })
})

t.test('what people remove in the dashboard is gone', async (t) => {
  const braze = await start(t)
  braze.createProfile('U1', { line_id: 'U1', age: 7 })
  braze.removeAttribute('U1')
  braze.removeAttribute('nobody')
  t.same((await exportUsers(braze, one)).json.users[0].custom_attributes, { age: 7 })
  braze.removeProfile('U1')
  t.same((await exportUsers(braze, one)).json.invalid_user_ids, [alias('U1')])
  t.equal(braze.hasProfile('U1'), false)
  t.equal(braze.profiles, 0)
})

t.test('users come in an order of their own', async (t) => {
  const braze = await start(t)
  const names = Array.from({ length: 50 }, (_, index) => `U${index}`)
  for (const name of names) braze.createProfile(name)
  const { json } = await exportUsers(braze, { user_aliases: names.map(alias), fields_to_export })
  const got = json.users.map(({ user_aliases }: typeof one) => user_aliases[0]?.alias_name)
  t.notSame(got, names)
  t.same(got.toSorted(), names.toSorted())
})

t.test('what is wrong with a request', async (t) => {
  const braze = await start(t)
  const many = (length: number) => Array.from({ length }, (_, index) => alias(`U${index}`))
  t.equal((await exportUsers(braze, { ...one, user_aliases: many(50) })).status, 200)
  for (const body of [
    { ...one, user_aliases: many(51) },
    { fields_to_export },
    { user_aliases: [], fields_to_export },
    { user_aliases: one.user_aliases },
    { ...one, fields_to_export: [] },
    { ...one, fields_to_export: 'user_aliases' },
    { user_aliases: 'U1', fields_to_export },
    { user_aliases: [{ alias_name: 'U1' }], fields_to_export },
    [],
  ]) {
    t.match(await exportUsers(braze, body), { status: 400, json: { message: String } }, JSON.stringify(body))
  }
  t.equal((await exportUsers(braze, one, { body: '{"user_' })).status, 400)
  t.equal((await exportUsers(braze, one, { body: ' '.repeat(4 * 1024 * 1024 + 1) })).status, 413)
  t.equal((await exportUsers(braze, one, { headers: { authorization: 'Bearer wrong' } })).status, 401)
  t.equal((await exportUsers(braze, one, { method: 'PUT' })).status, 404)
})

t.test('unknown aliases as objects, as names, or not named at all', async (t) => {
  const braze = await start(t)
  const body = { ...one, user_aliases: [alias('U1'), alias('U2')] }
  braze.setInvalidIdsStyle('strings')
  t.same((await exportUsers(braze, body)).json.invalid_user_ids, ['U1', 'U2'])
  braze.setInvalidIdsStyle('absent')
  t.same((await exportUsers(braze, body)).json, { message: 'success', users: [] })
  braze.setInvalidIdsStyle('objects')
  t.same((await exportUsers(braze, body)).json.invalid_user_ids, body.user_aliases)
})

t.test('a limit and a permission of their own', async (t) => {
  const braze = await start(t)
  braze.setExportLimit({ dialect: 'seconds', requests: 1, perMs: 60_000 })
  const first = await exportUsers(braze, one)
  t.equal(first.headers.get('x-ratelimit-remaining'), '0')
  const second = await exportUsers(braze, one)
  t.match(second, { status: 429, json: { message: String } })
  t.equal(second.headers.get('x-ratelimit-retry-after'), '60')
  const tracked = await track(braze, [object('U1', 'U1')])
  t.equal(tracked.status, 201)
  t.equal(tracked.headers.get('x-ratelimit-limit'), null)
  braze.setExportLimit(null)
  braze.setLimit({ dialect: 'epoch', requests: 0, perMs: 60_000 })
  t.equal((await exportUsers(braze, one)).status, 200)
  braze.forbidExport(true)
  t.match(await exportUsers(braze, one), { status: 403, json: { message: String } })
  braze.forbidExport(false)
  t.equal((await exportUsers(braze, one)).status, 200)
})

t.test('scripted answers of exports and of others do not mix, nor does what is counted', async (t) => {
  const braze = await start(t, { latencyMs: 1, keepRequests: true })
  braze.setOutage({ status: 503 })
  braze.answerNextExport({ status: 502, body: { message: 'bad' } }, 2)
  braze.answerNextExport({ kind: 'half' })
  braze.answerNextExport({ kind: 'hang' })
  t.match(await exportUsers(braze, one), { status: 502, json: { message: 'bad' } })
  t.equal((await exportUsers(braze, one)).status, 502)
  t.equal((await track(braze, [object('U1', 'U1')])).status, 503)
  await t.rejects(exportUsers(braze, one))
  const giveUp = new AbortController()
  const hanging = t.rejects(exportUsers(braze, one, { signal: giveUp.signal }))
  await braze.until(() => braze.stats.exports === 4)
  giveUp.abort()
  await hanging
  t.equal((await exportUsers(braze, one)).status, 200)
  t.match(braze.stats, { exports: 5, requests: 1, accepted: 0, byStatus: { 503: 1 }, inFlight: 0 })
  t.equal(braze.requests.length, 1)
  t.same(braze.violations, [])
})
