import t, { type Test } from 'tap'
import {
  type LineApiSandbox,
  type LineApiSandboxOptions,
  startLineApiSandbox,
} from '../../../src/sandbox/line/api.ts'
import { seededRandom } from '../../../src/sandbox/random.ts'
import { ask } from '../client.ts'

const list = '/v2/bot/followers/ids'
const people = (count: number, from = 1) => Array.from({ length: count }, (_, index) => `U${from + index}`)

async function start(t: Test, options: LineApiSandboxOptions = {}): Promise<LineApiSandbox> {
  const line = await startLineApiSandbox({ random: seededRandom(1), ...options })
  t.teardown(line.close)
  return line
}

/** Reads pages until the last one, or until there are `most`. */
async function readAll(line: LineApiSandbox, query = '', most = 100): Promise<unknown[][]> {
  const pages: unknown[][] = []
  let start = ''
  do {
    const { status, json } = await ask(line, `${list}?${query}${start}`)
    if (status !== 200) throw new Error(`${status} ${json.message}`)
    pages.push(json.userIds)
    start = json.next === undefined ? '' : `&start=${json.next}`
  } while (start !== '' && pages.length < most)
  return pages
}
const lengths = (pages: unknown[][]) => pages.map(({ length }) => length)

t.test('everyone is listed, page by page', async (t) => {
  const line = await start(t, { followers: people(650) })
  t.same(lengths(await readAll(line)), [300, 300, 50])
  t.same(lengths(await readAll(line, 'limit=1000')), [650])
  t.same(lengths(await readAll(line, 'limit=325')), [325, 325], 'no page after the last')
  t.same((await readAll(line, 'limit=7')).flat(), people(650))
  const nobody = await start(t)
  t.same((await ask(nobody, list)).json, { userIds: [] })
})

t.test('limits that are none', async (t) => {
  const line = await start(t, { followers: people(3) })
  for (const limit of ['0', '1001', '-1', '1.5', 'x', '', '1e2']) {
    t.match(await ask(line, `${list}?limit=${limit}`), { status: 400, json: { message: String } }, limit)
  }
  t.equal(line.stats.pages, 0)
})

t.test('pages can be smaller than what was asked for', async (t) => {
  const line = await start(t, { followers: people(25), pageSize: 10 })
  t.same(lengths(await readAll(line)), [10, 10, 5])
  t.same(lengths(await readAll(line, 'limit=8')), [8, 8, 8, 1])
  const sizes = [3, 0, 0, 50, 2]
  const before = line.stats.pages
  line.setPages((page) => sizes[page - before - 1] ?? 1000)
  t.same(lengths(await readAll(line)), [3, 0, 0, 10, 2, 10])
  line.setPages(null)
  t.same(lengths(await readAll(line)), [10, 10, 5])
})

t.test('who stays is never missed, whoever comes or goes meanwhile', async (t) => {
  const random = seededRandom(5)
  const line = await start(t, { followers: people(3000), random })
  const staying = new Set(line.followers())
  let nextNew = 3001
  line.on('page', () => {
    for (const userId of [...line.followers()].filter(() => random() < 0.2)) {
      line.unfollow(userId)
      staying.delete(userId)
      if (random() < 0.3) line.follow(userId)
    }
    for (const userId of people(60, nextNew)) line.follow(userId)
    nextNew += 60
  })
  const seen = new Set((await readAll(line, 'limit=100')).flat())
  t.ok(staying.size > 1 && line.stats.pages > 10, `${staying.size} stayed for ${line.stats.pages} pages`)
  t.same(
    [...staying].filter((userId) => !seen.has(userId)),
    [],
  )
})

t.test('followers are live, and each is listed once', async (t) => {
  const line = await start(t, { followers: ['U1', 'U2', 'U1'] })
  const followers = line.followers()
  line.follow('U3')
  line.follow('U2')
  line.unfollow('U1')
  line.unfollow('U9')
  t.same([...followers], ['U2', 'U3'])
  t.match([followers.size, followers.has('U3'), followers.has('U1')], [2, true, false])
  t.same((await readAll(line)).flat(), ['U2', 'U3'])
})

t.test('a cursor can be used again, for a day', async (t) => {
  let now = 1_000
  const line = await start(t, { followers: people(5), clock: () => now })
  const { next } = (await ask(line, `${list}?limit=2`)).json
  t.match(next, /^[0-9a-f]{32}$/)
  const again = () => ask(line, `${list}?limit=2&start=${next}`)
  t.same((await again()).json.userIds, ['U3', 'U4'])
  now += 24 * 3_600_000 - 1
  t.same((await again()).json.userIds, ['U3', 'U4'])
  now += 1
  t.match(await again(), { status: 400, json: { message: 'Invalid start param' } })
  t.match(await ask(line, `${list}?start=other`), { status: 400, json: { message: 'Invalid start param' } })
  t.equal((await ask(line, `${list}?start=`)).status, 400)
  const young = (await ask(line, `${list}?limit=2`)).json.next
  line.expireCursors()
  t.equal((await ask(line, `${list}?start=${young}`)).status, 400)
})

t.test('a list that never ends', async (t) => {
  const line = await start(t, { followers: people(5) })
  line.repeatCursor(true)
  const first = (await ask(line, `${list}?limit=3`)).json
  for (let time = 0; time < 3; time++) {
    const { json } = await ask(line, `${list}?limit=3&start=${first.next}`)
    t.same(json, { userIds: ['U4', 'U5'], next: first.next })
  }
  t.same(lengths(await readAll(line, '', 4)), [5, 0, 0, 0])
  line.repeatCursor(false)
  t.same(lengths(await readAll(line)), [5])
})

t.test('a list that never ends, with ever new cursors', async (t) => {
  const line = await start(t, { followers: people(5) })
  line.endlessList(true)
  const cursors = new Set<string>()
  for (const [page, userIds] of [['U1', 'U2', 'U3'], ['U4', 'U5'], [], []].entries()) {
    const { json } = await ask(
      line,
      `${list}?limit=3${[...cursors].slice(-1).map((next) => `&start=${next}`)}`,
    )
    t.same(json.userIds, userIds)
    t.equal(cursors.add(json.next).size, page + 1)
  }
  line.endlessList(false)
  t.same(lengths(await readAll(line)), [5])
})

t.test('elements that are no ids, and repeats, once', async (t) => {
  const line = await start(t, { followers: people(2) })
  line.appendRaw(7, null)
  line.appendRaw('U1', { userId: 'U2' })
  line.forbidList(true)
  t.equal((await ask(line, list)).status, 403)
  line.forbidList(false)
  t.same(await readAll(line), [['U1', 'U2', 7, null, 'U1', { userId: 'U2' }]])
  t.same(await readAll(line), [['U1', 'U2']])
})

t.test('accounts that may not read the list', async (t) => {
  const line = await start(t)
  line.forbidList(true)
  t.match(await ask(line, list), {
    status: 403,
    json: { message: 'Access to this API is not available for your account' },
  })
  t.equal((await ask(line, '/v2/bot/info')).status, 200)
})

t.test('the bot, and what there is not', async (t) => {
  const line = await start(t)
  const info = await ask(line, '/v2/bot/info')
  t.match(line.destination, /^U[0-9a-f]{32}$/)
  t.match(info.json, { userId: line.destination, basicId: /^@/, chatMode: 'bot', markAsReadMode: 'manual' })
  t.match(info.json, { displayName: String })
  t.equal((await ask(line, '/v2/bot/other')).status, 404)
  t.equal((await ask(line, '/v2/bot/info', { method: 'POST' })).status, 404)
  const named = await start(t, { destination: 'U1', channelId: '7', channelSecret: 's', token: 't' })
  t.match(named, { destination: 'U1', channelId: '7', channelSecret: 's', token: 't' })
  t.equal((await ask(named, '/v2/bot/info')).json.userId, 'U1')
})

t.test('statistics of followers', async (t) => {
  const line = await start(t, { followers: people(5) })
  const insight = (date = '20260801') => ask(line, `/v2/bot/insight/followers?date=${date}`)
  line.unfollow('U1')
  line.unfollow('U2')
  line.follow('U2')
  line.follow('U6')
  t.same((await insight()).json, { status: 'ready', followers: 6, targetedReaches: 5, blocks: 1 })
  line.setInsight({ status: 'ready', followers: 100, blocks: 30 })
  t.same((await insight()).json, { status: 'ready', followers: 100, targetedReaches: 70, blocks: 30 })
  line.setInsight({ status: 'unready' })
  t.same((await insight()).json, { status: 'unready' })
  line.setInsight(null)
  t.equal((await insight()).json.followers, 6)
  for (const date of ['', '2026-08-01', '20260230', '20261301', '202608011']) {
    t.match(await insight(date), { status: 400, json: { message: String } }, date)
  }
  t.equal((await ask(line, '/v2/bot/insight/followers')).status, 400)
})

t.test('what the Date header says', async (t) => {
  const line = await start(t)
  const date = async () => (await ask(line, '/v2/bot/info')).headers.get('date')
  t.ok(Math.abs(Date.parse((await date()) ?? '') - Date.now()) < 60_000)
  line.setDate(() => new Date(0))
  t.equal(await date(), 'Thu, 01 Jan 1970 00:00:00 GMT')
  line.setDate(() => 'yesterday')
  t.equal(await date(), 'yesterday')
  line.setDate(() => '')
  t.equal(await date(), null)
  line.setDate(null)
  t.not(await date(), null)
})

t.test('a long list costs a page no more', async (t) => {
  const line = await start(t, { followers: people(100_000) })
  for (const userId of people(99_000)) line.unfollow(userId)
  for (const userId of people(1_000)) line.follow(userId)
  t.same((await readAll(line, 'limit=500')).flat(), [...people(1_000, 99_001), ...people(1_000)])
})
