import { between, pick, type Random } from '../random.ts'
import { asRedelivery, createEvents, type LineEvent, noiseKinds } from './events.ts'

export interface TrafficOptions {
  /** How many people there are. Each does at least one thing. */
  people: number
  random: Random
  /** Things done by each person on average, noise apart; at least 1. Default 3. */
  eventsPerPerson?: number
  /** Epoch milliseconds of the first event. Default: so long ago that the last one is in the past. */
  start?: number
}

/** What a person's last event says. */
export type Truth = 'reachable' | 'gone'

export type Traffic = ReturnType<typeof createTraffic>

/** What people do next from where they stand, the likelier the more often it is there. A stranger may have been a friend before we listened. */
const moves = {
  stranger: ['follow', 'follow', 'message', 'unfollow'],
  reachable: ['message', 'unfollow', 'unfollow', 'follow'],
  gone: ['follow', 'follow', 'message'],
} as const

/** Events that wait to be delivered: each leaves after a random number of others, so some overtake. */
const reordering = 40
/** Most time between two events of the population. */
const stepMs = 10
const mostInBody = 7

/**
 * Plays a population that follows, blocks, returns and writes, with or without following first. Events are duplicated, redelivered, reordered, bundled
 * and mixed with noise. No two events have the same time, so that a person's last event is never in doubt. The same `random` plays the same traffic.
 */
export function createTraffic(options: TrafficOptions) {
  const { people, random, eventsPerPerson = 3 } = options
  const total = Math.ceil(people * eventsPerPerson)
  const make = createEvents(random)
  const ids: string[] = []
  const truth = new Map<string, Truth>()
  const followers = new Set<string>()
  const strangers = new Set<string>()
  let acted = 0
  let now = options.start ?? Date.now() - total * stepMs - 1

  function act(): LineEvent {
    const joins = ids.length * eventsPerPerson <= acted
    if (joins) ids.push(make.user())
    const userId = joins ? (ids.at(-1) as string) : pick(random, ids)
    const type = pick(random, moves[truth.get(userId) ?? 'stranger'])
    truth.set(userId, type === 'unfollow' ? 'gone' : 'reachable')
    if (type === 'follow') followers.add(userId)
    if (type === 'unfollow') followers.delete(userId)
    now += between(random, 1, stepMs)
    acted++
    return make[type](userId, now, random() < 0.05 ? { mode: 'standby' } : {})
  }

  /** An event that says nothing, of someone known or of a stranger. */
  function rustle(): LineEvent {
    const known = ids.length > 0 && random() < 0.5
    const userId = known ? pick(random, ids) : make.user()
    if (!known) strangers.add(userId)
    now += between(random, 1, stepMs)
    return make.noise(pick(random, noiseKinds), userId, now)
  }

  function* deliveries(): Generator<LineEvent> {
    const pen: LineEvent[] = []
    while (acted < total || pen.length > 0) {
      if (acted < total) {
        pen.push(random() < 0.1 ? rustle() : act())
        if (pen.length < reordering) continue
      }
      const index = Math.floor(random() * pen.length)
      const [event] = pen.splice(index, 1) as [LineEvent]
      yield event
      const again = random()
      if (again < 0.05) pen.push(event)
      else if (again < 0.1) pen.push(asRedelivery(event))
    }
  }

  function* bodies(): Generator<LineEvent[], void> {
    yield []
    let body: LineEvent[] = []
    let size = 1
    for (const event of deliveries()) {
      if (body.push(event) < size) continue
      yield body
      body = []
      size = random() < 0.5 ? 1 : between(random, 2, mostInBody)
    }
    if (body.length > 0) yield body
  }

  return {
    /** Lists of events, each for one request; deliver them all. Can be read once. */
    bodies,
    /** Each person's truth once all bodies are delivered; people are there from their first event on. */
    expected: () => new Map(truth),
    /** Who is a friend once all bodies are delivered, and so on LINE's follower list; who only wrote is not. */
    followers: () => new Set(followers),
    /** Every user who was only ever in noise. Nothing may be known of them. */
    bystanders: () => new Set(strangers),
  }
}
