import t, { type Test } from 'tap'
import { type BrazeSandbox, startBrazeSandbox } from '../../../src/sandbox/braze/braze.ts'
import type { Permission } from '../../../src/sandbox/braze/endpoints.ts'
import { alias, call, exportUsers, identify, object, track } from '../client.ts'

async function start(t: Test): Promise<BrazeSandbox> {
  const braze = await startBrazeSandbox({ applyMs: [0, 0], keepRequests: true })
  t.teardown(braze.close)
  return braze
}

const pair = { identifier_to_merge: { external_id: 'E1' }, identifier_to_keep: { external_id: 'E2' } }
const bodies: Record<string, object> = {
  '/users/track': { attributes: [object('U1', 'U1')] },
  '/users/export/ids': { external_ids: ['E1'], fields_to_export: ['external_id'] },
  '/users/identify': { aliases_to_identify: [{ external_id: 'E1', user_alias: alias('U1') }] },
  '/users/alias/new': { user_aliases: [alias('U9')] },
  '/users/alias/update': {
    alias_updates: [{ alias_label: 'line_id', old_alias_name: 'U1', new_alias_name: 'U2' }],
  },
  '/users/merge': { merge_updates: [pair] },
}
const permissions: Record<string, Permission> = {
  '/users/track': 'users.track',
  '/users/export/ids': 'users.export.ids',
  '/users/identify': 'users.identify',
  '/users/alias/new': 'users.alias.new',
  '/users/alias/update': 'users.alias.update',
  '/users/merge': 'users.merge',
}

for (const [path, body] of Object.entries(bodies)) {
  t.test(`${path}: permission, key, method, size`, async (t) => {
    const braze = await start(t)
    const permission = permissions[path] as Permission
    braze.forbid(permission, true)
    t.match(await call(braze, path, body), { status: 403, json: { message: new RegExp(permission) } })
    for (const [other, body] of Object.entries(bodies))
      if (other !== path) t.ok((await call(braze, other, body)).status < 300, other)
    braze.forbid(permission, false)
    t.ok((await call(braze, path, body)).status < 300)
    t.equal((await call(braze, path, body, { headers: { authorization: 'Bearer wrong' } })).status, 401)
    t.equal((await call(braze, path, body, { method: 'PUT' })).status, 404)
    t.equal((await call(braze, path, body, { body: ' '.repeat(4 * 1024 * 1024 + 1) })).status, 413)
    t.equal((await call(braze, path, body, { body: '[' })).status, 400)
  })
}

t.test('identify, aliases and merges share a limit', async (t) => {
  const braze = await start(t)
  braze.setIdentityLimit({ dialect: 'epoch', requests: 3, perMs: 60_000 })
  const paths = ['/users/identify', '/users/alias/new', '/users/alias/update', '/users/merge']
  const answers = []
  for (const path of paths) answers.push(await call(braze, path, bodies[path]))
  t.same(
    answers.map(({ status, headers }) => [status, headers.get('x-ratelimit-remaining')]),
    [
      [201, '2'],
      [201, '1'],
      [201, '0'],
      [429, '0'],
    ],
  )
  t.equal((await track(braze, [object('U1', 'U1')])).headers.get('x-ratelimit-limit'), null)
  t.equal((await exportUsers(braze, bodies['/users/export/ids'])).headers.get('x-ratelimit-limit'), null)
  braze.setLimit({ dialect: 'epoch', requests: 0, perMs: 60_000 })
  braze.setIdentityLimit(null)
  t.equal((await identify(braze, ['U1', 'E1'])).status, 201)
})

t.test('answers of one endpoint leave the others and their counts alone', async (t) => {
  const braze = await start(t)
  braze.setOutageOf('/users/identify', { status: 503 })
  braze.answerNextOf('/users/identify', { status: 502 })
  braze.answerNextOf('/users/merge', { kind: 'half' })
  braze.answerNext({ status: 500 })
  braze.createProfile('U1')
  t.equal((await identify(braze, ['U1', 'E1'])).status, 502)
  t.equal((await identify(braze, ['U1', 'E1'])).status, 503)
  t.equal((await call(braze, '/users/alias/new', bodies['/users/alias/new'])).status, 201)
  await t.rejects(call(braze, '/users/merge', bodies['/users/merge']))
  t.equal(braze.customer('E1'), undefined, 'nothing was taken')
  t.equal((await track(braze, [object('U1', 'U1')])).status, 500)
  braze.setOutageOf('/users/identify', null)
  t.equal((await identify(braze, ['U1', 'E1'])).status, 201)
  t.match(braze.stats, { requests: 1, accepted: 0, byStatus: { 500: 1 }, inFlight: 0, exports: 0 })
  t.equal(braze.stats.byPath['/users/identify'], 3)
  t.equal(braze.requests.length, 1)
})

t.test('calls are told, and kept when asked for', async (t) => {
  const braze = await start(t)
  const told: unknown[] = []
  braze.on('call', ({ endpoint, status }) => told.push([endpoint, status]))
  braze.answerNextOf('/users/identify', { status: 503 })
  await identify(braze, ['U1', 'E1'])
  await exportUsers(braze, bodies['/users/export/ids'])
  await track(braze, [object('U1', 'U1')])
  t.same(told, [
    ['/users/identify', 503],
    ['/users/export/ids', 200],
  ])
  t.match(braze.calls, [
    { at: Number, endpoint: '/users/identify', status: 503, body: bodies['/users/identify'] },
    { at: Number, endpoint: '/users/export/ids', status: 200, body: bodies['/users/export/ids'] },
  ])
  const forgetful = await startBrazeSandbox()
  t.teardown(forgetful.close)
  await identify(forgetful, ['U1', 'E1'])
  t.same(forgetful.calls, [])
})
