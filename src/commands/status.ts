import { Command, InvalidArgumentError } from 'commander'
import { channelSettings } from '../config/channels.ts'
import { standing } from '../desk/status.ts'
import { CHANNEL_OPTION, type ChannelChoice, configFor } from '../process/channels.ts'
import { settingsHelp } from '../process/environment.ts'
import type { Host } from '../process/host.ts'
import { LINE_API_SETTINGS } from '../process/line-api.ts'
import { createQuotas } from '../process/quota.ts'
import { UsageError } from '../process/run.ts'
import { openTaskLedger, runTask, TASK_SETTINGS, type Task } from '../process/task.ts'
import { watch } from '../process/watch.ts'
import {
  reportOfStanding,
  resultOf,
  type Shown,
  type Size,
  viewOfStanding,
} from '../terminal/status-result.ts'
import { COLUMNS } from '../terminal/wrap.ts'

interface StatusOptions extends ChannelChoice {
  readonly watch?: boolean
  readonly days?: number
  readonly csv?: boolean
  readonly json?: boolean
}

const SETTINGS = [...LINE_API_SETTINGS, ...TASK_SETTINGS] as const

/** Of each day a number is kept for two years. */
const MOST_DAYS = 731
const CSV_DAYS = 30
/** What a terminal has at least. */
const ROWS = 24
/** LINE is asked so often at most, whoever watches. */
const QUOTA_LOOKS = 30

const HELP = `
It is read from the database, also while no server runs, and changes nothing. Where there is a token for it, LINE
is asked for the month's quota. --watch looks every two seconds until Ctrl-C, and prints with --json a line each time.`

export const statusCommand = (host: Host): Command =>
  new Command('status')
    .description('how it stands: people, what waits for Braze, who delivers, the last runs')
    .option(...CHANNEL_OPTION)
    .option('--watch', 'goes on showing it, until Ctrl-C')
    .option('--days <number>', 'also who came and went on each of so many days', readDays)
    .option(
      '--csv',
      `those days alone, as CSV (of the last ${CSV_DAYS} days, where --days names no other number)`,
    )
    .option('--json', 'print the result as one JSON object')
    .addHelpText('after', `${HELP}\n${settingsHelp([...channelSettings('line'), ...SETTINGS])}`)
    .action((options) => status(options, host))

function readDays(text: string): number {
  const days = /^\d{1,6}$/.test(text) ? Number(text) : 0
  if (days < 1 || days > MOST_DAYS)
    throw new InvalidArgumentError(`It must be a whole number from 1 to ${MOST_DAYS}.`)
  return days
}

async function status(options: StatusOptions, host: Host) {
  const { csv = false, json = false, watch = false } = options
  if (csv && (json || watch)) throw new UsageError('--csv goes with neither --json nor --watch.')
  const shown: Shown = { standing: null, quotas: [], trouble: null }
  // What is drawn on a terminal stands there already, and a line for each look is printed as it comes.
  const isShown = watch && (json || isDrawn(host))
  await runTask(
    host,
    isShown ? {} : options,
    (task) => perform(options, task, shown),
    () => {
      const report = reportOfStanding(shown, csv)
      return isShown ? { ...report, text: '' } : report
    },
  )
}

const isDrawn = ({ stderr, env }: Host) => stderr.isTTY === true && env.TERM !== 'dumb'

async function perform(options: StatusOptions, task: Task, shown: Shown) {
  const { host, signal, closing, display } = task
  const { csv, days = csv ? CSV_DAYS : 0, json } = options
  const { settings, channels } = configFor(host, SETTINGS, 'line', options, { needsToken: false })
  const { ledger, log } = await openTaskLedger(task, settings, { isLook: true })
  const quotas = createQuotas(settings, csv ? [] : channels, log, host.sleep)
  closing(quotas.close)
  const names = channels.map(({ name }) => name)
  let looks = 0
  const look = async () => {
    const isQuotaWanted = looks++ % QUOTA_LOOKS === 0
    const [now, said] = await Promise.all([
      standing({ ledger, channels: names, isChosen: options.channel !== undefined, days }),
      isQuotaWanted ? quotas.ask(signal) : shown.quotas,
    ])
    Object.assign(shown, { standing: now, quotas: said })
    if (options.watch && json) host.stdout.write(`${JSON.stringify(resultOf(shown))}\n`)
  }
  await look()
  if (!options.watch) return
  if (!json) display.show(viewOfStanding(shown, () => sizeOf(host.stderr)))
  await watch(task, look, (trouble) => {
    shown.trouble = trouble
  })
}

/** A terminal that does not know its size says 0. */
const sizeOf = ({ rows, columns }: Host['stderr']): Size => ({
  rows: rows || ROWS,
  columns: columns || COLUMNS,
})
