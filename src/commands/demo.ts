import { Command, InvalidArgumentError } from 'commander'
import { databaseFault } from '../config/database-url.ts'
import type { DemoOptions } from '../demo/demo.ts'
import { UsageError } from '../process/run.ts'

const PEOPLE = 3_000
const MOST_PEOPLE = 100_000

interface Options extends Omit<DemoOptions, 'makePlace'> {
  readonly databaseUrl?: string
}

export function demoCommand(): Command {
  return new Command('demo')
    .description('shows it all at work between a sandbox LINE and a sandbox Braze; needs no setting')
    .option('--people <number>', 'how many people there are on the sandbox LINE', readPeople, PEOPLE)
    .option(
      '--database-url <url>',
      'a PostgreSQL, postgres://…, instead of an SQLite file; it gets a schema of its own there, and removes it',
    )
    .option('--keep', 'goes on afterwards, for a look around, until Ctrl-C')
    .option('--json', 'print the result as one JSON object')
    .action(async ({ databaseUrl, ...options }: Options) => {
      if (databaseUrl !== undefined) refuseOther(databaseUrl)
      // Loaded where it is needed: the other commands start faster without it.
      const { demo } = await import('../demo/demo.ts')
      if (databaseUrl === undefined) return demo(options)
      const { makeTemporarySchema } = await import('../ledger/open.ts')
      await demo({ ...options, makePlace: () => makeTemporarySchema(databaseUrl) })
    })
}

/** Not by Commander, which would print what it refuses, and with it a password. */
function refuseOther(url: string) {
  const fault = /^postgres(ql)?:\/\/./.test(url) && URL.canParse(url) ? databaseFault(url) : MUST_BE
  if (fault) throw new UsageError(`The URL of --database-url ${fault}.`)
}
const MUST_BE = 'must be one such as postgres://USER:PASSWORD@HOST/DATABASE'

function readPeople(text: string): number {
  const people = /^\d{1,9}$/.test(text) ? Number(text) : 0
  if (people < 1 || people > MOST_PEOPLE)
    throw new InvalidArgumentError(`It must be a whole number from 1 to ${MOST_PEOPLE}.`)
  return people
}
