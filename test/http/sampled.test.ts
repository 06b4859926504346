import t from 'tap'
import { createSampledLog } from '../../src/http/sampled.ts'
import { follow, setUp, sign } from '../harness/http.ts'
import { bodyOf } from '../harness/people.ts'
import { createTime } from '../harness/time.ts'

t.test('the first of a kind at once, then one a second, and none is lost from the count', async (t) => {
  const time = createTime()
  const sampled = createSampledLog(time)
  const lines: unknown[] = []
  const say = (kind: string, name: string) =>
    sampled.write(kind, (suppressed) => void lines.push([name, suppressed]))
  say('a', 'a1')
  say('b', 'b1')
  t.strictSame(lines.splice(0), [
    ['a1', 0],
    ['b1', 0],
  ])
  for (const name of ['a2', 'a3', 'a4']) say('a', name)
  time.pass(999)
  t.strictSame(lines.splice(0), [])
  time.pass(1)
  t.strictSame(lines.splice(0), [['a4', 2]], 'the newest, for those before it')
  say('a', 'a5')
  say('b', 'b2')
  t.strictSame(lines.splice(0), [['b2', 0]], 'a kind that has rested is told of at once')
  time.pass(1_000)
  t.strictSame(lines.splice(0), [['a5', 0]])
  time.pass(1_000)
  t.equal(time.timers(), 0, 'it rests')
  say('a', 'a6')
  say('a', 'a7')
  sampled.close()
  t.strictSame(lines.splice(0), [
    ['a6', 0],
    ['a7', 0],
  ])
  t.equal(time.timers(), 0)
})

t.test('a flood of unsigned requests is a line a second, and counted whole', async (t) => {
  const { post, lines, time, told, get } = await setUp(t)
  const flood = () =>
    Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        post(bodyOf(follow()), { 'x-line-signature': i % 2 ? sign('other') : 'short' }),
      ),
    )
  await flood()
  t.equal(lines.length, 2, 'one of each kind')
  time.pass(1_000)
  await flood()
  t.equal(lines.length, 4)
  t.match(lines[2], { level: 'warn', message: 'webhook', fields: { suppressed: 48, outcome: 'unsigned' } })
  t.equal(told('unsigned'), 200)
  t.match((await get('/metrics')).body, 'line_braze_webhooks_total{channel="default",outcome="unsigned"} 200')
  t.match(await post(bodyOf(follow())), { status: 200 })
  t.match(await post(bodyOf(follow())), { status: 200 })
  t.equal(lines.filter(({ fields }) => fields.outcome === 'accepted').length, 2, 'a line for each')
})

t.test('what was not told yet is told at the end', async (t) => {
  const { app, post, lines } = await setUp(t)
  for (let i = 0; i < 5; i += 1) await post('x', { 'x-line-signature': sign('y'), connection: 'close' })
  await app.close()
  t.match(lines, [{ fields: { signature: 'wrong' } }, { fields: { signature: 'wrong', suppressed: 3 } }])
})
