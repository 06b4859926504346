import t from 'tap'
import { startBrazeSandbox } from '../../../src/sandbox/braze/braze.ts'
import { seededRandom } from '../../../src/sandbox/random.ts'
import { freePort } from '../../harness/ports.ts'
import { object, track } from '../client.ts'

t.test('an accepted object is applied to its profile', async (t) => {
  const braze = await startBrazeSandbox({ applyMs: [0, 0] })
  t.teardown(braze.close)
  t.match(await track(braze, [object('U1', 'U1')]), {
    status: 201,
    json: { message: 'success', attributes_processed: 1 },
  })
  t.equal(braze.attribute('U1'), 'U1')
  t.equal(braze.hasProfile('U1'), true)
  await track(braze, [object('U1', null)])
  t.equal(braze.attribute('U1'), undefined)
  t.equal(braze.hasProfile('U1'), true)
  t.match(braze.stats, {
    requests: 2,
    accepted: 2,
    objects: 2,
    byStatus: { 201: 2 },
    inFlight: 0,
  })
})

t.test('aliases: unknown ones are processed and make no profile unless asked to', async (t) => {
  const braze = await startBrazeSandbox({ applyMs: [0, 0] })
  t.teardown(braze.close)
  t.match(await track(braze, [object('U1', 'U1', true)]), { status: 201, json: { attributes_processed: 1 } })
  t.equal(braze.hasProfile('U1'), false)
  t.equal(braze.profiles, 0)
  braze.createProfile('U1', { line_id: 'old', age: 7 })
  await track(braze, [object('U1', 'U1', true), object('u1', 'u1', false)])
  t.equal(braze.attribute('U1'), 'U1')
  t.equal(braze.attribute('u1'), 'u1', 'case matters')
  const elsewhere = { alias_label: 'other', alias_name: 'U1' }
  await track(braze, [{ user_alias: elsewhere, _update_existing_only: false, line_id: 'x' }])
  t.equal(braze.attribute('U1'), 'U1', 'the label matters')
  t.equal(braze.profiles, 3)
})

t.test('objects are applied later, each after a delay of its own', async (t) => {
  const braze = await startBrazeSandbox({ applyMs: [1, 30], random: seededRandom(3) })
  t.teardown(braze.close)
  const applied = new Set<string>()
  const users = Array.from({ length: 20 }, (_, index) => `U${index}`)
  // In one request: on a slow machine the first would be applied before the last is sent.
  await track(
    braze,
    users.map((user) => object(user, user)),
  )
  await braze.until(() => {
    for (const user of users) if (braze.attribute(user) === user) applied.add(user)
    return applied.size === users.length
  })
  t.notSame([...applied], users, 'in another order than they were sent')
  await braze.whenApplied()

  const slow = await startBrazeSandbox({ applyMs: [3_600_000, 3_600_000] })
  t.teardown(slow.close)
  await track(slow, [object('U1', 'U1')])
  t.equal(slow.attribute('U1'), undefined, 'not yet')
})

t.test('what is wrong with a request as a whole', async (t) => {
  const braze = await startBrazeSandbox({ applyMs: [0, 0], apiKey: 'right' })
  t.teardown(braze.close)
  const one = [object('U1', 'U1')]
  const authorization = 'Bearer right'
  t.equal((await track(braze, one, { headers: {} })).status, 401)
  t.equal((await track(braze, one, { headers: { authorization: 'Bearer wrong' } })).status, 401)
  t.equal((await track(braze, one, { headers: { authorization: 'right' } })).status, 401)
  t.equal((await track(braze, one, { path: '/messages/send' })).status, 404)
  t.equal((await fetch(`${braze.url}/users/track`, { headers: { authorization } })).status, 404)
  t.equal((await track(braze, one, { body: '{"attributes":[' })).status, 400)
  t.equal((await track(braze, one, { body: ' '.repeat(4 * 1024 * 1024 + 1) })).status, 413)
  t.equal((await track(braze, Array(76).fill(one[0]))).status, 400)
  braze.setApiKey('new')
  t.equal((await track(braze, one, { headers: { authorization } })).status, 401)
  t.equal((await track(braze, one)).status, 201, 'the sandbox shows its new key')
  t.same(braze.stats.byStatus, { 401: 4, 404: 2, 400: 2, 413: 1, 201: 1 })
})

t.test('users that are rejected or refused, until they are accepted', async (t) => {
  const braze = await startBrazeSandbox({ applyMs: [0, 0] })
  t.teardown(braze.close)
  const two = [object('U1', 'U1'), object('U2', 'U2')]
  braze.rejectUser('U1', 'odd')
  const error = { type: 'odd', input_array: 'attributes', index: 0 }
  t.match(await track(braze, two), { status: 201, json: { attributes_processed: 1, errors: [error] } })
  t.equal(braze.attribute('U1'), undefined)
  t.equal(braze.attribute('U2'), 'U2')
  braze.errorsWithoutIndex(true)
  t.match(await track(braze, two), { status: 201, json: { errors: ['odd'] } })
  braze.refuseUser('U1')
  t.equal((await track(braze, two)).status, 400)
  braze.acceptUser('U1')
  t.same((await track(braze, two)).json, { message: 'success', attributes_processed: 2 })
})

t.test('the limit in the dialect of most contracts', async (t) => {
  const braze = await startBrazeSandbox({ applyMs: [0, 0] })
  t.teardown(braze.close)
  braze.setLimit({ dialect: 'epoch', requests: 2, perMs: 60_000 })
  const answers = []
  for (let n = 0; n < 3; n++) answers.push(await track(braze, [object('U1', 'U1')]))
  t.same(
    answers.map(({ status }) => status),
    [201, 201, 429],
  )
  t.same(
    answers.map(({ headers }) => headers.get('x-ratelimit-remaining')),
    ['1', '0', '0'],
  )
  const headers = answers[2]?.headers as Headers
  const seconds = Number(headers.get('x-ratelimit-reset')) - Date.now() / 1000
  t.ok(seconds > 50 && seconds < 62, `reset in ${seconds} s`)
  t.equal(headers.get('x-ratelimit-limit'), '2')
  t.equal(headers.get('x-ratelimit-retry-after'), null)
  braze.setLimit(null)
  const after = await track(braze, [object('U1', 'U1')])
  t.equal(after.status, 201)
  t.equal(after.headers.get('x-ratelimit-limit'), null)
})

t.test('the limit in the dialect of MAU contracts, and its end', async (t) => {
  const braze = await startBrazeSandbox({ applyMs: [0, 0] })
  t.teardown(braze.close)
  braze.setLimit({ dialect: 'seconds', requests: 1, perMs: 50 })
  const first = await track(braze, [object('U1', 'U1')])
  t.equal(first.headers.get('x-ratelimit-reset'), '1')
  let answer = await track(braze, [object('U1', 'U1')])
  for (; answer.status !== 429; answer = await track(braze, [object('U1', 'U1')]));
  t.equal(answer.headers.get('x-ratelimit-retry-after'), '1')
  t.equal(answer.headers.get('x-ratelimit-reset'), null)
  for (; answer.status === 429; answer = await track(braze, [object('U1', 'U1')]));
  t.equal(answer.status, 201, 'a window later')
})

t.test('requests and writes are kept when asked for', async (t) => {
  const braze = await startBrazeSandbox({ applyMs: [0, 0], keepRequests: true })
  t.teardown(braze.close)
  const answered: number[] = []
  braze.on('request', ({ status, objects }) => answered.push(status, objects.length))
  await track(braze, [object('U1', 'U1'), object('U2', 'U2')])
  braze.answerNext({ status: 503 })
  await track(braze, [object('U1', null)])
  t.same(answered, [201, 2, 503, 1])
  t.match(braze.requests, [
    { at: Number, status: 201, objects: [object('U1', 'U1'), object('U2', 'U2')] },
    { at: Number, status: 503, objects: [object('U1', null)] },
  ])
  t.match(braze.writesOf('U1'), [
    { at: Number, status: 201, value: 'U1' },
    { at: Number, status: 503, value: null },
  ])
  t.same(braze.writesOf('U3'), [])
})

t.test('latency holds answers, and shows requests in flight', async (t) => {
  const braze = await startBrazeSandbox({ applyMs: [0, 0], latencyMs: 20 })
  t.teardown(braze.close)
  const startedAt = performance.now()
  const both = Promise.all(['U1', 'U2'].map((user) => track(braze, [object(user, user)])))
  await braze.until(() => braze.stats.inFlight === 2)
  t.equal(braze.attribute('U1'), 'U1', 'taken before it is answered')
  await both
  t.ok(performance.now() - startedAt >= 19)
  t.match(braze.stats, { inFlight: 0, maxInFlight: 2 })
})

t.test('close ends everything', async (t) => {
  const port = await freePort()
  const braze = await startBrazeSandbox({ port, applyMs: [60_000, 60_000] })
  await track(braze, [object('U1', 'U1')])
  const applied = t.rejects(braze.whenApplied(), { message: /closed/ })
  await braze.close()
  await braze.close()
  await applied
  await t.rejects(track(braze, []))
  const again = await startBrazeSandbox({ port })
  t.equal(again.port, port)
  await t.rejects(startBrazeSandbox({ port }), { code: 'EADDRINUSE' })
  await again.close()
})

t.test('until rejects with what its predicate throws', async (t) => {
  const braze = await startBrazeSandbox()
  t.teardown(braze.close)
  const waiting = braze.until(() => {
    if (braze.stats.requests > 0) throw new Error('mine')
    return false
  })
  await Promise.all([t.rejects(waiting, { message: 'mine' }), track(braze, [])])
})
