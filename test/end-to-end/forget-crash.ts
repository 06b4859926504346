import { existsSync, readFileSync } from 'node:fs'
import t from 'tap'
import { sqlitePath } from '../../src/ledger/open.ts'
import { seededRandom } from '../../src/sandbox/random.ts'
import { strangers } from '../harness/people.ts'
import type { Serve } from '../harness/process.ts'
import { BRIEF_MS, stage } from '../harness/stage.ts'

const TOKEN = 'a-token-of-the-brand'
const ROUNDS = 4
const PER_ROUND = 6

/** Servers on one database that are killed while people are being forgotten. */
export const forgetCrash = (name: string, createDatabase?: () => Promise<string>) =>
  t.test(
    `kill -9 amid forgetting, on ${name}: in the end nothing knows them`,
    { timeout: 600_000 },
    async (t) => {
      const databaseUrl = await createDatabase?.()
      const {
        braze,
        env,
        serve,
        start,
        ledger,
        until,
        line: connect,
      } = await stage(t, {
        settleMs: 20,
        applyMs: [0, 5],
        identityMs: [0, 5],
        ...(databaseUrl !== undefined && { databaseUrl }),
      })
      env.BRAZE_TIMEOUT_MS = BRIEF_MS
      const random = seededRandom(5)
      const settings = { API_TOKENS: TOKEN, BRAZE_SETTLE_MS: '20' }
      /** As in earnest: at debug people are named. */
      const logOf = ({ lines }: Serve) => JSON.stringify(lines.filter(({ level }) => level !== 'debug'))
      const people = strangers(400).map((hex) => `U${hex}`)
      const logs: string[] = []
      const all = await ledger()
      let server = await serve(settings)
      const line = connect(server.url)
      for (let from = 0; from < people.length; from += 50)
        await line.post(people.slice(from, from + 50).map((userId) => line.events.follow(userId, Date.now())))
      const customers = people.slice(0, 200)
      for (const [i, userId] of customers.entries()) {
        if (i % 3 > 0) continue
        braze.createCustomer(`customer-${i}`, { name: 'somebody' })
        await call('PUT', `${userId}/link`, { externalId: `customer-${i}` })
      }
      await until(async () => (await all.counts()).every(({ pending, waiting }) => pending + waiting === 0))
      await until(async () => (await all.nextCheckMs()) === null)

      async function call(method: string, path: string, body?: object) {
        const answer = await fetch(`${server.url}/api/channels/default/contacts/${path}`, {
          method,
          headers: { authorization: `Bearer ${TOKEN}`, ...(body && { 'content-type': 'application/json' }) },
          ...(body && { body: JSON.stringify(body) }),
        }).catch(() => null)
        return answer?.status ?? 0
      }

      const chosen: string[] = []
      for (let round = 0; round < ROUNDS; round++) {
        const some = people.slice(round * 17, round * 17 + PER_ROUND)
        for (const userId of some)
          t.equal(await call('DELETE', `${userId}${random() < 0.5 ? '?deleteProfile=true' : ''}`), 202)
        chosen.push(...some)
        // At another moment each time: while Braze is told, while the profile is deleted, while rows are erased.
        const { requests } = braze.stats
        const more = Math.floor(random() * 6)
        const erased = Math.floor(random() * PER_ROUND)
        await until(async () => {
          const done = (await stateOf(some)).filter((state) => state === 'done').length
          const isSent = round % 2 > 0 && braze.stats.requests >= requests + more
          return isSent || done >= (round % 2 > 0 ? PER_ROUND : erased)
        })
        await server.stop('SIGKILL')
        logs.push(logOf(server))
        server = await serve(settings)
        // What LINE sends again, and what comes late.
        const again = connect(server.url)
        await again.post(some.map((userId) => again.events.message(userId, Date.now() - 60_000)))
      }
      async function stateOf(userIds: readonly string[]) {
        const known = await Promise.all(userIds.map((userId) => all.forgettings('default', { userId })))
        return known.map(([forgetting]) => forgetting?.state)
      }
      // The last ones by the command, which is killed, too.
      const [last = '', ...others] = people.slice(-3)
      const killed = start(['forget', last, '--yes', '--delete-profile'], settings)
      await killed.said(/Braze is told|Braze was asked/)
      await killed.kill('SIGKILL')
      const commands = [await start(['forget', last, '--yes'], settings).ended]
      for (const userId of others) commands.push(await start(['forget', userId, '--yes'], settings).ended)
      for (const { code, stderr } of commands) t.equal(code, 0, stderr)
      chosen.push(last, ...others)

      await until(async () => (await stateOf(chosen)).every((state) => state === 'done'))
      await braze.whenApplied()
      for (const userId of chosen) t.strictSame(braze.holders(userId), [])
      t.match(await all.counts(), [{ friend: people.length - chosen.length, gone: 0, pending: 0 }])
      t.strictSame(await server.stop(), { code: 0, signal: null })
      logs.push(logOf(server), ...commands.map((ended) => ended.stdout + ended.stderr))
      const file = databaseUrl === undefined ? sqlitePath(env.DATABASE_URL as string) : undefined
      const files = file
        ? [file, `${file}-wal`].filter(existsSync).map((path) => readFileSync(path, 'latin1'))
        : []
      const rows = (await Array.fromAsync(all.dump())).map((part) => JSON.stringify(part))
      const everything = [...logs, ...files, ...rows].join('\n')
      t.ok(everything.includes(people[100] as string), 'others are there')
      for (const userId of chosen)
        t.notOk(everything.includes(userId.slice(0, 16)) || everything.includes(userId.slice(-16)))
    },
  )
