import { Command } from 'commander'
import about from '../package.json' with { type: 'json' }
import { backfillCommand } from './commands/backfill.ts'
import { demoCommand } from './commands/demo.ts'
import { migrateCommand } from './commands/migrate.ts'
import { resyncCommand } from './commands/resync.ts'
import { sandboxCommand } from './commands/sandbox.ts'
import { serveCommand } from './commands/serve.ts'
import { verifyCommand } from './commands/verify.ts'
import { run } from './process/run.ts'

/** The command table. */
export function createCli(): Command {
  return new Command('line-braze')
    .description('Keeps line_id in Braze in step with who can be reached on LINE.')
    .version(about.version)
    .addCommand(serveCommand())
    .addCommand(demoCommand())
    .addCommand(sandboxCommand())
    .addCommand(backfillCommand())
    .addCommand(resyncCommand())
    .addCommand(verifyCommand())
    .addCommand(migrateCommand())
}

export const main = (argv: readonly string[]) => run(createCli(), argv)
