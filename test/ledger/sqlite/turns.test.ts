import t from 'tap'
import { createTurns } from '../../../src/ledger/sqlite/turns.ts'

/** Turns of which the test says how long each write takes, and sees each rest. */
function setUp() {
  let now = 0
  const rests: number[] = []
  const turns = createTurns({ rest: async (ms) => void rests.push(ms), monotonic: () => now })
  const writePages = (pages: number, tookMs: number, changed = 0) =>
    turns.writePages(pages, async () => {
      now += tookMs
      return { changed }
    })
  return { turns, rests, writePages }
}

t.test('a commit carries as many pages as take 150 ms, one at least and eight at most', async (t) => {
  const { turns, writePages } = setUp()
  t.equal(turns.pagesAtOnce(), 8, 'until one is known')
  for (const [pages, tookMs, next] of [
    [8, 600, 2],
    [2, 600, 1],
    [1, 30, 5],
    [5, 10, 8],
    [8, 0, 8],
  ] as const) {
    await writePages(pages, tookMs)
    t.equal(turns.pagesAtOnce(), next, `${pages} in ${tookMs} ms`)
  }
})

t.test(
  'after each commit others have their turn, and longer where delivery has something to do',
  async (t) => {
    const { turns, rests, writePages } = setUp()
    await writePages(1, 100)
    await writePages(1, 100, 3)
    await writePages(1, 20, 3)
    t.equal(await turns.write(async () => 'written'), 'written')
    t.strictSame(rests, [10, 25, 10, 10])
  },
)

t.test('a write that fails is told at once', async (t) => {
  const { turns, rests } = setUp()
  const failing = async () => {
    throw new Error('disk full')
  }
  await t.rejects(turns.write(failing), { message: 'disk full' })
  await t.rejects(turns.writePages(1, failing), { message: 'disk full' })
  t.strictSame(rests, [])
})
