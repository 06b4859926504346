import t from 'tap'
import { dummyUser, type LineEvent } from '../../../src/sandbox/line/events.ts'
import { createTraffic, type Truth } from '../../../src/sandbox/line/traffic.ts'
import { seededRandom } from '../../../src/sandbox/random.ts'

const start = 1_767_225_600_000
const people = 300
const play = (seed: number) => {
  const traffic = createTraffic({ people, random: seededRandom(seed), start })
  return { traffic, bodies: [...traffic.bodies()] }
}
const says = ({ type, source }: LineEvent) =>
  ['follow', 'unfollow', 'message'].includes(type) &&
  source?.type === 'user' &&
  source.userId !== undefined &&
  source.userId !== dummyUser

t.test('the same seed plays the same traffic', async (t) => {
  const [one, same, other] = [7, 7, 8].map((seed) => JSON.stringify(play(seed).bodies))
  t.ok(one === same)
  t.ok(one !== other)
})

t.test('the truth is what the last event of each person says', async (t) => {
  const { traffic, bodies } = play(7)
  const last = new Map<string, LineEvent>()
  for (const event of bodies.flat().filter(says)) {
    const userId = event.source?.userId as string
    if (event.timestamp > (last.get(userId)?.timestamp ?? 0)) last.set(userId, event)
  }
  const truth = new Map<string, Truth>()
  for (const [userId, { type }] of last) truth.set(userId, type === 'unfollow' ? 'gone' : 'reachable')
  t.equal(truth.size, people)
  t.same([...traffic.expected()].sort(), [...truth].sort())
  t.ok(new Set(truth.values()).size === 2, 'some are gone, some are not')
  for (const userId of traffic.bystanders()) t.notOk(truth.has(userId))
})

t.test('everything that LINE does to events occurs', async (t) => {
  const { bodies } = play(7)
  const events = bodies.flat()
  const ids = Map.groupBy(events, ({ webhookEventId }) => webhookEventId)
  t.ok([...ids.values()].filter((group) => group.length > 1).length > 50, 'duplicates')
  const redelivered = events.filter(({ deliveryContext }) => deliveryContext.isRedelivery)
  t.ok(redelivered.length > 20, 'redeliveries')
  for (const group of ids.values()) t.equal(new Set(group.map(({ timestamp }) => timestamp)).size, 1)
  t.equal(new Set([...ids.values()].map((group) => group[0]?.timestamp)).size, ids.size, 'no two at one time')
  const late = events.filter((event, index) => event.timestamp < (events[index - 1]?.timestamp ?? 0))
  t.ok(late.length > 200, 'reordering')
  t.same(bodies[0], [], 'a body without events')
  t.ok(
    bodies.some(
      (body) => new Set(body.map(({ source }) => source?.userId)).size > 3,
      'several users in a body',
    ),
  )
  t.ok(events.some(({ mode }) => mode === 'standby'))
  t.ok(events.filter((event) => !says(event)).length > 50, 'noise')
  t.ok(events.every(({ timestamp }) => timestamp > start))
})

t.test('people follow first, write first, block, and return', async (t) => {
  const { bodies } = play(9)
  const histories = Map.groupBy(bodies.flat().filter(says), ({ source }) => source?.userId)
  const told = [...histories.values()].map((events) =>
    [...new Map(events.map((event) => [event.timestamp, event.type]))]
      .sort(([a], [b]) => a - b)
      .map(([, type]) => type),
  )
  for (const history of [/^follow/, /^message/, /^unfollow/, /follow,unfollow,follow/, /unfollow,message/]) {
    t.ok(
      told.some((types) => history.test(types.join())),
      String(history),
    )
  }
  for (const types of told) t.notMatch(types.join(), 'unfollow,unfollow')
})

t.test('an ordinary traffic is in the past', async (t) => {
  const traffic = createTraffic({ people: 20, random: seededRandom(1) })
  t.ok([...traffic.bodies()].flat().every(({ timestamp }) => timestamp < Date.now()))
})
