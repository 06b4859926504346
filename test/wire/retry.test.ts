import t from 'tap'
import { type Attempt, backoffMs, type RetryOptions, retry } from '../../src/wire/retry.ts'
import { sleep } from '../../src/wire/time.ts'

/** Tries what comes of it as listed, and rests for no time at all. */
function setUp(attempts: Attempt<string>[], options: RetryOptions = {}) {
  const pauses: [reason: string, ms: number][] = []
  const result = retry(async () => attempts.shift() ?? { value: 'done' }, {
    random: () => 1,
    sleep: async () => {},
    onPause: (reason, ms) => pauses.push([reason, ms]),
    ...options,
  })
  return { result, pauses }
}
const failure = (forMs?: number) => ({ error: new Error('down'), mayPass: true, forMs })

t.test('what may pass is tried again, after pauses that double', async (t) => {
  const { result, pauses } = setUp([failure(), failure(), failure()])
  t.equal(await result, 'done')
  t.strictSame(pauses, [
    ['down', 500],
    ['down', 1_000],
    ['down', 2_000],
  ])
})

t.test('so often, and no more', async (t) => {
  const all = Array.from({ length: 3 }, () => failure())
  await t.rejects(setUp(all, { retries: 2 }).result, { message: 'down; tried 3 times' })
  await t.rejects(setUp([failure()], { retries: 0 }).result, { message: /^down$/ })
})

t.test('a pause that somebody asks for is no failure', async (t) => {
  const { result, pauses } = setUp([failure(7), failure(), failure(9), failure()], { retries: 2 })
  t.equal(await result, 'done')
  t.strictSame(
    pauses.map(([, ms]) => ms),
    [7, 500, 9, 1_000],
  )
})

t.test('what will not pass is told at once, and so is what is thrown', async (t) => {
  const refused = setUp([failure(), { error: new Error('refused'), mayPass: false }])
  await t.rejects(refused.result, { message: /^refused$/ })
  const broken = retry(async () => {
    throw new TypeError('a bug')
  }, {})
  await t.rejects(broken, { name: 'TypeError' })
})

t.test('an end that was asked for ends the pause, with its reason', async (t) => {
  const controller = new AbortController()
  const { signal } = controller
  const onPause = () => controller.abort(new Error('enough'))
  await t.rejects(setUp([failure(60_000)], { signal, onPause, sleep }).result, { message: 'enough' })
  await t.rejects(sleep(60_000, signal), { message: 'enough' })
  await sleep(1)
})

t.test('pauses grow up to five minutes, the shortest half as long', async (t) => {
  t.strictSame(
    [1, 2, 9, 10, 60].map((failures) => backoffMs(failures, 1)),
    [1_000, 2_000, 256_000, 300_000, 300_000],
  )
  t.strictSame([backoffMs(1, 0), backoffMs(3, 0, 500)], [500, 1_000])
})
