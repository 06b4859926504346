import { statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { friend, gone, messaged } from '../../src/contact/contact.ts'
import type { DueProfile, FollowerPage, Ledger } from '../../src/ledger/ledger.ts'
import { openLedger } from '../../src/ledger/open.ts'
import { createCrowd, createWalk, STRIP } from '../crowd.ts'
import { PLACES, type Place, type Places } from '../places.ts'
import { type Figure, figureOf } from '../report.ts'

export interface GrowthOptions {
  /** So many contacts there are in the end. */
  readonly contacts: number
  /** By default all. */
  readonly databases: readonly (keyof typeof PLACES)[]
}

/** How many contacts there are while something is measured, up to those of the option. */
const SIZES = [10_000_000, 1_000_000, 10_000] as const
const ROUNDS = 5
/** In a round, of each kind: enough for several checkpoints. */
const MOST_PEOPLE = 20_000
/** What webhooks bring in a group commit, on an ordinary day and in a burst. */
const COMMITS = [64, 1_000] as const
/** LINE's longest page, and how many of them a backfill hands over together. */
const PAGE = 1_000
const PAGES_AT_ONCE = 8
/** As delivery does: profiles read at once, in a request, and requests under way. */
const DUE = 3_000
const REQUEST = 75
const CONCURRENCY = 8
const GOAL = { atMost: 2 }
/** More than a contact takes on either database, and its log. */
const DISK_BYTES = 1_200

const CHANNEL = 'default'
const DAY_MS = 86_400_000
/** As many as a ledger takes at once. */
const LAPSING = 1_000
/** By then they are stored. */
const LAPSE_MS = 2_000
/** After all that writing the disk and the machine come to rest. */
const REST_MS = 2_000

/** What one of `count` took. */
interface Cost {
  readonly micros: number
  readonly bytes: number
}
interface Point {
  readonly contacts: number
  /** By what was done: of each round. */
  readonly costs: ReadonlyMap<string, readonly Cost[]>
  /** What is done, or asked, once. */
  readonly once: readonly Figure[]
}

/** What a contact costs when there are more and more of them, on one database after the other. */
export async function measureGrowth(
  folder: string,
  { contacts, databases }: GrowthOptions,
): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const name of databases) {
    const places = await PLACES[name](folder)
    const points: Point[] = []
    // Whether there is space for the largest shows at once.
    for (const size of [contacts, ...SIZES.filter((size) => size < contacts)]) {
      points.unshift(await measurePoint(places, name, size))
    }
    await places.stop()
    figures.push(...figuresOf(name, points))
  }
  return figures
}

async function measurePoint(places: Places, name: string, contacts: number): Promise<Point> {
  const { bavail, bsize } = await statfs(tmpdir())
  if (bavail * bsize < contacts * DISK_BYTES) throw new Error(`${tmpdir()} has too little space`)
  const place = await places.makePlace(`${name}-${contacts}`)
  const once: Figure[] = []
  const say = (what: string, value: number, unit: string) =>
    once.push(figureOf(`  ${name}, ${what}, at ${counted(contacts)}`, [value], unit))
  async function timed<T>(what: string, work: () => Promise<T>): Promise<T> {
    const startedAt = performance.now()
    const done = await work()
    say(what, performance.now() - startedAt, 'ms')
    return done
  }

  const userId = createCrowd(contacts)
  const empty = await openLedger({ url: place.url })
  const filling = performance.now()
  await fill(empty, contacts, userId)
  say('first import, and acknowledging', ((performance.now() - filling) * 1_000) / contacts, 'µs each')
  await empty.close()
  if (place.vacuum) await timed('vacuum after it', place.vacuum)
  say('on disk', (await place.bytes()) / contacts, 'bytes each')
  process.stderr.write(`  ${name} has ${counted(contacts)} contacts\n`)
  await sleep(REST_MS)

  const ledger = await timed('opening', () => openLedger({ url: place.url }))
  const { round, costs } = createPlay(ledger, place, contacts, userId)
  for (let i = 0; i <= ROUNDS; i += 1) {
    await round()
    // The first round warms up.
    if (i === 0) costs.clear()
  }
  await timed('counts', ledger.counts)
  await timed('when something is due', ledger.nextDueMs)
  await ledger.close()
  if (place.vacuum) await timed('vacuum after the rounds', place.vacuum)

  const window = { url: place.url, messagerWindowMs: DAY_MS }
  const lapsing = await timed('opening, with a window for messages for the first time', () =>
    openLedger(window),
  )
  const wrote = Array.from({ length: LAPSING }, (_, i) => userId(2 * contacts + MOST_PEOPLE + i))
  // They come within the window, at its very end.
  const end = Date.now() - DAY_MS + LAPSE_MS
  await lapsing.record(wrote.map((userId) => messaged({ channel: CHANNEL, userId }, end)))
  await sleep(LAPSE_MS)
  const startedAt = performance.now()
  await lapsing.lapse()
  say('who lapses', ((performance.now() - startedAt) * 1_000) / LAPSING, 'µs each')
  await lapsing.close()
  await place.remove()
  return { contacts, costs, once }
}

/** A first import in the order of the crowd, and Braze is told of each strip while the next one comes. */
async function fill(ledger: Ledger, contacts: number, userId: (person: number) => string) {
  const unlock = await ledger.lock('runs')
  const run = await ledger.beginRun('backfill', CHANNEL, Date.now() - DAY_MS)
  const due = () => ledger.due(STRIP / 5)
  async function tell() {
    for (let told = await due(); told.length > 0; told = await due()) await acknowledge(ledger, told)
  }
  for (let first = 0; first < contacts; first += STRIP) {
    const users = Array.from({ length: Math.min(STRIP, contacts - first) }, (_, i) => userId(first + i))
    await Promise.all([ledger.recordPages(run.id, pagesOf(users, STRIP / 20)), tell()])
  }
  await tell()
  await ledger.endRun(run.id, 'complete')
  await unlock?.()
}

/** Rounds with news of every kind about people anywhere, of which Braze is told as it comes. */
function createPlay(ledger: Ledger, place: Place, contacts: number, userId: (person: number) => string) {
  const costs = new Map<string, Cost[]>()
  /** Those with even numbers leave and come back; the others stay, and write. */
  const movers = createWalk(contacts / 2)
  const stayers = createWalk(contacts / 2)
  const moving = Math.min(MOST_PEOPLE, contacts / 4)
  const staying = Math.min(MOST_PEOPLE, contacts / 2)
  const coming = Math.min(MOST_PEOPLE, contacts / 20)
  let known = contacts
  let away: number[][] = []
  /** Every moment is later than those before it. */
  let at = Date.now() - DAY_MS / 2

  const evenOnes = () => movers(moving).map((n) => n * 2)
  const oddOnes = () => stayers(staying).map((n) => n * 2 + 1)
  const newOnes = () => Array.from({ length: coming }, () => known++)

  let spent = new Map<string, Cost & { readonly count: number }>()
  async function measure(what: string, count: number, work: () => Promise<unknown>) {
    const writtenBefore = await place.written()
    const startedAt = performance.now()
    await work()
    const micros = (performance.now() - startedAt) * 1_000
    const bytes = (await place.written()) - writtenBefore
    const sum = spent.get(what) ?? { micros: 0, bytes: 0, count: 0 }
    spent.set(what, { micros: sum.micros + micros, bytes: sum.bytes + bytes, count: sum.count + count })
  }

  async function record(what: string, size: number, people: readonly number[], of: typeof friend) {
    const evidence = people.map((person) => of({ channel: CHANNEL, userId: userId(person) }, at++))
    await measure(`${what}, commits of ${counted(size)}`, people.length, async () => {
      for (const batch of batches(evidence, size)) await ledger.record(batch)
    })
  }

  async function list(people: readonly number[]) {
    const unlock = await ledger.lock('runs')
    const run = await ledger.beginRun('backfill', CHANNEL, at++)
    await measure('known people, pages of the list', people.length, async () => {
      for (const pages of batches(pagesOf(people.map(userId), PAGE), PAGES_AT_ONCE)) {
        await ledger.recordPages(run.id, pages)
      }
    })
    await ledger.endRun(run.id, 'complete')
    await unlock?.()
  }

  /** Tells Braze of all who are due, of whom there must be `people`. */
  async function deliver(people: number) {
    for (let rest = people; rest > 0; rest -= DUE) {
      const count = Math.min(rest, DUE)
      let due: DueProfile[] = []
      await measure('finding what is due', count, async () => (due = await ledger.due(DUE)))
      if (due.length !== count) throw new Error(`${due.length} profiles are due, and not ${count}`)
      await measure('acknowledging', count, async () => {
        for (const some of batches(due, REQUEST * CONCURRENCY)) {
          await Promise.all(batches(some, REQUEST).map((request) => acknowledge(ledger, request)))
        }
      })
    }
  }

  async function round() {
    spent = new Map()
    const isLeaving = away.length === 0
    const groups = isLeaving ? COMMITS.map(evenOnes) : away
    away = isLeaving ? groups : []
    for (const [place, size] of COMMITS.entries()) {
      await record('new people', size, newOnes(), friend)
      await deliver(coming)
      await record('known people who block or return', size, groups[place] ?? [], isLeaving ? gone : friend)
      await deliver(moving)
      await record('known people who write', size, oddOnes(), messaged)
    }
    await list(oddOnes())
    for (const [what, { micros, bytes, count }] of spent) {
      costs.set(what, [...(costs.get(what) ?? []), { micros: micros / count, bytes: bytes / count }])
    }
  }

  return { round, costs }
}

const acknowledge = (ledger: Ledger, due: readonly DueProfile[]) =>
  ledger.acknowledge(
    due.map(({ id, revision }) => ({ id, revision, failure: null })),
    0,
  )

const batches = <T>(items: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size))

/** Pages after which the list goes on. */
const pagesOf = (users: readonly string[], size: number): FollowerPage[] =>
  batches(users, size).map((userIds) => ({ userIds, invalid: 0, next: 'more' }))

const counted = (count: number) => count.toLocaleString('en')

function figuresOf(name: string, points: readonly Point[]): Figure[] {
  const [least, most] = [points[0], points.at(-1)] as [Point, Point]
  const figures = [...least.costs.keys()].flatMap((what) => {
    const of = ({ costs }: Point, part: keyof Cost) => (costs.get(what) ?? []).map((cost) => cost[part])
    const base = figureOf('', of(least, 'micros'), '').value as number
    const ratio = `${name}, ${what}: at ${counted(most.contacts)}, of what it takes at ${counted(least.contacts)}`
    return [
      ...(least === most
        ? []
        : [
            figureOf(
              ratio,
              of(most, 'micros').map((micros) => micros / base),
              '×',
              GOAL,
            ),
          ]),
      ...points.map((point) =>
        figureOf(`  ${name}, ${what}, at ${counted(point.contacts)}`, of(point, 'micros'), 'µs'),
      ),
      ...points.map((point) =>
        figureOf(`  ${name}, ${what}, written at ${counted(point.contacts)}`, of(point, 'bytes'), 'bytes'),
      ),
    ]
  })
  return [...figures, ...points.flatMap(({ once }) => once)]
}
