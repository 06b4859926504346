import { type Command, CommanderError } from 'commander'
import { SettingsError } from '../config/load.ts'
import { errorsIn } from './closing.ts'
import type { Host } from './host.ts'

/** The command line asks for something that cannot be; the message says what would be right. */
export class UsageError extends Error {
  override name = 'UsageError'
}

/** Exit codes that scripts rely on; 130 stands for interrupted. */
export const EXIT = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const

/** Runs the command that `argv` names. What goes wrong becomes a sentence on stderr and an exit code here. */
export async function run(cli: Command, argv: readonly string[], host: Host) {
  for (const command of withSubcommands(cli)) {
    command
      .exitOverride()
      .configureOutput({
        writeOut: (text) => host.stdout.write(text),
        writeErr: (text) => host.stderr.write(text),
      })
      .showHelpAfterError('(add --help for the commands, options and settings)')
  }
  // A reader such as `head` may go before we end.
  for (const output of [host.stdout, host.stderr]) output.on('error', ignore)
  try {
    await cli.parseAsync(argv)
  } catch (error) {
    host.exitCode = exitCodeOf(error as Error, host)
  }
}

const withSubcommands = (command: Command): Command[] => [
  command,
  ...command.commands.flatMap(withSubcommands),
]

const ignore = () => {}

function exitCodeOf(error: Error, { stderr }: Host): number {
  // Commander has already said what it had to say.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage
  const errors = errorsIn(error)
  for (const { message } of errors) stderr.write(`${message}\n`)
  const [first] = errors
  return first instanceof SettingsError || first instanceof UsageError ? EXIT.usage : EXIT.failed
}
