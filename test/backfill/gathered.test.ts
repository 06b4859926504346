import t from 'tap'
import { gathered } from '../../src/backfill/gathered.ts'

const turns = async (count: number) => {
  for (let turn = 0; turn < count; turn++) await new Promise(setImmediate)
}

/** Numbers from 1 on, each as soon as it is asked for; remembers how many were, and whether it was ended. */
function numbers(count: number) {
  const state = { given: 0, ended: false }
  async function* source() {
    try {
      while (state.given < count) {
        await new Promise(setImmediate)
        yield ++state.given
      }
    } finally {
      state.ended = true
    }
  }
  return { state, source: source() }
}

t.test('everything comes, in order, in steps as large as the consumer is slow', async (t) => {
  const { source } = numbers(100)
  const steps: number[][] = []
  for await (const items of gathered(source, 10)) {
    steps.push(items)
    await turns(steps.length % 2 ? 0 : 30)
  }
  t.strictSame(
    steps.flat(),
    Array.from({ length: 100 }, (_, i) => i + 1),
  )
  t.ok(steps.some(({ length }) => length === 1))
  t.ok(steps.some(({ length }) => length === 10))
  t.ok(steps.every(({ length }) => length <= 10))
})

t.test('it reads ahead while the consumer works, and no further than the limit', async (t) => {
  const { source, state } = numbers(100)
  const iterator = gathered(source, 5)
  t.strictSame((await iterator.next()).value, [1])
  await turns(50)
  t.equal(state.given, 6)
  t.strictSame((await iterator.next()).value, [2, 3, 4, 5, 6])
  await iterator.return(undefined)
})

t.test('nothing at all', async (t) => {
  const { source } = numbers(0)
  for await (const items of gathered(source, 5)) t.fail(String(items))
  t.pass()
})

t.test('what came before a failure is handed out before the failure is', async (t) => {
  async function* failing() {
    yield 1
    yield 2
    throw new Error('no more')
  }
  const got: number[] = []
  await t.rejects(
    (async () => {
      for await (const items of gathered(failing(), 5)) {
        got.push(...items)
        await turns(3)
      }
    })(),
    { message: 'no more' },
  )
  t.strictSame(got, [1, 2])
})

t.test('who leaves early ends the source, also one that waits for room', async (t) => {
  for (const wait of [0, 50]) {
    const { source, state } = numbers(100)
    for await (const _ of gathered(source, 5)) {
      await turns(wait)
      break
    }
    t.ok(state.ended)
    t.ok(state.given < 10)
  }
})
