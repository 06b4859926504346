import { existsSync } from 'node:fs'
import t, { type Test } from 'tap'
import { friend, gone, messaged } from '../../src/contact/contact.ts'
import { stageChannels } from '../harness/channels.ts'
import { friends, key, users } from '../harness/people.ts'
import type { Env } from '../harness/process.ts'
import { lastLine, stage } from '../harness/stage.ts'

/** Three friends, one who wrote and one who is gone, of all of whom Braze knows. */
async function setUp(t: Test) {
  const parts = await stage(t, { applyMs: [0, 0] })
  const people = [...users(3), 'Uwrote']
  await parts.known([...friends(users(3), 5), messaged(key('Uwrote'), 5), gone(key('Ugone'), 5)])
  for (const userId of people) parts.braze.createProfile(userId, { line_id: userId })
  const sleep = () => new Promise(setImmediate)
  const run = (args: readonly string[] = [], more: Env = {}) =>
    parts.command(['segment', ...args], more, { sleep }).ended
  return {
    ...parts,
    id: parts.braze.createSegment(),
    run,
    async runJson(args: readonly string[] = [], more: Env = {}) {
      const ended = await run([...args, '--json'], more)
      return { ...ended, result: lastLine(ended.stdout) }
    },
  }
}

t.test('the filter, and how many people it should hold; Braze is not asked', async (t) => {
  const { run, runJson, braze } = await setUp(t)
  const { code, stdout, stderr } = await run()
  t.equal(code, 0, stderr)
  t.equal(
    stdout,
    `In Braze, Audience > Segments > Create Segment: Users from all apps, and one filter:
  Custom Attributes > line_id > is not blank
4 people can be reached, and Braze should show 4.
Braze was not asked; --segment-id with the API identifier of the segment compares the two.
`,
  )
  t.match(await runJson(), {
    code: 0,
    result: {
      status: 'complete',
      channels: [
        {
          channel: 'default',
          attribute: 'line_id',
          filter: 'line_id is not blank',
          reachable: 4,
          profiles: 4,
          expected: 4,
          underWay: 0,
          rejected: 0,
          segment: null,
          message: /^Braze was not asked/,
        },
      ],
    },
  })
  t.strictSame(braze.stats.byPath, {})
})

t.test('with the API identifier of the segment, what Braze says, and the difference', async (t) => {
  const { run, runJson, braze, id } = await setUp(t)
  const { code, result } = await runJson(['--segment-id', id])
  t.equal(code, 0)
  t.match(result.channels, [{ expected: 4, segment: { size: 4, day: /^\d{4}-\d\d-\d\d$/, difference: 0 } }])
  t.match(
    (await run(['--segment-id', id])).stdout,
    /^Braze says 4, as many\. That is its estimate of \d{4}-/m,
  )
  braze.createProfile('Uleft', { line_id: 'Uleft' })
  t.match(await run(['--segment-id', id]), { code: 0, stdout: /^Braze says 5, 1 profile more\./m })
  braze.estimateSegment(id, 1_001)
  t.match((await runJson(['--segment-id', id])).result.channels, [{ segment: { difference: 997 } }])
  braze.estimateSegment(id, 2)
  t.match((await run(['--segment-id', id])).stdout, /^Braze says 2, 2 profiles fewer\./m)
})

t.test('without the permission it says so, and ends with 0', async (t) => {
  const { run, runJson, braze, id } = await setUp(t)
  braze.forbid('segments.data_series', true)
  t.match(await run(['--segment-id', id]), {
    code: 0,
    stdout:
      /Braze should show 4\.\nBraze was asked, and does not say .*403.*segments\.data_series.*create another one with it\.\n$/,
  })
  t.match((await runJson(['--segment-id', id])).result.channels, [{ segment: null, message: /403/ }])
})

t.test('a segment that Braze does not know, and a Braze that is not there', async (t) => {
  const { run, braze, id } = await setUp(t)
  t.match(await run(['--segment-id', '0-0']), {
    code: 1,
    stdout: /Braze should show 4\.\n/,
    stderr: /^Braze answers 400: invalid 'segment_id'\n$/,
  })
  braze.answerNextOf('/segments/data_series', { kind: 'reset' }, 2)
  t.match(await run(['--segment-id', id]), { code: 1, stderr: /^Braze cannot be reached: / })
  t.match(await run(['--segment-id', 'https://x']), { code: 2, stderr: /^--segment-id must be/ })
})

t.test('what is on its way and what Braze rejected it may show or not', async (t) => {
  const { run, runJson, known, ledger } = await setUp(t)
  await known([friend(key('Ubad'), 5)], { Ubad: 'no' })
  await (await ledger()).record([friend(key('Unew'), 5), gone(key('u0'), 9)])
  const { result } = await runJson()
  t.match(result.channels, [{ reachable: 5, profiles: 5, expected: 3, underWay: 2, rejected: 1 }])
  t.match(
    (await run()).stdout,
    /5 people can be reached, and Braze should show 3, give or take 2 of whom news is on its way and 1 about whom Braze has rejected/,
  )
})

t.test('a customer with two LINE accounts is one in Braze; who waits is in it as a stranger', async (t) => {
  const { run, runJson, ledger, braze, serve, delivered, id } = await setUp(t)
  for (const customer of ['c1', 'c2']) braze.createCustomer(customer)
  const linked = (userId: string, externalId: string) => ({ ...key(userId), externalId, linkedAt: null })
  await (await ledger()).link([linked('u0', 'c1'), linked('u1', 'c1'), linked('u2', 'unknown')])
  const server = await serve()
  await braze.until(() => braze.customerAttribute('c1') !== undefined)
  await delivered()
  await server.stop()
  const { result } = await runJson(['--segment-id', id])
  t.match(result.channels, [{ reachable: 4, profiles: 3 }])
  t.equal(result.channels[0].segment.size, 3, 'as Braze has it')
  t.match((await run()).stdout, /^They are 3 profiles, since a customer with two LINE accounts is one\.$/m)
})

t.test('each channel has a segment of its own', async (t) => {
  const { command, run, known, braze } = await stageChannels(t)
  await known([friend(key('U1', 'shop'), 5), friend(key('U2', 'cafe'), 5), friend(key('U3', 'cafe'), 5)])
  const { stdout } = await command(['segment']).ended
  t.match(
    stdout,
    /^shop: In Braze.*\n {2}Custom Attributes > line_id > is not blank\n1 person can be reached/m,
  )
  t.match(stdout, /\n\ncafe: In Braze.*\n {2}Custom Attributes > cafe_line_id > is not blank\n2 people/)
  t.match(await command(['segment', '--segment-id', 'x']).ended, { code: 2, stderr: /--channel NAME/ })
  const id = braze.createSegment('cafe_line_id')
  braze.createProfile('U2', { cafe_line_id: 'U2' })
  const { result } = await run(['segment', '--channel', 'cafe', '--segment-id', id])
  t.match(result.channels, [{ channel: 'cafe', expected: 2, segment: { size: 1, difference: -1 } }])
})

t.test(
  'where nobody gets a profile that is said, and a database that is not there is not made',
  async (t) => {
    const { run, folder } = await setUp(t)
    t.match(
      (await run([], { BRAZE_CREATE_PROFILES: 'false' })).stdout,
      /is false: whoever Braze does not know/,
    )
    const DATABASE_URL = `file:${folder}/none.db`
    t.match(await run([], { DATABASE_URL }), { code: 1 })
    t.notOk(existsSync(`${folder}/none.db`))
  },
)
