import { Command } from 'commander'
import { settingsHelp } from '../process/environment.ts'
import type { Host } from '../process/host.ts'

export function serveCommand(host: Host): Command {
  return new Command('serve')
    .description('receives webhooks from LINE and keeps Braze in step, until SIGTERM')
    .addHelpText('after', settingsHelp())
    .action(async () => {
      // Loaded where it is needed: the other commands start faster without it.
      const { serve } = await import('../process/serve.ts')
      await serve(host)
    })
}
