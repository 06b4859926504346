/**
 * The whole of delivery in random order: people follow, write, block, are listed or missing from a list, linked, relinked,
 * unlinked and forgotten; runs tell of them anew, processes die, Braze fails, and takes its time to delete a profile. The sandbox watches that no two profiles hold a user id at any moment, that one is never twice in a request or
 * written to too soon; and in the end Braze is to hold what the newest evidence and the newest links say.
 */
import fc from 'fast-check'
import t from 'tap'
import {
  type ContactKey,
  friend,
  gone,
  isReachable,
  merge,
  messaged,
  type Times,
} from '../../src/contact/contact.ts'
import { holderOf, type Link } from '../../src/contact/link.ts'
import type { KnownProfile, Ledger } from '../../src/ledger/ledger.ts'
import type { ScriptedAnswer } from '../../src/sandbox/answers.ts'
import { SETTLE_MS, type Setting, setUp } from '../harness/delivery.ts'
import { key, users } from '../harness/people.ts'

const USERS = users(4)
/** The attribute of each account; only the first is there where only one is. */
const ATTRIBUTES: Readonly<Record<string, string>> = { default: 'line_id', cafe: 'cafe_line_id' }
const CHANNELS = Object.keys(ATTRIBUTES)
const CUSTOMERS = ['c0', 'c1', 'c2']
/** One whom Braze does not know before the end. */
const LATER = 'c2'
/** Who only wrote, and longer ago, can't be reached. */
const WINDOW_MS = 20_000
const DELETE = '/users/delete'
/** So many settle pauses Braze may take for it, and a little more is waited. */
const DELETION_PAUSES = 58

const FAULTS: ScriptedAnswer[] = [
  { kind: 'reset', apply: true },
  { kind: 'reset' },
  { status: 500, body: '' },
  { status: 201, kind: 'html', apply: true },
  { status: 429, body: '', headers: { 'retry-after': '1' } },
]

type Step =
  | ({ readonly kind: 'follow' | 'message' | 'block' } & ContactKey)
  | {
      readonly kind: 'list'
      readonly channel: string
      readonly userIds: readonly string[]
      readonly ageMs: number
      readonly isComplete: boolean
    }
  | { readonly kind: 'retry' | 'resync' | 'doubt'; readonly channel: string }
  | ({ readonly kind: 'link'; readonly externalId: string | null } & ContactKey)
  | ({ readonly kind: 'forget'; readonly deletesProfile: boolean } & ContactKey)
  | { readonly kind: 'fault'; readonly fault: number; readonly times: number }
  | { readonly kind: 'reject'; readonly name: string }
  | { readonly kind: 'wait'; readonly timers: number }
  | { readonly kind: 'crash' | 'stop' }

const who = { channel: fc.constantFrom(...CHANNELS), userId: fc.constantFrom(...USERS) }
const steps = fc.array(
  fc.oneof(
    {
      arbitrary: fc.record({ kind: fc.constantFrom('follow', 'follow', 'message', 'block'), ...who }),
      weight: 4,
    },
    {
      arbitrary: fc.record({
        kind: fc.constant('list'),
        channel: who.channel,
        userIds: fc.subarray(USERS),
        ageMs: fc.nat(3_000),
        isComplete: fc.boolean(),
      }),
      weight: 1,
    },
    {
      arbitrary: fc.record({ kind: fc.constantFrom('retry', 'resync', 'doubt'), channel: who.channel }),
      weight: 1,
    },
    {
      arbitrary: fc.record({
        kind: fc.constant('link'),
        ...who,
        externalId: fc.constantFrom(...CUSTOMERS, null),
      }),
      weight: 4,
    },
    {
      arbitrary: fc.record({ kind: fc.constant('forget'), ...who, deletesProfile: fc.boolean() }),
      weight: 2,
    },
    {
      arbitrary: fc.record({
        kind: fc.constant('fault'),
        fault: fc.nat(FAULTS.length - 1),
        times: fc.integer({ min: 1, max: 2 }),
      }),
      weight: 2,
    },
    {
      arbitrary: fc.record({ kind: fc.constant('reject'), name: fc.constantFrom(...USERS, ...CUSTOMERS) }),
      weight: 1,
    },
    {
      arbitrary: fc.record({ kind: fc.constant('wait'), timers: fc.integer({ min: 1, max: 12 }) }),
      weight: 6,
    },
    { arbitrary: fc.record({ kind: fc.constantFrom('crash', 'stop') }), weight: 1 },
  ) as fc.Arbitrary<Step>,
  { maxLength: 40, size: 'max' },
)

/** What is said of the people of one account. */
interface Known {
  readonly links: Map<string, Link>
  readonly times: Map<string, Times>
  /** Who asked for it, and has not followed since. */
  readonly forgotten: Set<string>
}

/** A deliverer whose process can end at any moment: from then on none of its calls comes back. */
function startMortal({ deliver, client, ledger }: Setting, mergeProfiles: boolean) {
  let isDead = false
  const mortal = <T extends object>(object: T): T =>
    Object.fromEntries(
      Object.entries(object).map(([name, value]) => [
        name,
        typeof value !== 'function'
          ? value
          : (...args: unknown[]) => {
              if (isDead && name !== 'profileOf' && name !== 'hide' && name !== 'knows')
                return new Promise(() => {})
              const answer = value(...args)
              return answer instanceof Promise
                ? answer.then((said) => (isDead ? new Promise(() => {}) : said))
                : answer
            },
      ]),
    ) as T
  const deliverer = deliver(
    {
      ledger: mortal(ledger) as Ledger,
      braze: mortal(client()),
      mergeProfiles,
      random: () => 0,
    },
    true,
  )
  return {
    die() {
      isDead = true
    },
    stop: deliverer.stop,
  }
}

async function play(setting: Setting, all: readonly Step[], { mergeProfiles, isShared }: Kind) {
  const { braze, ledger, until, time, clock } = setting
  for (const externalId of CUSTOMERS) if (externalId !== LATER) braze.createCustomer(externalId)
  takeTimeToDelete(setting)
  const channels = isShared ? CHANNELS : CHANNELS.slice(0, 1)
  const known: Readonly<Record<string, Known>> = Object.fromEntries(
    channels.map((channel) => [channel, { links: new Map(), times: new Map(), forgotten: new Set() }]),
  )
  let deliverer = startMortal(setting, mergeProfiles)
  let at = 1_000
  const channelOf = (channel: string) => (isShared ? channel : 'default')
  const profilesOf = async (channel: string) => (await Array.fromAsync(ledger.profiles(channel))).flat()

  function learn(channel: string, userId: string, times: Times) {
    const { times: all, forgotten } = known[channel] as Known
    if (!forgotten.has(userId)) all.set(userId, merge(all.get(userId) ?? times, times))
  }

  async function resend(channel: string, which: (profile: KnownProfile) => boolean) {
    const { id } = await ledger.beginRun('resync', channel)
    const profiles = (await profilesOf(channel)).filter(which)
    await ledger.resend(
      id,
      profiles.map((each) => each.id),
    )
  }

  async function list(channel: string, userIds: readonly string[], asOf: number, isComplete: boolean) {
    const { id } = await ledger.beginRun('backfill', channel, asOf)
    await ledger.recordPages(id, [{ userIds, invalid: 0, next: isComplete ? null : 'more' }])
    for (const userId of userIds) learn(channel, userId, friend(key(userId, channel), asOf))
    if (!isComplete) return
    for await (const _ of ledger.clearAbsent(id));
    for (const [userId, { friendAt, goneAt }] of known[channel]?.times ?? [])
      if (friendAt > goneAt && friendAt < asOf) learn(channel, userId, gone(key(userId, channel), asOf))
    await ledger.endRun(id, 'complete')
  }

  async function perform(step: Step) {
    at = Math.max(at, clock()) + 1
    switch (step.kind) {
      case 'follow':
      case 'message':
      case 'block': {
        const contact = key(step.userId, channelOf(step.channel))
        if (step.kind === 'follow') known[contact.channel]?.forgotten.delete(step.userId)
        const evidence = { follow: friend, message: messaged, block: gone }[step.kind](contact, at)
        learn(contact.channel, step.userId, evidence)
        return ledger.record([evidence])
      }
      case 'list': {
        const { userIds, ageMs, isComplete } = step
        return list(channelOf(step.channel), userIds, at - ageMs, isComplete)
      }
      case 'retry':
      case 'resync':
        return void (await resend(channelOf(step.channel), ({ failed }) => failed || step.kind === 'resync'))
      case 'doubt':
        return ledger.recheck((await profilesOf(channelOf(step.channel))).map(({ id }) => id))
      case 'link': {
        const contact = key(step.userId, channelOf(step.channel))
        const link = { externalId: step.externalId, linkedAt: at }
        if (!known[contact.channel]?.forgotten.has(step.userId))
          known[contact.channel]?.links.set(step.userId, link)
        await ledger.link([{ ...contact, ...link }])
        return
      }
      case 'forget': {
        const contact = key(step.userId, channelOf(step.channel))
        const how = { deletesProfile: step.deletesProfile, lifeMs: 1e12 }
        const begun = await ledger.forget(contact, how)
        if (!begun) return
        at = Math.max(at, begun.forgottenAt)
        known[contact.channel]?.forgotten.add(step.userId)
        known[contact.channel]?.times.delete(step.userId)
        known[contact.channel]?.links.delete(step.userId)
        return
      }
      case 'fault':
        return braze.answerNext(FAULTS[step.fault] as ScriptedAnswer, step.times)
      case 'reject':
        return braze.rejectUser(step.name, 'not now')
      case 'wait': {
        let left = step.timers
        return until(() => left-- <= 0)
      }
      case 'stop':
        await deliverer.stop()
        deliverer = startMortal(setting, mergeProfiles)
        return
      case 'crash':
        deliverer.die()
        deliverer = startMortal(setting, mergeProfiles)
    }
  }
  for (const step of all) await perform(step)

  // From here on Braze takes everything, and knows everybody.
  for (const name of [...USERS, ...CUSTOMERS]) braze.acceptUser(name)
  if (!braze.customer(LATER)) braze.createCustomer(LATER)
  const idle = async () =>
    (await ledger.counts()).every(({ pending, waiting }) => pending + waiting === 0) &&
    (await ledger.nextCheckMs()) === null &&
    (await ledger.nextMergeMs(mergeProfiles ? ['identify', 'look', 'rename'] : ['rename'])) === null
  for (;;) {
    await until(idle)
    const failed = (await Promise.all(channels.map(profilesOf))).flat().filter((each) => each.failed)
    if (failed.length === 0) {
      if ((await ledger.beingForgotten()).length === 0) break
      await until(async () => (await ledger.beingForgotten()).length === 0)
      continue
    }
    for (const channel of channels) await resend(channel, (profile) => profile.failed)
  }
  // Until the last message is too old, and somebody has looked.
  const later = time.monotonic() + WINDOW_MS + 15_000
  await until(() => time.monotonic() > later)
  await until(idle)
  deliverer.die()
  const kept = (await Array.fromAsync(ledger.dump())).flatMap((part) =>
    part.kind === 'contacts' ? part.rows.map(({ channel, userId }) => ({ channel, userId })) : [],
  )
  const remembered = kept.filter(({ channel, userId }) => known[channel]?.forgotten.has(userId))
  const wrong = Object.entries(known).flatMap(([channel, each]) => compare(setting, channel, each))
  return [...braze.violations, ...wrong, ...remembered.map(({ userId }) => `${userId} is not forgotten`)]
}

/** Braze says at once that it deletes a profile, and does so at some moment within the time that it may take. */
function takeTimeToDelete({ braze, time }: Setting) {
  braze.answerNextOf(DELETE, { status: 201, body: '{"deleted":1}' }, 1_000)
  let taken = 0
  braze.on('call', ({ endpoint, body }) => {
    if (endpoint !== DELETE) return
    for (const { alias_name } of (body as { user_aliases: { alias_name: string }[] }).user_aliases)
      time.after(((7 + 23 * taken++) % DELETION_PAUSES) * SETTLE_MS, () => {
        if (braze.hasProfile(alias_name)) braze.removeProfile(alias_name)
      })
  })
}

/** What of one account is wrong at Braze; nothing where all is right. */
function compare({ braze }: Setting, channel: string, { links, times }: Known) {
  const place = { attribute: ATTRIBUTES[channel] as string }
  const contacts = USERS.map((userId) => ({
    userId,
    reachable: isReachable({ ...(times.get(userId) ?? gone(key(userId), 1)), messagedAt: 0 }),
    ...(links.get(userId) ?? { externalId: null, linkedAt: 0 }),
  }))
  const right = new Map<string, string>()
  for (const contact of contacts)
    if (contact.externalId === null && contact.reachable) right.set(contact.userId, contact.userId)
  for (const customer of CUSTOMERS) {
    const holder = holderOf(contacts.filter(({ externalId }) => externalId === customer))
    if (holder) right.set(customer, holder.userId)
  }
  const wrong: string[] = []
  for (const customer of CUSTOMERS) {
    const value = braze.customerAttribute(customer, place) ?? undefined
    if (value !== right.get(customer)) wrong.push(`${customer} has ${value} and not ${right.get(customer)}`)
  }
  for (const { userId } of contacts) {
    const holders = braze.holders(userId, place)
    const expected = [...right].flatMap(([place, value]) => (value === userId ? [place] : []))
    if (holders.length !== expected.length)
      wrong.push(`${userId} is at ${holders.length} places and not ${expected}`)
  }
  return wrong
}

interface Kind {
  readonly mergeProfiles: boolean
  /** Two accounts of one provider write to the same profiles, which excludes merging. */
  readonly isShared: boolean
}

const KINDS: Readonly<Record<string, Kind>> = {
  'random histories': { mergeProfiles: false, isShared: false },
  'random histories, with merging': { mergeProfiles: true, isShared: false },
  'random histories of two accounts': { mergeProfiles: false, isShared: true },
}

for (const [name, kind] of Object.entries(KINDS)) {
  t.test(name, async (t) => {
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        let wrong: string[] = []
        await t.test('a history', async (t) => {
          const setting = await setUp(
            t,
            { identityMs: [0, 0] },
            { isShared: kind.isShared, messagerWindowMs: WINDOW_MS },
          )
          wrong = await play(setting, all, kind)
        })
        if (wrong.length > 0) throw new Error(wrong.join('; '))
      }),
      { numRuns: Number(process.env.MODEL_RUNS ?? 40) },
    )
  })
}
