import { ServerResponse } from 'node:http'
import t, { type Test } from 'tap'
import { request } from 'undici'
import {
  type BrazeSandbox,
  type BrazeSandboxOptions,
  startBrazeSandbox,
} from '../../../src/sandbox/braze/braze.ts'
import { object, track } from '../client.ts'

async function start(t: Test, options: BrazeSandboxOptions = {}): Promise<BrazeSandbox> {
  const braze = await startBrazeSandbox({ applyMs: [0, 0], ...options })
  t.teardown(braze.close)
  return braze
}
const set = [object('Usecret', 'Usecret')]
const clear = [object('Usecret', null)]

t.test('nothing to say of a polite client', async (t) => {
  const braze = await start(t, { latencyMs: 1 })
  await Promise.all([track(braze, set), track(braze, [object('U2', 'U2')])])
  await track(braze, clear)
  t.same(braze.violations, [])
})

t.test('the same user twice in a request', async (t) => {
  const braze = await start(t)
  await track(braze, [...set, ...clear])
  t.match(braze.violations, [/twice in one request/])
  t.notMatch(braze.violations.join(), 'Usecret')
})

t.test('too many objects, and one that leaves _update_existing_only out', async (t) => {
  const braze = await start(t)
  await track(
    braze,
    Array.from({ length: 76 }, (_, index) => object(`U${index}`, 'x')),
  )
  await track(braze, [{ user_alias: { alias_label: 'line_id', alias_name: 'a' }, line_id: 'x' }])
  t.match(braze.violations, [/76 objects/, /_update_existing_only/])
})

t.test('two requests in flight for one user', async (t) => {
  const braze = await start(t, { latencyMs: 20 })
  await Promise.all([track(braze, set), track(braze, clear)])
  t.match(braze.violations, [/in flight/])
})

t.test('a request that the client gave up is not in flight', async (t) => {
  const braze = await start(t)
  braze.answerNext({ kind: 'hang' })
  const giveUp = new AbortController()
  const hanging = t.rejects(track(braze, set, { signal: giveUp.signal }))
  await braze.until(() => braze.stats.inFlight === 1)
  giveUp.abort()
  await Promise.all([hanging, track(braze, set)])
  await track(braze, set)
  t.same(braze.violations, [])
})

t.test('a write too soon after an accepted one', async (t) => {
  const braze = await start(t, { settleMs: 60_000 })
  await track(braze, set)
  await track(braze, [object('U2', 'U2')])
  t.same(braze.violations, [])
  await track(braze, set)
  t.match(braze.violations, [/after an accepted write/])
  t.notMatch(braze.violations.join(), 'Usecret')
})

t.test('what failed may be sent again at once, with another value too', async (t) => {
  const braze = await start(t, { settleMs: 60_000 })
  braze.answerNext({ status: 503 })
  await track(braze, set)
  braze.rejectUser('Usecret', 'odd')
  await track(braze, set)
  braze.acceptUser('Usecret')
  await track(braze, clear)
  t.same(braze.violations, [])
})

t.test('what Braze took without saying so may be repeated, not contradicted', async (t) => {
  const braze = await start(t, { settleMs: 60_000 })
  braze.answerNext({ kind: 'reset', apply: true }, 2)
  await t.rejects(track(braze, set))
  await t.rejects(track(braze, set))
  t.same(braze.violations, [])
  await track(braze, clear)
  t.match(braze.violations, [/another value/])
})

t.test('an accepted write whose client hung up may be repeated', async (t) => {
  const braze = await start(t, { settleMs: 60_000 })
  const response = await request(`${braze.url}/users/track`, {
    method: 'POST',
    headers: { authorization: `Bearer ${braze.apiKey}`, connection: 'close' },
    body: JSON.stringify({ attributes: set }),
  })
  await response.body.dump()
  await track(braze, set)
  t.same(braze.violations, [])
  await track(braze, clear)
  t.match(braze.violations, [/another value/])
})

t.test('a write after the pause is fine', async (t) => {
  let now = 1_000
  const braze = await start(t, { settleMs: 30, clock: () => now })
  await track(braze, set)
  now += 30
  await track(braze, clear)
  t.same(braze.violations, [])
})

t.test('the pause is counted from before the answer leaves, however long it takes', async (t) => {
  let now = 1_000
  const braze = await start(t, { settleMs: 30, clock: () => now })
  const { end } = ServerResponse.prototype
  t.capture(ServerResponse.prototype, 'end', function (this: ServerResponse, ...args: unknown[]) {
    now += 20
    return end.apply(this, args as never)
  })
  await track(braze, set)
  now = 1_030
  await track(braze, clear)
  t.same(braze.violations, [])
})
