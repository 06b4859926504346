import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { seededRandom } from '../../src/sandbox/random.ts'
import { longUsers } from '../harness/people.ts'
import { lastLine, stage } from '../harness/stage.ts'

const KILLS = 6
const LINES = 60_000

t.test(
  'kill -9 amid imports: the file once more ends with the ledger of an import that was left alone',
  {
    timeout: 240_000,
  },
  async (t) => {
    const random = seededRandom(7)
    const { folder, start, ledger, env } = await stage(t)
    const people = longUsers(LINES / 2)
    const lines = Array.from({ length: LINES }, () => {
      const userId = people[Math.floor(random() * people.length)]
      const externalId = random() < 0.1 ? '' : `c${Math.floor(random() * LINES)}`
      return `${userId},${externalId},${random() < 0.5 ? '' : 1_700_000_000_000 + Math.floor(random() * 1_000_000)}\n`
    })
    const file = join(folder, 'links.csv')
    writeFileSync(file, `line_user_id,external_id,linked_at\n${lines.join('')}`)
    const all = await ledger()
    const linked = async () => (await all.counts())[0]?.linked ?? 0

    let killed = 0
    for (let round = 1; round <= KILLS; round++) {
      const command = start(['links', 'import', file])
      let isOver = false
      command.ended.then(() => {
        isOver = true
      })
      const enough = Math.floor((people.length * 0.8 * (round - random())) / KILLS)
      while (!isOver && (await linked()) < enough);
      const { signal } = await command.kill('SIGKILL')
      if (signal === 'SIGKILL') killed += 1
    }
    t.ok(killed >= KILLS / 2, `${killed} were killed`)
    const last = await start(['links', 'import', '--json', file]).ended
    t.match(lastLine(last.stdout), { status: 'complete', lines: LINES, invalid: 0 }, last.stderr)

    const exported = (more = {}) => start(['links', 'export'], more).ended
    const other = { DATABASE_URL: `${env.DATABASE_URL}-other` }
    t.match(await start(['links', 'import', file], other).ended, { code: 0 })
    const sorted = (text: string) => text.split('\n').sort().join('\n')
    const [here, there] = await Promise.all([exported(), exported(other)])
    t.ok(here.stdout.length > 100_000)
    t.equal(sorted(here.stdout), sorted(there.stdout))
    t.match(lastLine((await start(['links', 'import', '--json', file]).ended).stdout), {
      linked: 0,
      unlinked: 0,
    })
  },
)
