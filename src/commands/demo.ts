import { Command, InvalidArgumentError } from 'commander'
import type { DemoOptions } from '../demo/demo.ts'

const PEOPLE = 3_000
const MOST_PEOPLE = 100_000

export function demoCommand(): Command {
  return new Command('demo')
    .description('shows it all at work between a sandbox LINE and a sandbox Braze; needs no setting')
    .option('--people <number>', 'how many people there are on the sandbox LINE', readPeople, PEOPLE)
    .option('--keep', 'goes on afterwards, for a look around, until Ctrl-C')
    .option('--json', 'print the result as one JSON object')
    .action(async (options: DemoOptions) => {
      // Loaded where it is needed: the other commands start faster without it.
      const { demo } = await import('../demo/demo.ts')
      await demo(options)
    })
}

function readPeople(text: string): number {
  const people = /^\d{1,9}$/.test(text) ? Number(text) : 0
  if (people < 1 || people > MOST_PEOPLE)
    throw new InvalidArgumentError(`It must be a whole number from 1 to ${MOST_PEOPLE}.`)
  return people
}
