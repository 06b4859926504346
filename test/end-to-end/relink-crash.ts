import t from 'tap'
import { holderOf } from '../../src/contact/link.ts'
import { seededRandom } from '../../src/sandbox/random.ts'
import { BRIEF_MS, stage } from '../harness/stage.ts'

const TOKEN = 'a-token-of-the-brand'
const PEOPLE = 40
const CUSTOMERS = Array.from({ length: 25 }, (_, i) => `customer ${i}`)
const ROUNDS = 5

/** Servers on one database that are killed while people are linked anew. */
export const relinkCrash = (name: string, createDatabase?: () => Promise<string>) =>
  t.test(
    `kill -9 amid relinking, on ${name}: every value ends on exactly one profile`,
    { timeout: 600_000 },
    async (t) => {
      const databaseUrl = await createDatabase?.()
      const {
        braze,
        env,
        serve,
        delivered,
        ledger,
        until,
        line: connect,
      } = await stage(t, {
        settleMs: 300,
        applyMs: [0, 100],
        ...(databaseUrl !== undefined && { databaseUrl }),
      })
      env.BRAZE_TIMEOUT_MS = BRIEF_MS
      const random = seededRandom(11)
      const pick = <T>(of: readonly T[]) => of[Math.floor(random() * of.length)] as T
      for (const customer of CUSTOMERS) braze.createCustomer(customer)
      const links = new Map<string, { externalId: string | null; linkedAt: number }>()
      let server = await serve({ API_TOKENS: TOKEN })
      const people = Array.from({ length: PEOPLE }, () => connect(server.url).events.user())

      /** Links somebody, or nobody any more; whether that was acknowledged. */
      async function link(userId: string, externalId: string | null): Promise<boolean> {
        const answer = await fetch(`${server.url}/api/channels/default/contacts/${userId}/link`, {
          method: externalId === null ? 'DELETE' : 'PUT',
          headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
          ...(externalId !== null && { body: JSON.stringify({ externalId }) }),
        }).catch(() => null)
        const body = answer?.status === 200 ? await answer.json().catch(() => null) : null
        const said = body as { linkedAt: string } | null
        if (said) links.set(userId, { externalId, linkedAt: Date.parse(said.linkedAt) })
        return said !== null
      }

      for (let round = 0; round < ROUNDS; round++) {
        const line = connect(server.url)
        if (round === 0)
          for (const userId of people) await line.post([line.events.follow(userId, Date.now())])
        let acknowledged = 0
        const failed: string[] = []
        // Everybody at once, each several times over: what was sent for the one before is on its way when the next one comes.
        await Promise.all(
          people.map(async (userId) => {
            for (let time = 0; time < 4; time++) {
              if (!(await link(userId, random() < 0.15 ? null : pick(CUSTOMERS)))) failed.push(userId)
              else if (++acknowledged === PEOPLE * 2) void server.stop('SIGKILL')
              await braze.until(() => true)
            }
          }),
        )
        t.match(await server.exited, { signal: 'SIGKILL' })
        t.ok(failed.length > 0, 'some were not acknowledged')
        const { requests } = braze.stats
        server = await serve({ API_TOKENS: TOKEN })
        // They may be stored or not, until they are said again.
        for (const userId of new Set(failed)) t.ok(await link(userId, pick(CUSTOMERS)))
        // Some of it gets to Braze before the next round; it may be there by now.
        await braze.until(() => braze.stats.requests > requests + 1)
      }
      const all = await ledger()
      await until(async () => (await all.nextCheckMs()) === null)
      await delivered()
      await braze.whenApplied()

      const contacts = people.map((userId) => {
        const link = links.get(userId) ?? { externalId: null, linkedAt: 0 }
        return { userId, reachable: true, ...link }
      })
      for (const customer of CUSTOMERS) {
        const holder = holderOf(contacts.filter(({ externalId }) => externalId === customer))
        t.equal(braze.customerAttribute(customer) ?? null, holder?.userId ?? null)
      }
      for (const { userId, externalId } of contacts)
        t.equal(braze.attribute(userId) ?? null, externalId === null ? userId : null)
      const isMoved = contacts.filter(({ userId }) => braze.holders(userId).length > 1)
      t.equal(isMoved.length, 0, 'nobody is there twice')
      t.strictSame(await server.stop(), { code: 0, signal: null })
    },
  )
