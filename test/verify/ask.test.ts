import t from 'tap'
import type { Place } from '../../src/braze/attributes.ts'
import { createAsk } from '../../src/verify/ask.ts'
import { type HttpAnswer, NoAnswer } from '../../src/wire/client.ts'
import { foreignWords } from '../../src/wire/foreign-words.ts'
import { longUsers } from '../harness/people.ts'

const NOW = 1_800_000_000_000
const KEY = 'the-api-key'

/** Asks a Braze that answers as listed, and sleeps for no time at all. */
function setUp(answers: (Partial<HttpAnswer> | Error)[]) {
  const pauses: [reason: string, ms: number][] = []
  const asked: (readonly Place[])[] = []
  const controller = new AbortController()
  const askFor = createAsk({
    braze: {
      channels: new Map([['default', { attribute: 'line_id', aliasLabel: 'line_id' }]]),
      hide: (ids) => (said) => foreignWords(said, { ids, secrets: [KEY] }),
      async exportProfiles(places) {
        asked.push(places)
        const answer = answers.shift() ?? { body: '{"users":[]}' }
        if (answer instanceof Error) throw answer
        return { status: 200, headers: {}, body: '', ...answer }
      },
    },
    signal: controller.signal,
    onPause: (reason, ms) => pauses.push([reason, ms]),
    clock: () => NOW,
    random: () => 1,
    sleep: async () => undefined,
  })
  const ask = (userIds: readonly string[]) => askFor(userIds.map(placeOf))
  return { ask, asked, pauses, abort: () => controller.abort(new Error('enough')) }
}

const placeOf = (userId: string) => ({ channel: 'default', address: { userId } })
const found = (...users: unknown[]) => ({ body: JSON.stringify({ message: 'success', users }) })

t.test('what Braze knows of profiles', async (t) => {
  const { ask } = setUp([found({ user_aliases: [{ alias_name: 'a', alias_label: 'line_id' }] })])
  const profiles = await ask(['a', 'b'])
  t.ok(profiles.at(placeOf('a')))
  t.notOk(profiles.at(placeOf('b')))
})

t.test('the pace: a request every 240 ms, unless Braze says its limit', async (t) => {
  const limit = { 'x-ratelimit-limit': '2500', 'x-ratelimit-remaining': '7' }
  const usedUp = { ...limit, 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '30' }
  const { ask, pauses } = setUp([
    found(),
    { ...found(), headers: limit },
    { ...found(), headers: usedUp },
    found(),
  ])
  for (let request = 0; request < 4; request++) await ask(['a'])
  t.strictSame(
    pauses.map(([, ms]) => ms),
    [240, 30_000],
  )
})

t.test('429: as long as Braze says, else as a failure', async (t) => {
  const { ask, asked, pauses } = setUp([
    { status: 429, headers: { 'x-ratelimit-reset': String(NOW / 1000 + 12) } },
    { status: 429, headers: { 'x-ratelimit-retry-after': '7' } },
    { status: 429 },
  ])
  await ask(['a'])
  t.equal(asked.length, 4)
  t.strictSame(
    pauses.map(([, ms]) => ms),
    [12_000, 7_000, 500],
  )
})

t.test('what may pass is tried five times more', async (t) => {
  const failures = [
    new NoAnswer('reset'),
    { status: 500 },
    { status: 503, body: 'page' },
    { body: '<html>' },
    { body: '{"users":{}}' },
  ]
  const { ask, asked, pauses } = setUp([...failures])
  await ask(['Uone'])
  t.equal(asked.length, 6)
  t.strictSame(
    pauses.map(([, ms]) => ms),
    [500, 1_000, 2_000, 4_000, 8_000],
  )
  const again = setUp([...failures, new NoAnswer('no whole answer within 5 ms')])
  await t.rejects(again.ask(['Uone']), {
    message: 'Braze cannot be reached: no whole answer within 5 ms; tried 6 times',
  })
})

t.test('what Braze refuses is told at once', async (t) => {
  for (const [status, message] of [
    [400, /^Braze answers 400: bad request$/],
    [401, /check BRAZE_API_KEY/],
    [403, /users\.export\.ids/],
    [404, /check BRAZE_REST_ENDPOINT/],
  ] as const) {
    const { ask, asked } = setUp([{ status, body: '{"message":"bad request"}' }])
    await t.rejects(ask(['Uone']), { message })
    t.equal(asked.length, 1)
  }
  const named = setUp([{ status: 400, body: '{"message":"alias Uone is bad"}' }])
  await t.rejects(named.ask(['Uone']), { message: 'Braze answers 400: alias <user id> is bad' })
})

t.test('what may be somebody else between us and Braze is tried again', async (t) => {
  for (const answer of [{ status: 302 }, { status: 400 }, { status: 400, body: '{"message":"\\n"}' }]) {
    const { ask, asked } = setUp(Array.from({ length: 6 }, () => answer))
    await t.rejects(ask(['Uone']), { message: /without saying why; tried 6 times/ })
    t.equal(asked.length, 6)
  }
})

t.test('whatever Braze or the network says: no ids, no key, one line, short', async (t) => {
  const [user = ''] = longUsers(1)
  const told = `${'x'.repeat(285)}${user}\n${KEY}`
  const { ask, pauses } = setUp(Array.from({ length: 6 }, () => new NoAnswer(told)))
  const refused = setUp([{ status: 400, body: JSON.stringify({ message: told }) }]).ask([user])
  for (const asked of [ask([user]), refused]) {
    const { message } = await asked.then(
      () => new Error('nothing'),
      (error: Error) => error,
    )
    t.match(message, /x<user id> <secr/)
    t.notMatch(message, /f{4}|the-api|\n/)
    t.ok(message.length < 400)
  }
  for (const [reason] of pauses) t.notMatch(reason, /f{4}|the-api|\n/)
})

t.test('an abort ends it, and what is no failure of the wire is told', async (t) => {
  const { ask, abort } = setUp([{ status: 500 }])
  abort()
  await t.rejects(ask(['a']), { message: 'enough' })
  const { ask: broken, asked, pauses } = setUp([new TypeError('a bug')])
  await t.rejects(broken(['a']), { name: 'TypeError', message: 'a bug' })
  t.match([asked.length, pauses.length], [1, 0], 'it is not tried again')
})
