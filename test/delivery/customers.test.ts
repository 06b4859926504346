import t from 'tap'
import { type Setting, setUp } from '../harness/delivery.ts'
import { friends, key, users } from '../harness/people.ts'

const EXPORT = '/users/export/ids'

/** People who follow, of whom Braze was told. */
async function following({ ledger, delivered }: Setting, userIds: readonly string[]) {
  await ledger.record(friends(userIds))
  await delivered()
}
/** Each is linked to the customer whose external id begins with `c`. */
const link = ({ ledger }: Setting, userIds: readonly string[]) =>
  ledger.link(userIds.map((userId) => ({ ...key(userId), externalId: `c-${userId}`, linkedAt: null })))
const hasMoved = ({ braze }: Setting, userId: string) =>
  braze.customerAttribute(`c-${userId}`) === userId && braze.attribute(userId) === undefined
const counts = async ({ ledger }: Setting) => (await ledger.counts())[0]
const about = (lines: readonly string[], words: RegExp) => lines.filter((line) => words.test(line))

t.test('a customer whom Braze knows is looked up at once, and only once', async (t) => {
  const setting = await setUp(t)
  const { braze, deliver, until, time } = setting
  deliver()
  braze.createCustomer('c-u0')
  await following(setting, ['u0'])
  let askedAt = 0
  braze.on('export', () => {
    askedAt = time.monotonic()
  })
  const linkedAt = time.monotonic()
  await link(setting, ['u0'])
  await until(() => hasMoved(setting, 'u0'))
  t.ok(askedAt - linkedAt <= 50, `${askedAt - linkedAt} ms later`)
  t.match(await counts(setting), { linked: 1, waiting: 0 })
  await link(setting, ['u0'])
  const later = time.monotonic() + 10_000
  await until(() => time.monotonic() > later)
  t.equal(braze.stats.exports, 1)
})

t.test('many at once are 50 in a request', async (t) => {
  const setting = await setUp(t)
  const { braze, deliver, until } = setting
  const everybody = users(120)
  for (const userId of everybody) braze.createCustomer(`c-${userId}`)
  deliver()
  await following(setting, everybody)
  await link(setting, everybody)
  await until(() => everybody.every((userId) => hasMoved(setting, userId)))
  t.ok(braze.stats.exports <= 4, `${braze.stats.exports} requests`)
})

t.test('one whom Braze does not know: the alias profile keeps the user id until Braze does', async (t) => {
  for (const style of ['objects', 'strings', 'absent'] as const) {
    await t.test(style, async (t) => {
      const setting = await setUp(t)
      const { braze, deliver, until, told } = setting
      braze.setInvalidIdsStyle(style)
      braze.createCustomer('c-u1')
      deliver()
      await following(setting, ['u0', 'u1'])
      await link(setting, ['u0', 'u1'])
      await until(() => hasMoved(setting, 'u1') && braze.stats.exports === 3)
      t.equal(braze.attribute('u0'), 'u0')
      t.equal(braze.customer('c-u0'), undefined, 'nobody is made')
      t.match(await counts(setting), { linked: 2, waiting: 1 })
      t.match(about(told, /does not know this customer/)[0], /c-u0/)
      braze.createCustomer('c-u0')
      await until(() => hasMoved(setting, 'u0'))
      t.match(await counts(setting), { waiting: 0 })
    })
  }
})

t.test('whom Braze does not know it is asked about less and less often, up to once an hour', async (t) => {
  const setting = await setUp(t)
  const { braze, deliver, until, time } = setting
  deliver({ random: () => 1 })
  await following(setting, ['u0'])
  const askedAt: number[] = []
  braze.on('export', () => void askedAt.push(time.monotonic()))
  await link(setting, ['u0'])
  for (let tries = 1; tries <= 13; tries++) {
    await until(() => askedAt.length === tries)
    if (tries === 13) break
    // Most of the wait in one step.
    time.pass(Math.min(3_600_000, 5_000 * 2 ** (tries - 1)) - 2_500)
  }
  const gaps = askedAt.slice(1).map((at, i) => at - (askedAt[i] ?? 0))
  for (const [i, gapMs] of gaps.entries()) {
    const wantedMs = Math.min(3_600_000, 5_000 * 2 ** i)
    t.ok(gapMs >= wantedMs && gapMs <= wantedMs + 3_000, `${gapMs} ms after ${i + 1}`)
  }
})

t.test(
  'without the permission links are believed; that is said once, and tried again after an hour',
  async (t) => {
    const setting = await setUp(t)
    const { braze, deliver, until, time, said, told } = setting
    for (const userId of users(4)) braze.createCustomer(`c-${userId}`)
    braze.forbidExport(true)
    deliver()
    await following(setting, users(4))
    await link(setting, ['u0'])
    await until(() => hasMoved(setting, 'u0'))
    await link(setting, ['u1'])
    await until(() => hasMoved(setting, 'u1'))
    t.equal(braze.stats.exports, 1)
    time.pass(3_600_000)
    await link(setting, ['u2'])
    await until(() => hasMoved(setting, 'u2'))
    t.equal(braze.stats.exports, 2)
    const warnings = about(said, /looking profiles up waits/)
    t.match(warnings, [/users\.export\.ids.*links are believed/])
    t.equal(warnings.length, 1)
    time.pass(3_600_000)
    braze.forbidExport(false)
    await following(setting, ['v0'])
    await link(setting, ['u3', 'v0'])
    await until(async () => hasMoved(setting, 'u3') && (await counts(setting))?.waiting === 1)
    t.equal(braze.attribute('v0'), 'v0')
    t.equal(about(told, /looking profiles up goes on/).length, 1)
  },
)

t.test('switched off, links are believed and nobody is looked up', async (t) => {
  const setting = await setUp(t)
  const { braze, deliver, until } = setting
  braze.createCustomer('c-u0')
  deliver({ checkCustomers: false })
  await following(setting, ['u0'])
  await link(setting, ['u0'])
  await until(() => hasMoved(setting, 'u0'))
  t.equal(braze.stats.exports, 0)
})

t.test('what is no answer says nothing of a customer, and holds nobody else up', async (t) => {
  for (const [what, answer] of Object.entries({
    'an outage': { status: 503 },
    'a page of a proxy': { kind: 'html' },
    'a refusal of a proxy': { status: 400, kind: 'html' },
    'no answer': { kind: 'reset' },
    'a wrong key': { status: 401 },
    'a wrong URL': { status: 404 },
    'too many requests': { status: 429 },
  } as const)) {
    await t.test(what, async (t) => {
      const setting = await setUp(t)
      const { braze, ledger, deliver, until, time, said, told } = setting
      braze.createCustomer('c-u0')
      braze.setOutageOf(EXPORT, answer)
      deliver({ random: () => 1 })
      await following(setting, ['u0'])
      await link(setting, ['u0'])
      await until(() => braze.stats.exports === 5)
      t.ok(time.monotonic() >= 15_000, 'later and later')
      t.equal(braze.attribute('u0'), 'u0')
      t.match(await counts(setting), { linked: 1, waiting: 0 })
      t.match(await ledger.toCheck(10), [{ externalId: 'c-u0', tries: 0 }])
      await following(setting, ['v0'])
      t.equal(about(said, /looking profiles up waits/).length, 1)
      braze.setOutageOf(EXPORT, null)
      await until(() => hasMoved(setting, 'u0'))
      t.equal(about(told, /looking profiles up goes on/).length, 1)
    })
  }
})

t.test('too many requests: as long as Braze says', async (t) => {
  const setting = await setUp(t)
  const { braze, deliver, until, time } = setting
  braze.createCustomer('c-u0')
  braze.answerNextExport({ status: 429, headers: { 'retry-after': '40' } })
  deliver({ random: () => 0 })
  await following(setting, ['u0'])
  const linkedAt = time.monotonic()
  await link(setting, ['u0'])
  await until(() => hasMoved(setting, 'u0'))
  t.ok(time.monotonic() - linkedAt >= 40_000)
  t.equal(braze.stats.exports, 2)
})

/** Answers so where the customer is among those who are asked for. */
function badCustomer({ client }: Setting, externalId: string, status: number) {
  const braze = client()
  const exportProfiles: typeof braze.exportProfiles = async (places, ...more) => {
    const isThere = places.some(({ address }) => 'externalId' in address && address.externalId === externalId)
    if (!isThere) return braze.exportProfiles(places, ...more)
    return { status, headers: {}, body: '{"message":"no such thing"}' }
  }
  return { ...braze, exportProfiles }
}

t.test('one over whom Braze fails, or whom it refuses, waits alone', async (t) => {
  for (const status of [400, 500]) {
    await t.test(String(status), async (t) => {
      const setting = await setUp(t)
      const { braze, deliver, until, said } = setting
      const everybody = users(30)
      for (const userId of everybody) braze.createCustomer(`c-${userId}`)
      deliver({ braze: badCustomer(setting, 'c-u7', status), random: () => 0 })
      await following(setting, everybody)
      await link(setting, everybody)
      await until(() => everybody.every((userId) => userId === 'u7' || hasMoved(setting, userId)))
      t.equal(braze.attribute('u7'), 'u7')
      await following(setting, ['v0'])
      braze.createCustomer('c-v0')
      await link(setting, ['v0'])
      await until(() => hasMoved(setting, 'v0'))
      if (status === 500) return t.match(await counts(setting), { waiting: 0 })
      await until(async () => (await counts(setting))?.waiting === 1)
      t.ok(about(said, /Braze refuses to look a customer up.*no such thing/).length > 0)
      t.notMatch(said.join(), /c-u7/)
    })
  }
})

t.test('an external id that was renamed in Braze is known', async (t) => {
  const setting = await setUp(t)
  const { braze, deliver, until, client } = setting
  for (const userId of users(3)) braze.createCustomer(`c-${userId}`)
  const real = client()
  /** Answers for c-u1 with the profile under its new external id. */
  const exportProfiles: typeof real.exportProfiles = async (...asked) => {
    const answer = await real.exportProfiles(...asked)
    return { ...answer, body: answer.body.replaceAll('"c-u1"', '"new"') }
  }
  deliver({ braze: { ...real, exportProfiles } })
  await following(setting, users(3))
  await link(setting, users(3))
  await until(() => users(3).every((userId) => hasMoved(setting, userId)))
  t.equal(braze.stats.exports, 2, 'who was missing was asked for alone')
})

t.test('whoever delivers looks up: on a standby nothing, after a takeover what is left', async (t) => {
  const setting = await setUp(t)
  const { braze, deliver, until } = setting
  for (const userId of users(2)) braze.createCustomer(`c-${userId}`)
  braze.setOutageOf(EXPORT, { status: 503 })
  const first = deliver()
  await following(setting, ['u0', 'u1'])
  const standby = deliver()
  await link(setting, ['u0', 'u1'])
  await until(() => braze.stats.exports >= 2)
  await first.stop()
  braze.setOutageOf(EXPORT, null)
  await until(() => hasMoved(setting, 'u0') && hasMoved(setting, 'u1'))
  t.equal(standby.delivery().state, 'delivering')
})

t.test('a ledger that fails is asked again, and nothing is lost', async (t) => {
  const setting = await setUp(t)
  const { braze, ledger, deliver, until, said } = setting
  braze.createCustomer('c-u0')
  let failures = 0
  const keepChecks: typeof ledger.keepChecks = async (checks) => {
    if (failures++ < 3) throw new Error('The disk is full.')
    return ledger.keepChecks(checks)
  }
  deliver({ ledger: { ...ledger, keepChecks } })
  await following(setting, ['u0'])
  await link(setting, ['u0'])
  await until(() => hasMoved(setting, 'u0'))
  t.equal(about(said, /looking customers up fails.*disk is full/).length, 3)
})
