import { Command } from 'commander'
import { channelSettings } from '../config/channels.ts'
import type { ContactKey } from '../contact/contact.ts'
import type { Address } from '../contact/profile.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { CHANNEL_OPTION, type ChannelChoice, configFor } from '../process/channels.ts'
import { confirm } from '../process/confirm.ts'
import { BRAZE_SETTINGS, createDelivery } from '../process/delivery.ts'
import { forgetMsOf, settingsHelp } from '../process/environment.ts'
import { untilForgotten } from '../process/forgetting.ts'
import type { Host } from '../process/host.ts'
import { UsageError } from '../process/run.ts'
import { openTaskLedger, runTask, TASK_SETTINGS, type Task } from '../process/task.ts'
import { costOf, type ForgetProgress, reportOf, UNKNOWN } from '../terminal/forget-result.ts'

interface ForgetOptions extends ChannelChoice {
  readonly externalId?: string
  readonly deleteProfile?: boolean
  readonly yes?: boolean
  readonly json?: boolean
}

const SETTINGS = [...BRAZE_SETTINGS, 'FORGET_DAYS', ...TASK_SETTINGS] as const

const HELP = `
Braze is told first that it holds nothing of them any more, which is waited for; then contact, link and
nonces are erased here. A keyed hash is kept for FORGET_DAYS, by which late events and lists about them are
ignored, unless they follow anew. It may be interrupted: a server goes on with it, or the same command.`

export function forgetCommand(host: Host): Command {
  return new Command('forget')
    .description('erases a person here, and clears them at Braze; it cannot be undone')
    .argument('[USER_ID]', 'the LINE user id')
    .option('--external-id <id>', 'instead: everybody on LINE who is this customer of yours')
    .option(...CHANNEL_OPTION)
    .option(
      '--delete-profile',
      "also deletes the profile in Braze that has nothing but the LINE user id as an alias; never a customer's (needs users.delete and users.export.ids)",
    )
    .option('--yes', 'does not ask whether that may be done')
    .option('--json', 'print the result as one JSON object')
    .addHelpText('after', `${HELP}\n${settingsHelp([...channelSettings('braze'), ...SETTINGS])}`)
    .action((userId, options) => forget(userId, options, host))
}

async function forget(userId: string | undefined, options: ForgetOptions, host: Host) {
  const address = addressOf(userId, options)
  const progress: ForgetProgress = { people: [], isUnknown: false }
  const work = (task: Task) => perform(address, options, task, progress)
  await runTask(host, options, work, (end) => reportOf(end, progress))
}

function addressOf(userId: string | undefined, { externalId }: ForgetOptions): Address {
  if (userId !== undefined && externalId === undefined) return { userId }
  if (userId === undefined && externalId !== undefined) return { externalId }
  throw new UsageError('Name one of USER_ID and --external-id ID.')
}

async function perform(address: Address, options: ForgetOptions, task: Task, progress: ForgetProgress) {
  const { deleteProfile: deletesProfile = false, yes } = options
  const { settings, channels, allChannels } = configFor(task.host, SETTINGS, 'braze', options)
  const { ledger, log } = await openTaskLedger(task, settings, { mustExist: true })
  const found = []
  for (const { name } of channels) found.push(...(await peopleAt(ledger, name, address)))
  progress.isUnknown = found.length === 0
  if (progress.isUnknown) throw new Error(UNKNOWN)
  if (!yes && found.some(({ isDone }) => !isDone)) await confirm(costOf(found, deletesProfile), task)
  const how = { deletesProfile, lifeMs: forgetMsOf(settings) }
  for (const { key } of found) {
    const begun = await ledger.forget(key, how)
    // They may have been erased meanwhile, by another command.
    if (begun) progress.people.push({ key, last: begun, isBack: false })
  }
  const { deliverer, braze } = createDelivery(settings, allChannels, { ledger, log })
  task.closing(braze.close)
  task.closing(deliverer.stop)
  deliverer.start()
  await untilForgotten({ ledger, deliverer, people: progress.people, task })
}

/** Whoever is there, is being forgotten, or was. */
async function peopleAt(ledger: Ledger, channel: string, address: Address) {
  const forgettings = await ledger.forgettings(channel, address)
  const contacts = await ledger.contacts(channel, address)
  const open = forgettings.flatMap(({ userId }) => userId ?? [])
  const named = 'userId' in address && forgettings.length > 0 ? [address.userId] : []
  const userIds = new Set([...contacts.map(({ userId }) => userId), ...open, ...named])
  const isDone = contacts.length === 0 && open.length === 0
  return Array.from(userIds, (userId): { key: ContactKey; isDone: boolean } => ({
    key: { channel, userId },
    isDone,
  }))
}
