import t from 'tap'
import { createGate } from '../../src/delivery/gate.ts'

t.test('failures in a row double the wait, from 1 s at most up to 5 minutes', async (t) => {
  for (const random of [0, 0.5, 1]) {
    const gate = createGate(() => random)
    let now = 0
    for (let i = 0; i < 12; i++) {
      t.ok(gate.failed('down', gate.stretch, now))
      const full = Math.min(300_000, 1_000 * 2 ** i)
      t.equal(gate.delayMs(now), full * (0.5 + random / 2), `failure ${i + 1}`)
      t.ok(gate.isProbing())
      now += gate.delayMs(now)
      gate.reopen(now)
      t.equal(gate.state, 'waiting', 'only a success ends it')
    }
    gate.succeeded(gate.stretch)
    t.match(gate, { state: 'delivering', reason: null })
    t.notOk(gate.isProbing())
    gate.failed('down', gate.stretch, now)
    t.ok(gate.delayMs(now) <= 1_000, 'and the next stretch starts anew')
  }
})

t.test('requests that left before a failure was known tell nothing new', async (t) => {
  const gate = createGate(() => 1)
  const sentIn = gate.stretch
  t.ok(gate.failed('first', sentIn, 0))
  for (let i = 0; i < 7; i++) t.notOk(gate.failed('like the first', sentIn, 5))
  t.equal(gate.delayMs(0), 1_000)
  t.notOk(gate.pause('denied', sentIn, 5))
  gate.succeeded(sentIn)
  t.equal(gate.state, 'waiting')
})

t.test('a pause is tried again every 30 s, one request at a time', async (t) => {
  const gate = createGate(() => 1)
  t.ok(gate.pause('denied', gate.stretch, 0))
  t.match(gate, { state: 'paused', reason: 'denied' })
  t.equal(gate.delayMs(0), 30_000)
  gate.reopen(30_000)
  t.equal(gate.state, 'paused')
  t.ok(gate.isProbing())
  gate.pause('denied', gate.stretch, 30_000)
  t.equal(gate.delayMs(30_000), 30_000)
  gate.succeeded(gate.stretch)
  t.equal(gate.state, 'delivering')
})

t.test(
  'a wait says nothing about failures: neither back-off nor pause is forgotten or prolonged by it',
  async (t) => {
    const gate = createGate(() => 1)
    gate.failed('down', gate.stretch, 0)
    const sentIn = gate.stretch
    gate.wait('limit', 10_000, 1_000)
    t.match(gate, { state: 'waiting', reason: 'down' })
    t.ok(gate.isProbing())
    t.ok(gate.failed('down', sentIn, 11_000), 'the answer that brought the wait counts as a failure, too')
    t.equal(gate.delayMs(11_000), 2_000)
    gate.wait('limit', 100, 13_000)
    gate.succeeded(gate.stretch)
    t.match(gate, { state: 'delivering', reason: null })
    gate.wait('limit', 100, 20_000)
    t.ok(gate.pause('denied', gate.stretch, 20_000))
    t.match(gate, { state: 'paused', reason: 'denied' })
  },
)

t.test('a wait that Braze asked for is over with its time, and needs no probe', async (t) => {
  const gate = createGate(() => 1)
  t.ok(gate.wait('429', 5_000, 0))
  t.notOk(gate.wait('429', 4_000, 0), 'no news')
  t.equal(gate.delayMs(0), 5_500, 'the longest, with jitter')
  gate.reopen(5_499)
  t.equal(gate.state, 'waiting')
  gate.reopen(5_500)
  t.match(gate, { state: 'delivering', reason: null })
  t.notOk(gate.isProbing())
})
