import t from 'tap'
import { type Delivery, deliveryOf, saidOf, whoDelivers } from '../../src/desk/delivery.ts'
import { inspect, inspectionOf } from '../../src/desk/inspect.ts'
import { nextOf } from '../../src/desk/next.ts'
import { customer, NOW, person, profile } from '../harness/person.ts'

const DELIVERING: Delivery = { state: 'delivering', reason: null, server: 's', seenMs: 0 }
const MEANS = { makesProfiles: true, mergesProfiles: true, messagerWindowMs: 0, delivery: DELIVERING }
const iso = (at: number) => new Date(at).toISOString()

t.test('moments, and what each came from', async (t) => {
  const of = (more: Parameters<typeof person>[0]) => inspectionOf(person(more), MEANS, NOW)
  t.match(of({ friendAt: NOW - 5 }), {
    friendAt: iso(NOW - 5),
    messagedAt: null,
    goneAt: null,
    linkedAt: null,
    linkCounts: null,
    origins: { friendAt: 'webhook', messagedAt: null, goneAt: null, linkedAt: null },
  })
  t.match(of({ isListed: true, messagedAt: 7, goneAt: 3, linkedAt: 4, externalId: 'c' }), {
    linkCounts: false,
    origins: { friendAt: 'list', messagedAt: 'webhook', goneAt: 'webhook', linkedAt: 'unknown' },
  })
  t.match(of({ goneAt: 3, isAbsent: true, linkedAt: 4, isImported: true }), {
    origins: { goneAt: 'absence', linkedAt: 'import' },
  })
})

t.test('profiles, with their moments', async (t) => {
  const merge = { externalId: 'c', action: 'look', isAsked: true, outcome: null, restMs: 7 } as const
  const inspection = inspectionOf(
    person({
      externalId: 'c',
      target: 'c',
      alias: profile({ value: null, revision: 2, accepted: 2, restMs: 300 }),
      customers: [customer('c', { accepted: 0, pendingMs: 40, restMs: 60, checkMs: 5, tries: 2 })],
      merge,
    }),
    MEANS,
    NOW,
  )
  t.strictSame(inspection.profiles, [
    {
      address: { userId: 'U1' },
      value: null,
      accepted: true,
      failure: null,
      revision: 2,
      acceptedRevision: 2,
      pendingSince: null,
      dueAt: null,
      settledAt: iso(NOW + 300),
      isKnown: null,
      checkAt: null,
      checks: null,
    },
    {
      address: { externalId: 'c' },
      value: 'U1',
      accepted: false,
      failure: null,
      revision: 1,
      acceptedRevision: 0,
      pendingSince: iso(NOW - 40),
      dueAt: iso(NOW + 60),
      settledAt: null,
      isKnown: true,
      checkAt: iso(NOW + 5),
      checks: 2,
    },
  ])
  const { restMs: _, ...kept } = merge
  t.strictSame(inspection.merge, { ...kept, dueAt: iso(NOW + 7) })
  t.equal(inspection.linkCounts, true)
})

t.test('nobody', async (t) => {
  const ledger = {
    person: async () => null,
    forgettings: async () => [],
    leaseHolder: async () => null,
    servers: async () => [],
  }
  t.equal(await inspect({ channel: 'default', userId: 'U1' }, { ...MEANS, ledger }), null)
})

t.test('what happens next', async (t) => {
  const next = (more: Parameters<typeof person>[0], means = {}) =>
    nextOf(person(more), { ...MEANS, ...means })
  t.strictSame(next({}), ['Nothing: there is nothing left to tell Braze.'])
  const pending = { alias: profile({ accepted: 0, pendingMs: 5, restMs: -5 }) }
  t.strictSame(next(pending), [
    'Braze is told to write the user id into the alias profile, as soon as it is their turn.',
  ])
  t.strictSame(next(pending, { delivery: { ...DELIVERING, state: 'paused', reason: 'The key is wrong.' } }), [
    'Braze is told to write the user id into the alias profile, as soon as it is their turn.',
    'Delivery is paused until somebody has mended something: The key is wrong.',
  ])
  t.match(next({ alias: profile({ value: null, revision: 2, pendingMs: 0, restMs: 4_200 }) }), [
    'Braze is told to clear the alias profile, in 4 seconds at the earliest.',
  ])
  t.match(next({ alias: profile({ failure: 'bad' }) }, { delivery: { ...DELIVERING, state: 'nobody' } }), [
    /^Of the alias profile Braze is told nothing .* line-braze failed retry\.$/,
  ])
  t.match(next({ customers: [customer('c', { isKnown: false, checkMs: 120_000, tries: 1 })] }), [
    'Braze is asked in 2 minutes at the earliest whether it knows customer c, which it did not know once.',
  ])
  t.match(next({ customers: [customer('c', { isKnown: false, checkMs: 0, tries: 0 })] }), [
    'Braze is asked as soon as it is their turn whether it knows customer c.',
  ])
  const merge = { externalId: 'c', isAsked: false, outcome: null, restMs: 0 } as const
  for (const [action, words] of [
    ['identify', /is merged into the profile of customer c/],
    ['look', /looked up what has become/],
    ['rename', /is freed as soon/],
    [null, /^Nothing/],
  ] as const)
    t.match(next({ merge: { ...merge, action } }), [words])
  t.match(next({ merge: { ...merge, action: 'identify' } }, { mergesProfiles: false }), [/^Nothing/])
  const wrote = { status: 'messager', friendAt: 0, messagedAt: NOW } as const
  t.match(next(wrote, { messagerWindowMs: 86_400_000 }), [/count as gone from 2027-01-16 08:00:00 UTC on\.$/])
  t.match(next(wrote), [/^Nothing/])
})

t.test('who delivers', async (t) => {
  const server = { id: 's', version: '1', upMs: 5, state: 'delivering', reason: null, seenMs: 9 }
  const ledger = (holder: string | null) => ({
    leaseHolder: async () => (holder === null ? null : { holder, leftMs: 5 }),
    servers: async () => [server],
  })
  t.strictSame(await whoDelivers(ledger(null)), { state: 'nobody', reason: null, server: null, seenMs: null })
  t.strictSame(await whoDelivers(ledger('s')), { ...DELIVERING, seenMs: 9 })
  t.match(await whoDelivers(ledger('x')), { state: 'command', server: null })
  const standby = { ...server, state: 'standby', reason: 'this process does not hold the lease' }
  t.match(deliveryOf('s', [standby]), { state: 'delivering', reason: null }, 'it has got it since')
  t.match(deliveryOf('copy', []), { state: 'copy' })
  const said = (more: Partial<Delivery>) => saidOf({ ...DELIVERING, ...more })
  t.equal(said({}), 'A server delivers.')
  t.match(said({ seenMs: 61_000 }), /has said nothing for 61 seconds/)
  t.match(said({ state: 'waiting', reason: 'Braze answers 503' }), /asks Braze again: Braze answers 503\.$/)
  t.match(said({ state: 'nobody', seenMs: null }), /^Nobody delivers/)
  t.match(said({ state: 'command', seenMs: null }), /^A command delivers/)
  t.match(said({ state: 'copy', seenMs: null }), /being copied/)
})
