import { Command } from 'commander'
import { migrateLedger } from '../ledger/open.ts'
import { settingsFor, settingsHelp } from '../process/environment.ts'
import type { Host } from '../process/host.ts'

const SETTINGS = ['DATABASE_URL'] as const

export function migrateCommand(host: Host): Command {
  return new Command('migrate')
    .description('brings the database up to date (so does every command that writes to it, on its own)')
    .option('--json', 'print the result as one JSON object')
    .addHelpText('after', settingsHelp(SETTINGS))
    .action((options) => migrate(options, host))
}

async function migrate({ json }: { json?: boolean }, host: Host) {
  const print = (result: object, text: string) =>
    host.stdout.write(json ? `${JSON.stringify(result)}\n` : text)
  try {
    const migrated = await migrateLedger(settingsFor(host, SETTINGS).DATABASE_URL)
    const text = migrated.length > 0 ? `Applied ${migrated.join(', ')}.\n` : 'The database is up to date.\n'
    print({ status: 'complete', migrated }, text)
  } catch (error) {
    print({ status: 'failed' }, '')
    throw error
  }
}
