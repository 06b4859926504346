/**
 * `npm run bench`: measures what the design promises, each promise as a ratio of two things that ran by turns, since
 * machines differ and have moods. It judges nothing: it exits 0 also where a goal is missed.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { availableParallelism, loadavg, tmpdir } from 'node:os'
import { parseArgs } from 'node:util'
import { measureAttacks } from './measures/attacks.ts'
import { measureBackfill } from './measures/import.ts'
import { measureIntake } from './measures/intake.ts'
import { measureMemory } from './measures/memory.ts'
import { measurePipe } from './measures/pipe.ts'
import { measurePostgres } from './measures/postgres.ts'
import { killChildren } from './processes/child.ts'
import { type Figure, isMet, table } from './report.ts'

const MEASURES = {
  intake: measureIntake,
  postgres: measurePostgres,
  pipe: measurePipe,
  memory: measureMemory,
  backfill: measureBackfill,
  attacks: measureAttacks,
}
const USAGE = `Usage: npm run bench -- [--json] [${Object.keys(MEASURES).join('] [')}]\n`

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
    figures.push(...(await MEASURES[name](`${folder}/${name}`)))
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
      options: { json: { type: 'boolean', default: false } },
      allowPositionals: true,
    })
    const unknown = positionals.find((name) => !(name in MEASURES))
    if (unknown) throw new Error(`There is no measure "${unknown}".`)
    const all = Object.keys(MEASURES) as (keyof typeof MEASURES)[]
    return { ...values, measures: positionals.length > 0 ? (positionals as typeof all) : all }
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
