import { Command } from 'commander'
import { channelSettings } from '../config/channels.ts'
import { CHANNEL_OPTION, type ChannelChoice, configFor } from '../process/channels.ts'
import { settingsHelp } from '../process/environment.ts'
import type { Host } from '../process/host.ts'
import { UsageError } from '../process/run.ts'
import { createSegmentSizes, SEGMENT_SETTINGS } from '../process/segments.ts'
import { openTaskLedger, runTask, TASK_SETTINGS, type Task } from '../process/task.ts'
import { reportOfSegments, type SegmentState } from '../terminal/segment-result.ts'
import { membershipOf } from '../verify/segment.ts'

interface SegmentOptions extends ChannelChoice {
  readonly segmentId?: string
  readonly json?: boolean
}

const SETTINGS = [...SEGMENT_SETTINGS, 'BRAZE_CREATE_PROFILES', ...TASK_SETTINGS] as const

/** What Braze calls an API identifier; in the dashboard the address has another id. */
const SEGMENT_ID = /^[\w-]{1,64}$/

const HELP = `
Braze counts a segment once a day, from a part of the people. The API identifier stands at the bottom of the
segment's page; the key needs the permission segments.data_series, which can't be added to a key. Where it is
missing that is said, and the exit code is 0.`

export function segmentCommand(host: Host): Command {
  return new Command('segment')
    .description('the segment to build in Braze, and how many people it should hold')
    .option(...CHANNEL_OPTION)
    .option('--segment-id <id>', 'the API identifier of the segment, to compare with what Braze says')
    .option('--json', 'print the result as one JSON object')
    .addHelpText('after', `${HELP}\n${settingsHelp([...channelSettings('braze'), ...SETTINGS])}`)
    .action((options) => segment(options, host))
}

async function segment(options: SegmentOptions, host: Host) {
  const outcome = { states: [] as SegmentState[], makesProfiles: true }
  const work = (task: Task) => perform(options, task, outcome)
  await runTask(host, options, work, (end) => reportOfSegments(end, outcome.states, outcome.makesProfiles))
}

async function perform(
  options: SegmentOptions,
  task: Task,
  outcome: { states: SegmentState[]; makesProfiles: boolean },
) {
  const { segmentId } = options
  const { host, signal, closing } = task
  if (segmentId !== undefined && !SEGMENT_ID.test(segmentId))
    throw new UsageError('--segment-id must be the API identifier of a segment: letters, digits and hyphens.')
  const { settings, channels } = configFor(host, SETTINGS, 'braze', options)
  if (segmentId !== undefined && channels.length > 1)
    throw new UsageError('Name the channel that the segment is of: --channel NAME.')
  const { ledger } = await openTaskLedger(task, settings, { mustExist: true })
  outcome.makesProfiles = settings.BRAZE_CREATE_PROFILES !== 'false'
  for (const { name: channel, attribute } of channels) {
    const membership = await membershipOf(ledger, channel, signal)
    outcome.states.push({ channel, attribute, ...membership, answer: null })
  }
  const [only] = outcome.states
  if (segmentId === undefined || !only) return
  const segments = createSegmentSizes(settings, host.sleep)
  closing(segments.close)
  outcome.states = [{ ...only, answer: await segments.size(segmentId, signal) }]
}
