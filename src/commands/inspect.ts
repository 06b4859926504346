import { Command } from 'commander'
import { channelSettings } from '../config/channels.ts'
import { findPeople } from '../desk/find.ts'
import { inspect } from '../desk/inspect.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { CHANNEL_OPTION, type ChannelChoice, configFor } from '../process/channels.ts'
import { BRAZE_SETTINGS, createBraze } from '../process/delivery.ts'
import { settingsHelp } from '../process/environment.ts'
import type { Host } from '../process/host.ts'
import { INSPECT_SETTINGS, inspectMeansOf } from '../process/inspect.ts'
import { openTaskLedger, runTask, TASK_SETTINGS, type Task } from '../process/task.ts'
import { forgottenBy, type Inspected, reportOfPeople } from '../terminal/inspect-result.ts'
import { createAsk } from '../verify/ask.ts'
import { askHeld } from '../verify/held.ts'

interface PersonOptions extends ChannelChoice {
  readonly braze?: boolean
  readonly json?: boolean
}

const SETTINGS = [...INSPECT_SETTINGS, ...TASK_SETTINGS] as const

const HELP = `
The first line says why the person is in the segment "line_id is not blank", or not. All of it is read from the
database, also while no server runs; only with --braze is Braze asked, with a key that has users.export.ids.`

export const inspectCommand = (host: Host): Command =>
  new Command('inspect')
    .description('all that is known of one person, and why they are in the segment or not')
    .argument('<ID>', 'a LINE user id, or an external id of yours')
    .option(...CHANNEL_OPTION)
    .option('--braze', 'asks Braze what it holds now, and shows it beside what it should')
    .option('--json', 'print the result as one JSON object')
    .addHelpText(
      'after',
      `${HELP}\n${settingsHelp([...channelSettings('braze'), ...BRAZE_SETTINGS, ...SETTINGS])}`,
    )
    .action((id, options) => inspectPerson(id, options, host))

async function inspectPerson(id: string, options: PersonOptions, host: Host) {
  const people: Inspected[] = []
  const work = (task: Task) => perform(id, options, task, people)
  await runTask(host, options, work, () => reportOfPeople(people))
}

async function perform(id: string, options: PersonOptions, task: Task, people: Inspected[]) {
  const { host } = task
  const { settings, channels } = configFor(host, SETTINGS, 'braze', options)
  const askBraze = options.braze ? askingBraze(options, task) : undefined
  const { ledger } = await openTaskLedger(task, settings, { isLook: true })
  const means = { ledger, ...inspectMeansOf(settings) }
  const names = await namesOf(ledger, channels, options)
  for (const key of await findPeople(ledger, names, id)) {
    const inspection = await inspect(key, means)
    if (inspection) people.push({ inspection, held: null })
  }
  if (people.length === 0) throw new Error(await nobody(ledger, names, id))
  for (const [place, { inspection }] of people.entries())
    if (askBraze) people[place] = { inspection, held: await askBraze(inspection) }
}

async function nobody(ledger: Ledger, names: readonly string[], id: string): Promise<string> {
  for (const name of names) {
    const [forgotten] = await ledger.forgettings(name, { userId: id })
    if (forgotten) return forgottenBy(forgotten)
  }
  const where = names.length === 1 ? `the channel ${names[0]}` : 'any channel'
  return `Nobody is known by that id, neither as a LINE user id nor as an external id, in ${where}.`
}

/** Where none is chosen, those that only the database knows, too. */
async function namesOf(
  ledger: Ledger,
  channels: readonly { readonly name: string }[],
  { channel }: ChannelChoice,
): Promise<string[]> {
  const names = channels.map(({ name }) => name)
  if (channel !== undefined) return names
  const known = (await ledger.counts()).map((counts) => counts.channel)
  return [...new Set([...names, ...known])]
}

function askingBraze(options: PersonOptions, { host, signal, closing }: Task) {
  const { settings, allChannels } = configFor(host, BRAZE_SETTINGS, 'braze', options)
  const braze = createBraze(settings, allChannels)
  closing(braze.close)
  const ask = createAsk({ braze, signal, sleep: host.sleep })
  return async ({ channel, profiles }: Inspected['inspection']) => {
    // Of a channel that is none any more nobody can tell where its people are.
    if (!allChannels.some(({ name }) => name === channel)) return null
    return askHeld(
      ask,
      profiles.map(({ address }) => ({ channel, address })),
    )
  }
}
