/**
 * The whole of delivery in random order: people follow, block, are linked, relinked, unlinked and forgotten, processes die,
 * Braze fails. The sandbox watches that no two profiles hold a user id at any moment, that one is never twice in a request or
 * written to too soon; and in the end Braze is to hold what the newest evidence and the newest links say.
 */
import fc from 'fast-check'
import t from 'tap'
import { type ContactKey, friend, gone } from '../../src/contact/contact.ts'
import { holderOf, type Link } from '../../src/contact/link.ts'
import type { Ledger } from '../../src/ledger/ledger.ts'
import type { ScriptedAnswer } from '../../src/sandbox/answers.ts'
import { type Setting, setUp } from '../harness/delivery.ts'
import { key, users } from '../harness/people.ts'

const USERS = users(4)
/** The attribute of each account; only the first is there where only one is. */
const ATTRIBUTES: Readonly<Record<string, string>> = { default: 'line_id', cafe: 'cafe_line_id' }
const CHANNELS = Object.keys(ATTRIBUTES)
const CUSTOMERS = ['c0', 'c1', 'c2']
/** One whom Braze does not know before the end. */
const LATER = 'c2'

const FAULTS: ScriptedAnswer[] = [
  { kind: 'reset', apply: true },
  { kind: 'reset' },
  { status: 500, body: '' },
  { status: 201, kind: 'html', apply: true },
  { status: 429, body: '', headers: { 'retry-after': '1' } },
]

type Step =
  | ({ readonly kind: 'follow' | 'block' } & ContactKey)
  | ({ readonly kind: 'link'; readonly externalId: string | null } & ContactKey)
  | ({ readonly kind: 'forget'; readonly deletesProfile: boolean } & ContactKey)
  | { readonly kind: 'fault'; readonly fault: number; readonly times: number }
  | { readonly kind: 'reject'; readonly name: string }
  | { readonly kind: 'wait'; readonly timers: number }
  | { readonly kind: 'crash' | 'stop' }

const who = { channel: fc.constantFrom(...CHANNELS), userId: fc.constantFrom(...USERS) }
const steps = fc.array(
  fc.oneof(
    { arbitrary: fc.record({ kind: fc.constantFrom('follow', 'follow', 'block'), ...who }), weight: 4 },
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
  readonly reachable: Map<string, boolean>
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
  const channels = isShared ? CHANNELS : CHANNELS.slice(0, 1)
  const known: Readonly<Record<string, Known>> = Object.fromEntries(
    channels.map((channel) => [channel, { links: new Map(), reachable: new Map(), forgotten: new Set() }]),
  )
  let deliverer = startMortal(setting, mergeProfiles)
  let at = 1_000

  async function perform(step: Step) {
    at = Math.max(at, clock()) + 1
    switch (step.kind) {
      case 'follow':
      case 'block': {
        const contact = key(step.userId, isShared ? step.channel : 'default')
        if (step.kind === 'follow') known[contact.channel]?.forgotten.delete(step.userId)
        known[contact.channel]?.reachable.set(step.userId, step.kind === 'follow')
        return ledger.record([(step.kind === 'follow' ? friend : gone)(contact, at)])
      }
      case 'link': {
        const contact = key(step.userId, isShared ? step.channel : 'default')
        const link = { externalId: step.externalId, linkedAt: at }
        if (!known[contact.channel]?.forgotten.has(step.userId))
          known[contact.channel]?.links.set(step.userId, link)
        await ledger.link([{ ...contact, ...link }])
        return
      }
      case 'forget': {
        const contact = key(step.userId, isShared ? step.channel : 'default')
        const how = { deletesProfile: step.deletesProfile, lifeMs: 1e12 }
        const begun = await ledger.forget(contact, how)
        if (!begun) return
        at = Math.max(at, begun.forgottenAt)
        known[contact.channel]?.forgotten.add(step.userId)
        known[contact.channel]?.reachable.set(step.userId, false)
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
    const profiles = await Promise.all(channels.map((channel) => Array.fromAsync(ledger.profiles(channel))))
    const failed = profiles.flat(2).filter((each) => each.failed)
    if (failed.length === 0) {
      if ((await ledger.beingForgotten()).length === 0) break
      await until(async () => (await ledger.beingForgotten()).length === 0)
      continue
    }
    const { id } = await ledger.beginRun('resync', 'default')
    await ledger.resend(
      id,
      failed.map((each) => each.id),
    )
  }
  const later = time.monotonic() + 1_000
  await until(() => time.monotonic() > later)
  deliverer.die()
  const kept = (await Array.fromAsync(ledger.dump())).flatMap((part) =>
    part.kind === 'contacts' ? part.rows.map(({ channel, userId }) => ({ channel, userId })) : [],
  )
  const remembered = kept.filter(({ channel, userId }) => known[channel]?.forgotten.has(userId))
  const wrong = Object.entries(known).flatMap(([channel, each]) => compare(setting, channel, each))
  return [...braze.violations, ...wrong, ...remembered.map(({ userId }) => `${userId} is not forgotten`)]
}

/** What of one account is wrong at Braze; nothing where all is right. */
function compare({ braze }: Setting, channel: string, { links, reachable }: Known) {
  const place = { attribute: ATTRIBUTES[channel] as string }
  const contacts = USERS.map((userId) => ({
    userId,
    reachable: reachable.get(userId) === true,
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
          const setting = await setUp(t, { identityMs: [0, 0] }, { isShared: kind.isShared })
          wrong = await play(setting, all, kind)
        })
        if (wrong.length > 0) throw new Error(wrong.join('; '))
      }),
      { numRuns: Number(process.env.MODEL_RUNS ?? 40) },
    )
  })
}
