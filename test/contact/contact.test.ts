import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import {
  friend,
  gone,
  isReachable,
  merge,
  messaged,
  statusOf,
  type Times,
} from '../../src/contact/contact.ts'
import { key, USER } from '../harness/people.ts'

const KEY = key(USER)
const moment = fc.integer({ min: 0, max: 6 })
const times: fc.Arbitrary<Times> = fc.record(
  { friendAt: moment, messagedAt: moment, goneAt: moment },
  { noNullPrototype: true },
)
const evidence = fc.oneof(
  moment.map((at) => friend(KEY, at)),
  moment.map((at) => messaged(KEY, at)),
  moment.map((at) => gone(KEY, at)),
)
const NOTHING: Times = { friendAt: 0, messagedAt: 0, goneAt: 0 }
const learn = (all: readonly Times[]): Times => all.reduce(merge, NOTHING)

const same = (a: Times, b: Times) => isDeepStrictEqual(a, b)

t.test('merging is commutative, associative and idempotent', async () => {
  fc.assert(fc.property(times, times, (a, b) => same(merge(a, b), merge(b, a))))
  fc.assert(fc.property(times, times, times, (a, b, c) => same(merge(merge(a, b), c), merge(a, merge(b, c)))))
  fc.assert(fc.property(times, (a) => same(merge(a, a), a) && same(merge(a, NOTHING), a)))
})

t.test('order and repetition of evidence change nothing', async () => {
  const shuffledTwice = fc
    .array(evidence, { maxLength: 12 })
    .chain((all) =>
      fc.tuple(
        fc.constant(all),
        fc.shuffledSubarray([...all, ...all], { minLength: all.length * 2, maxLength: all.length * 2 }),
      ),
    )
  fc.assert(
    fc.property(shuffledTwice, ([all, again]) => {
      const once = learn(all)
      const twice = learn(again)
      return (
        once.friendAt === twice.friendAt &&
        once.messagedAt === twice.messagedAt &&
        once.goneAt === twice.goneAt
      )
    }),
  )
})

t.test('the status follows from the newest evidence alone, and a tie is gone', async () => {
  fc.assert(
    fc.property(fc.array(evidence, { minLength: 1, maxLength: 12 }), (all) => {
      const newestGone = Math.max(0, ...all.map((e) => e.goneAt))
      const newestFriend = Math.max(0, ...all.map((e) => e.friendAt))
      const newestMessage = Math.max(0, ...all.map((e) => e.messagedAt))
      const reachable = Math.max(newestFriend, newestMessage) > newestGone
      return isReachable(learn(all)) === reachable
    }),
  )
})

t.test('each status', async (t) => {
  t.equal(statusOf(NOTHING), 'gone', 'nobody is reachable without evidence')
  t.equal(statusOf({ friendAt: 2, messagedAt: 0, goneAt: 1 }), 'friend')
  t.equal(statusOf({ friendAt: 2, messagedAt: 3, goneAt: 1 }), 'friend', 'a friend who writes stays a friend')
  t.equal(statusOf({ friendAt: 1, messagedAt: 3, goneAt: 2 }), 'messager', 'wrote after the block')
  t.equal(statusOf({ friendAt: 1, messagedAt: 1, goneAt: 2 }), 'gone')
  t.equal(statusOf({ friendAt: 5, messagedAt: 5, goneAt: 5 }), 'gone', 'a tie')
})
