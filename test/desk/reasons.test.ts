import t from 'tap'
import { createReasons, isFor, reasonOf } from '../../src/desk/reasons.ts'
import type { Failure } from '../../src/ledger/ledger.ts'

const failureOf = (failure: string, more: Partial<Failure> = {}): Failure => ({
  id: 1,
  channel: 'default',
  address: { userId: 'U1' },
  userId: 'U1',
  failure,
  ...more,
})

t.test('ids in words do not split groups', async (t) => {
  const of = (failure: string, more: Partial<Failure> = {}) => reasonOf(failureOf(failure, more))
  t.equal(of('The alias U1 is banned.'), 'The alias … is banned.')
  t.equal(
    of('external_id "顧客 7" of U1 is too old', { address: { externalId: '顧客 7' } }),
    'external_id "…" of … is too old',
  )
  t.equal(of('U0123456789abcdef0123456789abcdef is unknown'), '… is unknown')
  t.equal(of('user 5f0c1c3a-7d5e-4c8e-9f72-5b03f19d6027 at index 17'), 'user … at index …')
  t.equal(of('mia@example.com has   3.5 points'), '… has … points')
  t.equal(of("'a.b' is a bad name", { address: { externalId: 'a.b' } }), "'…' is a bad name")
  t.equal(
    of('a bad attribute a', { address: { externalId: 'a' }, userId: null }),
    '… bad attribute …',
    'a whole word, not part of one',
  )
  t.equal(of('aa a aardvark', { address: { externalId: 'a' } }), 'aa … aardvark', 'nor beside itself')
  t.equal(of('𠮷U1 U1𠮷 U1', {}), '𠮷U1 U1𠮷 …', 'a letter of two units is one, too')
  t.equal(of('a.b axb', { address: { externalId: 'a.b' } }), '… axb', 'a name is no expression')
  t.equal(of('x1 of x1y', { address: { externalId: 'x1' }, userId: 'x1y' }), '… of …')
  t.equal(of('custom_attribute must be text'), 'custom_attribute must be text', 'names of fields stay')
})

t.test('whether words stand in it', async (t) => {
  const failure = failureOf('The alias U1 is BANNED for 3 days')
  for (const words of ['banned', 'alias U1', 'alias … is', 'for 3 DAYS', ''])
    t.ok(isFor(failure, words), words)
  t.notOk(isFor(failure, 'unknown'))
})

t.test('they are counted, with some examples, the most frequent first', async (t) => {
  const reasons = createReasons()
  for (let n = 0; n < 5; n++) reasons.add(failureOf(`row ${n} is bad`))
  reasons.add(failureOf('zzz'))
  reasons.add(failureOf('aaa'))
  t.equal(reasons.total, 7)
  t.match(reasons.list(), [
    { reason: 'row … is bad', count: 5 },
    { reason: 'aaa', count: 1 },
    { reason: 'zzz', count: 1 },
  ])
  t.equal(reasons.list()[0]?.examples.length, 3)
})

t.test('too many are not kept apart', async (t) => {
  const reasons = createReasons()
  const word = (n: number) => [...String(n)].map((digit) => 'abcdefghij'[Number(digit)]).join('')
  for (let n = 0; n < 1_500; n++) reasons.add(failureOf(word(n)))
  t.equal(reasons.list().length, 1_001)
  t.match(reasons.list()[0], { reason: 'for many other reasons', count: 500 })
  reasons.add(failureOf(word(3)))
  t.equal(reasons.total, 1_501)
})

t.test('thousands of them keep a server from its webhooks for a moment only', async (t) => {
  const reasons = createReasons()
  const before = process.cpuUsage()
  for (let n = 0; n < 5_000; n++)
    reasons.add(failureOf(`user-${n} is banned`, { address: { externalId: `user-${n}` }, userId: `U${n}` }))
  const { user } = process.cpuUsage(before)
  t.match(reasons.list(), [{ reason: '… is banned', count: 5_000 }])
  t.ok(user < 2_000_000, `${user} microseconds; an expression made for each name took 20 seconds`)
})
