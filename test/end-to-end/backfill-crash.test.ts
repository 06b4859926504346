import t from 'tap'
import { openLedger } from '../../src/ledger/open.ts'
import { seededRandom } from '../../src/sandbox/random.ts'
import { longUsers, nameOf } from '../harness/people.ts'
import { stage } from '../harness/stage.ts'

const KILLS = 24
const FOLLOWERS = 1_200
const PAGE = 20

t.test(
  'kill -9 at random moments of a backfill: nobody is lost, nobody who stays is cleared, and the end agrees',
  { timeout: 600_000 },
  async (t) => {
    const random = seededRandom(11)
    const { braze, lineApi, start } = await stage(t, { settleMs: 300, applyMs: [0, 50] })
    const people = longUsers(FOLLOWERS)
    const { line, env } = await lineApi({ followers: people, pageSize: PAGE, latencyMs: 3 })
    const staying = people.slice(FOLLOWERS / 2)
    let kills = 0
    let wentOn = 0
    let completed = 0

    for (let round = 0; kills < KILLS; round++) {
      // Things happen on LINE of which no webhook arrives.
      line.unfollow(people[round * 3] as string)
      line.follow(`Unew${round}`)
      const command = start(['backfill', '--json'], env)
      const pages = 1 + Math.floor(random() * 12)
      const until = line.stats.pages + pages
      const stop = line.on('page', () => {
        if (line.stats.pages < until) return
        stop()
        setTimeout(() => void command.kill('SIGKILL'), random() * 15)
      })
      const { signal, stderr } = await command.ended
      stop()
      if (signal === 'SIGKILL') kills++
      else completed++
      if (/Going on with the last run/.test(stderr)) wentOn++
    }
    t.ok(wentOn > KILLS / 2, `${wentOn} runs went on where one was killed`)
    t.comment(`${kills} killed, ${completed} complete, ${wentOn} went on`)

    // Nothing happens on LINE any more: one more run that is killed and gone on with has to find it all.
    const killed = start(['backfill', '--json', '--restart'], env)
    const half = line.stats.pages + FOLLOWERS / PAGE / 2
    await line.until(() => line.stats.pages >= half)
    t.match(await killed.kill('SIGKILL'), { signal: 'SIGKILL' })
    const last = await start(['backfill', '--json'], env).ended
    t.equal(last.code, 0, last.stderr)
    t.match(last.stderr, /Going on with the last run/)
    await braze.whenApplied()
    const listed = new Set(line.followers())
    const ledger = await openLedger({ url: env.DATABASE_URL as string })
    const contacts = (await Array.fromAsync(ledger.profiles('default'))).flat()
    t.strictSame(contacts.flatMap(({ value }) => value ?? []).sort(), [...listed].sort())
    t.match(await ledger.counts(), [{ pending: 0, failed: 0 }])
    await ledger.close()

    const userIds = contacts.map(({ address }) => nameOf(address))
    const wrong = userIds.filter((userId) => (braze.attribute(userId) === userId) !== listed.has(userId))
    t.equal(wrong.length, 0, 'Braze agrees with LINE')
    const cleared = staying.filter((userId) => braze.writesOf(userId).some(({ value }) => value === null))
    t.equal(cleared.length, 0, 'who stayed was never cleared')
  },
)
