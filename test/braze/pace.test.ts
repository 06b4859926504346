import t from 'tap'
import { createPacer, exhaustedForMs } from '../../src/braze/pace.ts'

t.test('at most so many a second, and no burst to catch up', async (t) => {
  const pacer = createPacer(10)
  const leaveAt = (from: number) => {
    const now = from + pacer.delayMs(from)
    pacer.leave(now)
    return now
  }
  let now = 1_000
  const moments: number[] = []
  for (let i = 0; i < 50; i++) {
    now = leaveAt(now)
    moments.push(now)
  }
  for (let i = 10; i < moments.length; i++) {
    t.ok((moments[i] ?? 0) - (moments[i - 10] ?? 0) >= 1_000 - 20, `request ${i}`)
  }
  now += 60_000
  t.equal(pacer.delayMs(now), 0)
  pacer.leave(now)
  t.ok(pacer.delayMs(now) >= 80, 'a quiet minute earns nothing')
})

t.test('the limit that an answer says is used up', async (t) => {
  const now = 1_800_000_000_000
  t.equal(exhaustedForMs({ 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '2' }, now), 2_000)
  t.equal(exhaustedForMs({ 'x-ratelimit-remaining': '1', 'x-ratelimit-reset': '2' }, now), undefined)
  t.equal(exhaustedForMs({ 'x-ratelimit-remaining': '0' }, now), undefined)
  t.equal(exhaustedForMs({}, now), undefined)
})
