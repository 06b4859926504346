/**
 * The promise that no two profiles hold a user id at any moment, and that each ends where the newest link says, held
 * against a Braze that takes, loses, rejects and half-answers whatever it likes.
 */
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { friend, gone, isReachable, merge, type Times } from '../../src/contact/contact.ts'
import { holderOf, isNewerLink, type Link } from '../../src/contact/link.ts'
import { DELIVERY_LEASE, type DueProfile, type Ledger, type MergeStep } from '../../src/ledger/ledger.ts'
import { nameOf } from '../harness/people.ts'

const USERS = ['u1', 'u2', 'u3']
const CUSTOMERS = ['c1', 'c2']
const SETTLE_MS = 10
const ACTIONS = ['identify', 'look', 'rename'] as const

/** What may happen to a write: `lost` is not taken and not answered, `unheard` is taken and not answered. */
const FATES = ['taken', 'taken', 'taken', 'lost', 'unheard', 'rejected'] as const
type Fate = (typeof FATES)[number]

type Step =
  | { readonly kind: 'reach'; readonly userId: string; readonly isFriend: boolean }
  | { readonly kind: 'link'; readonly userId: string; readonly externalId: string | null }
  | { readonly kind: 'check'; readonly isKnown: boolean }
  | { readonly kind: 'deliver'; readonly fates: readonly Fate[] }
  | { readonly kind: 'send' }
  | { readonly kind: 'merge'; readonly isMerged: boolean }
  | { readonly kind: 'wait' | 'crash' }

const reach = fc.record({
  kind: fc.constant('reach'),
  userId: fc.constantFrom(...USERS),
  isFriend: fc.boolean(),
})
const link = fc.record({
  kind: fc.constant('link'),
  userId: fc.constantFrom(...USERS),
  externalId: fc.constantFrom(...CUSTOMERS, null),
})
const check = fc.record({ kind: fc.constant('check'), isKnown: fc.constantFrom(true, true, false) })
const fates = fc.array(fc.constantFrom(...FATES), { minLength: 5, maxLength: 5 })
const deliver = fc.record({ kind: fc.constant('deliver'), fates })
const mergeStep = fc.record({ kind: fc.constant('merge'), isMerged: fc.boolean() })
const other = fc.record({ kind: fc.constantFrom('send', 'wait', 'crash') })
const steps = fc.array(
  fc.oneof(
    { arbitrary: reach, weight: 3 },
    { arbitrary: link, weight: 3 },
    { arbitrary: check, weight: 3 },
    { arbitrary: deliver, weight: 6 },
    { arbitrary: mergeStep, weight: 4 },
    { arbitrary: other, weight: 2 },
  ) as fc.Arbitrary<Step>,
  { maxLength: 60, size: 'max' },
)

/** One Braze for one run, whose writes are applied when they are taken. */
function createBraze() {
  /** The value of each profile that has one. */
  const values = new Map<string, string>()
  /** Aliases that have become a customer's. */
  const merged = new Map<string, string>()
  const placeOf = (name: string) => merged.get(name) ?? name
  return {
    merged,
    apply({ address, value }: DueProfile) {
      const place = placeOf(nameOf(address))
      if (value === null) values.delete(place)
      else values.set(place, value)
      const held = [...values.values()]
      if (new Set(held).size < held.length) throw new Error(`twice: ${JSON.stringify([...values])}`)
    },
    holds: () => Object.fromEntries([...values].sort()),
  }
}

async function play(ledger: Ledger, channel: string, clock: { now: number }, all: readonly Step[]) {
  const braze = createBraze()
  const times = new Map<string, Times>()
  const links = new Map<string, Link>()
  const known = new Set<string>()
  /** What the holder of the lease knows to have sent without an answer. */
  let told = new Set<string>()
  let open: DueProfile[] = []
  let holder = 0
  let at = 0
  const nameOfHolder = () => `${channel} ${holder}`
  const giveLeaseBack = () => ledger.releaseLease(DELIVERY_LEASE, nameOfHolder(), 0)
  const takeLease = () => ledger.holdLease(DELIVERY_LEASE, nameOfHolder(), 600_000, { endedMs: 0, lostMs: 0 })
  await takeLease()

  const sendable = async () => {
    const under = new Set(open.map(({ id }) => id))
    return (await ledger.due(1_000)).filter(
      (profile) => profile.channel === channel && !under.has(profile.id),
    )
  }

  async function answer(profile: DueProfile, fate: Fate) {
    const { id, revision, value, mayHold } = profile
    const name = nameOf(profile.address)
    if (value === null && !mayHold && !told.has(name)) {
      await ledger.acknowledge([{ id, revision, failure: null, untold: nameOfHolder() }], SETTLE_MS)
      return
    }
    if (fate === 'rejected') return ledger.acknowledge([{ id, revision, failure: 'no' }], SETTLE_MS)
    told.add(name)
    if (fate === 'lost') return
    braze.apply(profile)
    if (fate === 'unheard') return
    await ledger.acknowledge([{ id, revision, failure: null }], SETTLE_MS)
    told.delete(name)
  }

  async function mergeOne(isMerged: boolean) {
    const [merge] = (await ledger.toMerge(1_000, ACTIONS)).filter((each) => each.channel === channel)
    if (!merge) return false
    const { id, action, userId, externalId } = merge
    const step = async (outcome: MergeStep['outcome']) =>
      ledger.keepMerges([{ id, action, outcome, restMs: SETTLE_MS }])
    if (action === 'identify') {
      await step('asked')
      if (isMerged) braze.merged.set(userId, externalId)
    } else if (action === 'look') await step(braze.merged.has(userId) ? 'merged' : 'left')
    else {
      braze.merged.delete(userId)
      await step('renamed')
    }
    return true
  }

  async function check(isKnown: boolean) {
    const customers = (await ledger.toCheck(1_000)).filter((each) => each.channel === channel)
    if (isKnown) for (const { externalId } of customers) known.add(externalId)
    await ledger.keepChecks(customers.map(({ id }) => ({ id, againMs: isKnown ? null : SETTLE_MS })))
    return customers.length > 0
  }

  async function perform(step: Step) {
    at += 1
    switch (step.kind) {
      case 'reach': {
        const evidence = (step.isFriend ? friend : gone)({ channel, userId: step.userId }, at)
        times.set(step.userId, merge(times.get(step.userId) ?? evidence, evidence))
        return ledger.record([evidence])
      }
      case 'link': {
        const { userId, externalId } = step
        const link = { externalId, linkedAt: at }
        if (isNewerLink(link, links.get(userId) ?? { externalId: null, linkedAt: 0 })) links.set(userId, link)
        return ledger.link([{ channel, userId, ...link }])
      }
      case 'check':
        return check(step.isKnown)
      case 'deliver': {
        clock.now += SETTLE_MS
        const answered = open.length > 0 ? open : await sendable()
        open = []
        for (const [i, profile] of answered.entries()) await answer(profile, step.fates[i % 5] as Fate)
        return
      }
      case 'send':
        // On their way, and answered by a later step: the ledger may have changed its mind by then.
        open = open.concat(await sendable())
        return
      case 'merge':
        return mergeOne(step.isMerged)
      case 'wait':
        clock.now += SETTLE_MS
        return
      case 'crash':
        for (const profile of open) await answer(profile, 'unheard')
        open = []
        told = new Set()
        await giveLeaseBack()
        holder += 1
        return takeLease()
    }
  }

  for (const step of all) {
    clock.now += 1
    await perform(step)
  }
  // From here on Braze takes everything, and whatever was rejected is tried again.
  for (const profile of open) await answer(profile, 'taken')
  open = []
  const run = await ledger.beginRun('resync', channel)
  const failed = (await Array.fromAsync(ledger.profiles(channel))).flat().filter((each) => each.failed)
  await ledger.resend(
    run.id,
    failed.map(({ id }) => id),
  )
  for (let quiet = 0, rounds = 0; quiet < 3; rounds++) {
    if (rounds > 100) throw new Error('it does not come to an end')
    clock.now += 5_000
    const profiles = await sendable()
    for (const profile of profiles) await answer(profile, 'taken')
    const isBusy = (await check(true)) || (await mergeOne(false)) || profiles.length > 0
    quiet = isBusy ? 0 : quiet + 1
  }
  await giveLeaseBack()

  const right = new Map<string, string>()
  const contacts = USERS.map((userId) => {
    const { externalId, linkedAt } = links.get(userId) ?? { externalId: null, linkedAt: 0 }
    const seen = times.get(userId)
    return { userId, externalId, linkedAt, reachable: seen !== undefined && isReachable(seen) }
  })
  for (const { userId, externalId, reachable } of contacts)
    if (reachable && externalId === null) right.set(userId, userId)
  for (const customer of CUSTOMERS) {
    const holder = holderOf(contacts.filter(({ externalId }) => externalId === customer))
    if (holder) right.set(customer, holder.userId)
  }
  const expected = Object.fromEntries([...right].sort())
  if (JSON.stringify(expected) !== JSON.stringify(braze.holds()))
    throw new Error(`Braze holds ${JSON.stringify(braze.holds())} and not ${JSON.stringify(expected)}`)
}

/** @param open a ledger that ends with the test */
export function placementModel(
  name: string,
  open: (t: Test, clock: () => number) => Promise<Ledger>,
  runs = 200,
) {
  t.test(
    `${name}: whatever happens, nobody is at two places, and everybody ends at the right one`,
    async (t) => {
      const clock = { now: 1_800_000_000_000 }
      const ledger = await open(t, () => clock.now)
      t.teardown(() => ledger.close())
      let channel = 0
      await fc.assert(
        fc.asyncProperty(steps, (all) => play(ledger, `channel ${channel++}`, clock, all)),
        { numRuns: Number(process.env.MODEL_RUNS ?? runs) },
      )
    },
  )
}
