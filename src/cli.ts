import { Command } from 'commander'
import { backfillCommand } from './commands/backfill.ts'
import { copyCommand } from './commands/copy.ts'
import { demoCommand } from './commands/demo.ts'
import { doctorCommand } from './commands/doctor.ts'
import { failedCommand } from './commands/failed.ts'
import { forgetCommand } from './commands/forget.ts'
import { inspectCommand } from './commands/inspect.ts'
import { linksCommand } from './commands/links.ts'
import { migrateCommand } from './commands/migrate.ts'
import { resyncCommand } from './commands/resync.ts'
import { sandboxCommand } from './commands/sandbox.ts'
import { segmentCommand } from './commands/segment.ts'
import { serveCommand } from './commands/serve.ts'
import { statusCommand } from './commands/status.ts'
import { templateCommand } from './commands/template.ts'
import { tokenCommand } from './commands/token.ts'
import { verifyCommand } from './commands/verify.ts'
import type { Host } from './process/host.ts'
import { run } from './process/run.ts'
import { VERSION } from './process/version.ts'

/** The command table. */
export function createCli(host: Host = process): Command {
  return (
    new Command('line-braze')
      .description('Keeps line_id in Braze in step with who can be reached on LINE.')
      .version(VERSION)
      // A command may have options of its own and commands below it: what comes after one of those is that one's.
      .enablePositionalOptions()
      .addCommand(serveCommand(host))
      .addCommand(demoCommand())
      .addCommand(sandboxCommand())
      .addCommand(doctorCommand(host))
      .addCommand(statusCommand(host))
      .addCommand(inspectCommand(host))
      .addCommand(failedCommand(host))
      .addCommand(backfillCommand(host))
      .addCommand(resyncCommand(host))
      .addCommand(verifyCommand(host))
      .addCommand(linksCommand(host))
      .addCommand(tokenCommand(host))
      .addCommand(templateCommand(host))
      .addCommand(segmentCommand(host))
      .addCommand(forgetCommand(host))
      .addCommand(copyCommand(host))
      .addCommand(migrateCommand(host))
  )
}

export const main = (argv: readonly string[], host: Host = process) => run(createCli(host), argv, host)
