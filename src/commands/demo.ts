import { Command, InvalidArgumentError } from 'commander'
import type { DemoOptions } from '../demo/demo.ts'

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
      readDatabaseUrl,
    )
    .option('--keep', 'goes on afterwards, for a look around, until Ctrl-C')
    .option('--json', 'print the result as one JSON object')
    .action(async ({ databaseUrl, ...options }: Options) => {
      // Loaded where it is needed: the other commands start faster without it.
      const { demo } = await import('../demo/demo.ts')
      if (databaseUrl === undefined) return demo(options)
      const { makeTemporarySchema } = await import('../ledger/open.ts')
      await demo({ ...options, makePlace: () => makeTemporarySchema(databaseUrl) })
    })
}

function readDatabaseUrl(url: string): string {
  if (!/^postgres(ql)?:\/\/./.test(url) || !URL.canParse(url))
    throw new InvalidArgumentError('It must be a URL such as postgres://USER:PASSWORD@HOST/DATABASE.')
  return url
}

function readPeople(text: string): number {
  const people = /^\d{1,9}$/.test(text) ? Number(text) : 0
  if (people < 1 || people > MOST_PEOPLE)
    throw new InvalidArgumentError(`It must be a whole number from 1 to ${MOST_PEOPLE}.`)
  return people
}
