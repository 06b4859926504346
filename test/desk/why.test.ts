import t from 'tap'
import { whyOf } from '../../src/desk/why.ts'
import { customer, NOW, person, profile } from '../harness/person.ts'

const MAKES = { makesProfiles: true }
const NO_PROFILES = { makesProfiles: false }
const why = (...more: Parameters<typeof person>) => whyOf(person(...more), MAKES)

t.test('a friend without a link, by what Braze has said', async (t) => {
  t.strictSame(why(), {
    inSegment: 'yes',
    why: 'Yes: Braze has accepted the user id for the alias profile.',
  })
  t.strictSame(why({ alias: profile({ accepted: 0, pendingMs: 90_000 }) }), {
    inSegment: 'not yet',
    why: 'Not yet: Braze has not accepted the user id for the alias profile yet, which has waited for 90 seconds.',
  })
  t.strictSame(why({ alias: profile({ accepted: 0, failure: 'No such alias.' }) }), {
    inSegment: 'no',
    why: 'No: Braze rejected the user id for the alias profile: No such alias.',
  })
  t.strictSame(why({ alias: profile({ accepted: 1, revision: 2, failure: 'bad' }) }), {
    inSegment: 'perhaps',
    why: 'Perhaps as before: Braze rejected the user id for the alias profile: bad.',
  })
})

t.test('where no profiles are made, whom Braze does not know is in no segment', async (t) => {
  t.match(whyOf(person(), NO_PROFILES), {
    inSegment: 'perhaps',
    why: /^Perhaps: only if Braze has a profile with their alias, since BRAZE_CREATE_PROFILES is false/,
  })
  const linked = person({
    externalId: 'c',
    target: 'c',
    customer: 'c',
    customers: [customer('c', { value: 'U1' })],
  })
  t.match(whyOf(linked, NO_PROFILES), { inSegment: 'yes' }, 'a customer has one')
})

t.test('a link that does not count yet', async (t) => {
  const waits = customer('c', { isKnown: false, checkMs: 0, tries: 0, value: null })
  const linked = { externalId: 'c', linkedAt: NOW, customers: [waits] }
  t.strictSame(why({ ...linked, alias: profile({ accepted: 0, pendingMs: 0, restMs: 3_000 }) }), {
    inSegment: 'not yet',
    why: 'Not yet: Braze is asked first whether it knows customer c.',
  })
  t.match(why({ ...linked, alias: profile({ accepted: 0, pendingMs: 4_000, restMs: -1_000 }) }), {
    inSegment: 'not yet',
    why: 'Not yet: Braze has not accepted the user id for the alias profile yet, which has waited for 4 seconds; it belongs there until Braze says that it knows customer c.',
  })
  t.strictSame(why({ ...linked, customers: [{ ...waits, tries: 3 }] }), {
    inSegment: 'yes',
    why: 'Yes: Braze has accepted the user id for the alias profile; it belongs there as long as Braze does not know customer c.',
  })
})

t.test("a customer's profile", async (t) => {
  const at = (more: Parameters<typeof customer>[1]) =>
    why({ externalId: 'c', target: 'c', customer: 'c', customers: [customer('c', more)] })
  t.strictSame(at({ value: 'U1' }), {
    inSegment: 'yes',
    why: 'Yes: Braze has accepted the user id for the profile of customer c.',
  })
  t.match(at({ value: 'U1', pendingMs: 1, accepted: 0 }), { inSegment: 'not yet', why: /customer c yet/ })
  t.match(at({ value: 'U1', failure: 'bad', accepted: 0 }), { inSegment: 'no', why: /customer c: bad\.$/ })
  t.strictSame(at({ value: 'U2' }), {
    inSegment: 'no',
    why: 'No: the profile of customer c holds another LINE account of theirs, whose link is newer.',
  })
  t.match(at({ value: null }), { inSegment: 'not yet', why: /being worked out/ })
})

t.test('on the way from one profile to another', async (t) => {
  const moves = {
    externalId: 'c',
    target: 'c',
    customer: null,
    customers: [customer('c', { value: null })],
  }
  const gap = profile({ value: null, revision: 2, accepted: 2 })
  t.strictSame(why({ ...moves, alias: profile({ value: null, revision: 2, pendingMs: 5 }) }), {
    inSegment: 'perhaps',
    why: 'Perhaps in the former place: the user id moves from the alias profile to the profile of customer c, and Braze has not cleared that one yet.',
  })
  t.match(why({ ...moves, alias: profile({ value: null, revision: 2, failure: 'bad' }) }), {
    inSegment: 'perhaps',
    why: /^Perhaps in the wrong place: .*rejected to clear the former: bad\.$/,
  })
  t.match(why({ ...moves, alias: gap }), { inSegment: 'not yet', why: /once the former has settled\.$/ })
  const back = { externalId: null, target: null, customer: 'c', customers: [customer('c', { value: null })] }
  t.match(why({ ...back, alias: gap }), {
    why: /^Not yet: the user id moves from the profile of customer c to the alias profile/,
  })
  const rename = { externalId: 'c', action: 'rename', isAsked: true, outcome: 'merged', restMs: 0 } as const
  t.match(why({ ...back, alias: gap, merge: rename }), { why: /has become part of the customer's profile/ })
})

t.test('who is gone, and what became of it at Braze', async (t) => {
  const cleared = profile({ value: null, revision: 2, accepted: 2 })
  const gone = { status: 'gone', friendAt: NOW - 9, goneAt: NOW, alias: cleared } as const
  t.strictSame(why(gone), {
    inSegment: 'no',
    why: 'No: they blocked the account at 2027-01-15 08:00:00 UTC, and Braze has accepted that, or never had to be told.',
  })
  t.match(why({ ...gone, isAbsent: true }), { why: /not on LINE's follower list of 2027-01-15 08:00:00 UTC/ })
  t.match(why({ ...gone, friendAt: NOW }), { inSegment: 'no', why: /at one moment.*which counts as gone/ })
  const pending = profile({ value: null, revision: 2, accepted: 1, pendingMs: 3 * 3_600_000 })
  t.match(why({ ...gone, alias: pending }), {
    inSegment: 'perhaps',
    why: /^Perhaps still: they blocked .*not accepted that yet, which has waited for 3 hours\.$/,
  })
  t.match(why({ ...gone, alias: profile({ value: null, revision: 2, failure: 'bad' }) }), {
    inSegment: 'perhaps',
    why: /^Perhaps still: they blocked .*rejected to clear the alias profile: bad\.$/,
  })
  const customers = [customer('c', { value: null, pendingMs: 1 })]
  t.match(why({ ...gone, externalId: 'c', target: 'c', customer: 'c', customers }), {
    inSegment: 'perhaps',
    why: /not accepted that yet/,
  })
})

t.test('who was never seen, and who wrote too long ago', async (t) => {
  const nothing = { status: 'gone', friendAt: 0 } as const
  const untold = profile({ value: null, revision: 0, accepted: 0 })
  t.match(why({ ...nothing, linkedAt: 5, externalId: 'c', alias: untold }), {
    inSegment: 'no',
    why: /^No: nobody has seen them follow or write; only a link is known/,
  })
  const cleared = profile({ value: null, revision: 2, accepted: 2 })
  t.match(why({ ...nothing, alias: cleared }), { inSegment: 'no', why: /MESSAGER_WINDOW_DAYS/ })
})
