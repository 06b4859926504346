import { Command, InvalidArgumentError } from 'commander'
import type { SandboxOptions } from '../demo/sandbox.ts'

const MOST = 65_535

export function sandboxCommand(): Command {
  return new Command('sandbox')
    .description(
      'a sandbox LINE and a sandbox Braze to play with, until Ctrl-C; prints a .env for a server between them, and curl commands with signed webhooks and links for it',
    )
    .option('--line-port <port>', "where LINE's API listens; 0 takes a free one", readPort, 4_010)
    .option('--braze-port <port>', 'where Braze listens; 0 takes a free one', readPort, 4_020)
    .option('--server-port <port>', 'where the server is going to listen', readPort, 3_000)
    .addHelpText(
      'after',
      `
The settings are the same each time, those of ports that were asked for apart. Put them into .env in a checkout that has
none yet, run npm start there, and paste the curl commands into a shell. What reaches LINE and Braze is shown line by
line. npx line-braze backfill, resync and verify work there, too. Who follows by curl is not on LINE's list: a backfill
more than five minutes later takes them for gone. Open the address of LINE's account link as that person would, in a
browser or with curl: the webhook that follows is posted to the server. LINE's console is one address here, which
registers an assertion signing key for tokens v2.1. A new sandbox has forgotten all profiles, keys and tokens: run
npx line-braze resync, or remove data/sandbox.db.`,
    )
    .action(async (options: SandboxOptions) => {
      // Loaded where it is needed: the other commands start faster without it.
      const { sandbox } = await import('../demo/sandbox.ts')
      await sandbox(options)
    })
}

function readPort(text: string): number {
  const port = /^\d{1,9}$/.test(text) ? Number(text) : -1
  if (port < 0 || port > MOST) throw new InvalidArgumentError(`It must be a port from 0 to ${MOST}.`)
  return port
}
