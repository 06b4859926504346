import { Command } from 'commander'
import type { Check } from '../doctor/check.ts'
import { examine } from '../doctor/doctor.ts'
import { CHANNEL_OPTION } from '../process/channels.ts'
import { createDoctor, type DoctorChoices } from '../process/doctor.ts'
import { settingsHelp } from '../process/environment.ts'
import type { Host } from '../process/host.ts'
import { UsageError } from '../process/run.ts'
import { runTask, type Task } from '../process/task.ts'
import { reportOfChecks, whatIsWrong } from '../terminal/doctor-result.ts'

interface DoctorOptions extends DoctorChoices {
  readonly json?: boolean
}

/** Longer than what is asked one after the other takes, where each answers in time. */
const LIMIT_MS = 60_000

const HELP = `
It changes nothing: not the database, nor anything at LINE or Braze. The exit code is 1 where something is wrong.`

export const doctorCommand = (host: Host): Command =>
  new Command('doctor')
    .description('whether everything is set up right, and what to do where it is not')
    .option(...CHANNEL_OPTION)
    .option(
      '--url <url>',
      'where LINE reaches the server, as https://your.host, to hold the webhook URL against',
    )
    .option('--webhook-test', 'has LINE post a webhook without events to its webhook URL')
    .option('--json', 'print the result as one JSON object')
    .addHelpText('after', `${HELP}\n${settingsHelp()}`)
    .action((options) => doctor(options, host))

async function doctor(options: DoctorOptions, host: Host) {
  const { url } = options
  if (url !== undefined && !isOrigin(url))
    throw new UsageError(
      '--url must be the https:// address at which LINE reaches the server, without /webhook.',
    )
  const checks: Check[] = []
  const work = async ({ signal, closing }: Task) => {
    const parts = createDoctor({ host, choices: options, closing })
    checks.push(...(await examine(parts, { limitMs: LIMIT_MS, signal })))
    const wrong = whatIsWrong(checks)
    if (wrong !== undefined) throw new Error(wrong)
  }
  await runTask(host, options, work, (end) => reportOfChecks(end, checks))
}

function isOrigin(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, username, password, search, hash, pathname } = new URL(text)
  return (
    /^https?:$/.test(protocol) && !(username || password || search || hash) && !/\/webhook\b/.test(pathname)
  )
}
