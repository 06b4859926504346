import { Command } from 'commander'
import type { Ledger, ProfileId } from '../ledger/ledger.ts'
import { confirm } from '../process/confirm.ts'
import { BRAZE_SETTINGS } from '../process/delivery.ts'
import { CHANNEL, settingsFor, settingsHelp } from '../process/environment.ts'
import type { Host } from '../process/host.ts'
import { startResending } from '../process/run-delivery.ts'
import { openTaskLedger, runTask, TASK_SETTINGS, type Task } from '../process/task.ts'
import { createBars } from '../terminal/bars.ts'
import { many } from '../terminal/numbers.ts'
import { barsOf, type Progress, reportOf } from '../terminal/resync-result.ts'

interface ResyncOptions {
  readonly all?: boolean
  readonly yes?: boolean
  readonly json?: boolean
}

const SETTINGS = [...BRAZE_SETTINGS, ...TASK_SETTINGS] as const

export function resyncCommand(host: Host): Command {
  return new Command('resync')
    .description('tells Braze again of everybody who can be reached, for a workspace that lost the attribute')
    .option('--all', 'also clears the attribute again of everybody who cannot be reached')
    .option('--yes', 'does not ask whether that many objects may be written')
    .option('--json', 'print the result as one JSON object')
    .addHelpText('after', settingsHelp(SETTINGS))
    .action((options) => resync(options, host))
}

async function resync(options: ResyncOptions, host: Host) {
  const progress: Progress = { wanted: 0, resent: 0, outstanding: null }
  const work = (task: Task) => perform(options, task, progress)
  await runTask(host, options, work, (end) => reportOf(end, progress))
}

async function perform({ all = false, yes }: ResyncOptions, task: Task, progress: Progress) {
  const settings = settingsFor(task.host, SETTINGS)
  const { display, signal } = task
  const { ledger, log } = await openTaskLedger(task, settings, { mustExist: true })
  for await (const ids of toResend(ledger, all)) {
    progress.wanted += ids.length
    signal.throwIfAborted()
  }
  if (!yes) await confirm(`This writes up to ${many(progress.wanted, 'object')} to Braze.`, task)
  // Not before: somebody may be thinking for long.
  const { resend, finish } = await startResending('resync', { task, settings, ledger, log, progress })
  display.show(createBars(() => barsOf(progress)))
  for await (const ids of toResend(ledger, all)) {
    await resend(ids)
    signal.throwIfAborted()
  }
  await finish()
}

/**
 * The profiles of which Braze is to be told again; what Braze rejected is tried again, too. The alias of somebody who is
 * linked may have become part of the customer's profile without our doing: to clear it again could clear that.
 */
async function* toResend(ledger: Ledger, all: boolean): AsyncGenerator<ProfileId[]> {
  for await (const page of ledger.profiles(CHANNEL))
    yield page
      .filter(({ value, linkedTo, failed }) => value !== null || failed || (all && linkedTo === null))
      .map(({ id }) => id)
}
