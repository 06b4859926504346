/**
 * `npm run bench`: measures what the design promises, each promise as a ratio of two things that ran by turns, since
 * machines differ and have moods. It judges nothing: it exits 0 also where a goal is missed.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { availableParallelism, loadavg, tmpdir } from 'node:os'
import { parseArgs } from 'node:util'
import { measureAttacks } from './measures/attacks.ts'
import { measureGrowth } from './measures/growth.ts'
import { measureBackfill } from './measures/import.ts'
import { measureIntake } from './measures/intake.ts'
import { measureMemory } from './measures/memory.ts'
import { measurePipe } from './measures/pipe.ts'
import { measurePostgres } from './measures/postgres.ts'
import { measureTracing } from './measures/tracing.ts'
import { PLACES } from './places.ts'
import { killChildren } from './processes/child.ts'
import { type Figure, isMet, table } from './report.ts'

const MEASURES = {
  intake: measureIntake,
  postgres: measurePostgres,
  pipe: measurePipe,
  memory: measureMemory,
  backfill: measureBackfill,
  attacks: measureAttacks,
  growth: measureGrowth,
  tracing: measureTracing,
}
type Measure = keyof typeof MEASURES
const USAGE = `Usage: npm run bench -- [OPTION]... [MEASURE]...

Measures: ${Object.keys(MEASURES).join(', ')} (default: all)

  --json             also prints the figures as one line of JSON
  --contacts NUMBER  growth: how many contacts there are in the end (default 1000000; 10000000 takes half an hour)
  --database NAME    growth: SQLite or PostgreSQL (default: both)
`

/** From this load average on (processes that want a core), the table says so. */
const BUSY = 0.5

async function main() {
  const chosen = readArguments()
  if (!chosen) return
  const folder = mkdtempSync(`${tmpdir()}/line-braze-bench-`)
  process.once('exit', () => {
    killChildren()
    // A killed process may write for a moment more.
    rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })
  })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

  const [busy = 0] = loadavg()
  const figures: Figure[] = []
  for (const name of chosen.measures) {
    process.stderr.write(`${name} …\n`)
    await mkdir(`${folder}/${name}`)
    figures.push(...(await MEASURES[name](`${folder}/${name}`, chosen)))
  }
  process.stdout.write(`\n${table(figures)}\n`)
  process.stdout.write(
    `Medians, and the spread of the rounds, on this machine (${availableParallelism()} cores, Node ${process.versions.node}) in this run; only the ratios mean something elsewhere.\n`,
  )
  if (busy > BUSY) {
    process.stdout.write(
      `Others were busy too (load average ${busy.toFixed(1)} before the start): serve, with two threads, suffers more from that than what it is compared with.\n`,
    )
  }
  if (chosen.json)
    process.stdout.write(`${JSON.stringify({ loadBefore: busy, figures: figures.map(asJson) })}\n`)
}

function readArguments() {
  try {
    const { values, positionals } = parseArgs({
      options: {
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
        contacts: { type: 'string', default: '1000000' },
        database: { type: 'string', multiple: true, default: Object.keys(PLACES) },
      },
      allowPositionals: true,
    })
    if (values.help) {
      process.stdout.write(USAGE)
      return undefined
    }
    const contacts = Number(values.contacts)
    if (!(contacts >= 10_000 && contacts % 1_000 === 0))
      throw new Error('--contacts is a number of thousands, 10000 at least.')
    const other = values.database.find((name) => !(name in PLACES))
    if (other) throw new Error(`There is no database "${other}".`)
    const unknown = positionals.find((name) => !(name in MEASURES))
    if (unknown) throw new Error(`There is no measure "${unknown}".`)
    const measures = (positionals.length > 0 ? positionals : Object.keys(MEASURES)) as Measure[]
    return { json: values.json, measures, contacts, databases: values.database as (keyof typeof PLACES)[] }
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n${USAGE}`)
    process.exitCode = 2
    return undefined
  }
}

const asJson = (figure: Figure) => ({ ...figure, name: figure.name.trim(), ok: isMet(figure) })

try {
  await main()
} catch (error) {
  process.stderr.write(`The benchmark failed: ${(error as Error).message}\n`)
  process.exitCode = 1
}
// Children and timers of a measure that failed would keep the process alive.
process.exit()
