import { Command } from 'commander'
import { migrateLedger } from '../ledger/open.ts'
import { settingsFor, settingsHelp } from './environment.ts'

const SETTINGS = ['DATABASE_URL'] as const

export function migrateCommand(): Command {
  return new Command('migrate')
    .description('brings the database up to date (serve does so on its own)')
    .option('--json', 'print the result as one JSON object')
    .addHelpText('after', settingsHelp(SETTINGS))
    .action(migrate)
}

async function migrate({ json }: { json?: boolean }) {
  const { DATABASE_URL } = settingsFor(SETTINGS)
  const migrated = await migrateLedger(DATABASE_URL)
  const said = migrated.length > 0 ? `Applied ${migrated.join(', ')}.` : 'The database is up to date.'
  process.stdout.write(json ? `${JSON.stringify({ status: 'complete', migrated })}\n` : `${said}\n`)
}
