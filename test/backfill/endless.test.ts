import t from 'tap'
import { createEndWatch, EndlessList } from '../../src/backfill/endless.ts'
import { readList } from '../../src/backfill/list.ts'
import type { ListPage } from '../../src/line/client.ts'
import { users } from '../harness/people.ts'

const NOW = 1_800_000_000_000

/** Reads the list whose nth page is `page(n)`, from 1 on, to its end; how many pages it took, and what ended it. */
async function read(page: (n: number) => Partial<ListPage>, start: string | null = null) {
  let pages = 0
  const list = readList({
    line: {
      followers: async () => ({ userIds: [], invalid: 0, next: null, date: NOW, ...page(++pages) }),
    },
    start,
    signal: new AbortController().signal,
  })
  try {
    for await (const _ of list);
  } catch (error) {
    return { pages, error }
  }
  return { pages, error: null }
}

t.test('a list whose `next` is ever new, and that names nobody, ends', async (t) => {
  const { pages, error } = await read((n) => ({ next: `c${n}`, userIds: n <= 3 ? users(1) : [] }))
  t.ok(error instanceof EndlessList)
  t.match(error, { message: /1,000 pages in a row that name nobody .* nobody was cleared/ })
  t.equal(pages, 1_003)
})

t.test('nor does one go on for ever that names somebody now and then', async (t) => {
  const watch = createEndWatch(null)
  const page = (n: number) => watch({ next: `c${n}`, userIds: n % 999 ? [] : users(1) })
  for (let n = 1; n < 1_000_000; n++) page(n)
  t.throws(() => page(1_000_000), { message: /more than 1,000,000 pages .* nobody was cleared/ })
})

t.test('a list that is merely long, or sparse, is read to its end', async (t) => {
  for (const every of [1, 999]) {
    const page = (n: number) => ({ userIds: n % every ? [] : users(1), next: n < 50_000 ? `c${n}` : null })
    t.strictSame(await read(page), { pages: 50_000, error: null })
  }
  t.strictSame(await read(() => ({})), { pages: 1, error: null })
})

t.test('a circle of any length is noticed before it has been walked often', async (t) => {
  for (const before of [0, 1, 5, 100]) {
    for (const length of [1, 2, 3, 7, 64, 500]) {
      const name = `${before} pages, then a circle of ${length}`
      const next = (n: number) => (n <= before ? `b${n}` : `c${(n - before) % length}`)
      const { pages, error } = await read((n) => ({ userIds: users(1), next: next(n) }))
      t.match(error, { message: /named the same next page twice/ }, name)
      t.ok(pages <= 3 * (before + length), `${name}: ${pages} pages`)
    }
  }
  const { pages } = await read(() => ({ userIds: users(1), next: 'start' }), 'start')
  t.equal(pages, 1, 'also where the run goes on')
})
