import { isMassClear } from '../backfill/run.ts'
import type { Outstanding, Run } from '../ledger/ledger.ts'
import { goOn } from './backfill-errors.ts'
import type { Bar } from './bars.ts'
import { linesOf, listed, type OfChannel, sumsOf, titleOf } from './channels.ts'
import { many, number } from './numbers.ts'
import { deliveredOf, type End, type Report } from './report.ts'

/** How far it has come with a channel. */
export interface ChannelProgress extends OfChannel {
  run: Run | null
  /** About how many LINE will list. */
  total: number | null
  outstanding: Outstanding | null
  state: 'waits' | 'works' | 'listed' | 'failed'
  /** Why it failed; a sentence. */
  failure: string
}

export const newProgress = (channel: string): ChannelProgress => ({
  channel,
  run: null,
  total: null,
  outstanding: null,
  state: 'waits',
  failure: '',
})

/** How far it has come. */
export interface Progress {
  /** In the order in which they are done, one after the other. */
  channels: readonly ChannelProgress[]
  /** What earlier runs had left to tell Braze when this one began. */
  leftBefore: number
}

/** What was asked for, as far as it matters for what is printed. */
export interface BackfillChoices {
  readonly wait: boolean
  readonly dryRun?: boolean
  readonly allowMassClear?: boolean
}

/** Of the channel at work how much is listed, and of all how much is delivered. */
export function barsOf({ channels, leftBefore }: Progress, delivers: boolean): Bar[] {
  const { run = null, total = null } = channels[atWork(channels)] ?? {}
  const count = run?.listed ?? 0
  const isListed = run !== null && run.state !== 'listing'
  const changed = channels.reduce((sum, each) => sum + changesOf(each.run), leftBefore)
  const seen = channels.flatMap(({ outstanding }) => outstanding ?? [])
  const last = seen.at(-1)
  // What other runs made due is counted with each: those of the other channels are among them.
  const open = last ? seen.reduce((sum, { failed }) => sum + failed, last.pending + last.earlier) : changed
  return [
    { name: 'listed', value: count, total: isListed ? count : total, isAbout: !isListed },
    ...(delivers ? [{ name: 'delivered', value: Math.max(0, changed - open), total: changed }] : []),
  ]
}

export const titleAtWork = ({ channels }: Progress) => titleOf(channels, atWork(channels))

const atWork = (channels: readonly ChannelProgress[]) =>
  Math.max(
    0,
    channels.findLastIndex(({ state }) => state !== 'waits'),
  )

export function reportOf(end: End, progress: Progress, choices: BackfillChoices): Report {
  const { channels } = progress
  const results = channels.map((channel) => ({
    channel: channel.channel,
    status: statusOf(channel, end, choices),
    ...numbersOf(channel, choices),
  }))
  const numbers = sumsOf(
    channels.map((channel) => numbersOf(channel, choices)),
    numbersOf(newProgress(''), choices),
  )
  const status = end === 'done' ? (choices.dryRun ? 'dry-run' : 'complete') : end
  const result: Omit<BackfillResult, 'seconds'> = { status, ...numbers, ...listed(results) }
  const lines = linesOf(
    channels.map((channel) => ({
      channel: channel.channel,
      text: summaryOf(channel, end, progress, choices),
    })),
  )
  const text = [...lines, ...(end === 'done' ? aboutEarlier(progress, choices) : [])].join('\n')
  return {
    result,
    text: end === 'done' || (end === 'failed' && channels.length > 1) ? text : '',
    interrupted: text || 'Interrupted; nothing was stored.',
  }
}

const changesOf = (run: Run | null) => (run ? run.added + run.returned + run.gone : 0)

export type BackfillStatus = 'complete' | 'dry-run' | 'interrupted' | 'failed'
export type BackfillNumbers = ReturnType<typeof numbersOf>

/** What `--json` prints. All counts are of the whole run, also where it went on; `seconds` are this process's. */
export interface BackfillResult extends BackfillNumbers {
  readonly status: BackfillStatus
  readonly channels?: readonly (OfChannel & BackfillNumbers & { readonly status: BackfillStatus })[]
  readonly seconds: number
}

/** How it ended with one of several channels. */
function statusOf(
  { state, outstanding }: ChannelProgress,
  end: End,
  { wait, dryRun = false }: BackfillChoices,
): BackfillStatus {
  if (state === 'failed') return 'failed'
  const isDelivered = !wait || (outstanding?.pending === 0 && outstanding.failed === 0)
  if (end === 'done' || (state === 'listed' && (dryRun || isDelivered)))
    return dryRun ? 'dry-run' : 'complete'
  return end
}

function numbersOf({ run, outstanding }: ChannelProgress, { dryRun = false }: BackfillChoices) {
  const { pages = 0, listed = 0, added = 0, returned = 0, gone = 0 } = run ?? {}
  const { delivered, failed } = deliveredOf(changesOf(run), outstanding)
  return {
    pages,
    listed,
    /** Contacts that the list made reachable. */
    changed: added + returned,
    new: added,
    returned,
    /** Contacts that can't be reached any more, since they were missing from the list. */
    gone,
    /** Of these changes, how many Braze has accepted, or newer news has replaced. */
    delivered: dryRun ? 0 : delivered,
    /** Of these changes, how many Braze rejected. */
    failed,
  }
}

/** The same for a person. */
function summaryOf(
  channel: ChannelProgress,
  end: End,
  { channels, leftBefore }: Progress,
  choices: BackfillChoices,
): string {
  const { run, outstanding, state, failure } = channel
  const { wait, dryRun: isDry = false, allowMassClear = false } = choices
  const { pages, listed, changed, returned, gone, delivered, failed, ...numbers } = numbersOf(
    channel,
    choices,
  )
  const isOne = channels.length === 1
  const news = `${number(numbers.new)} new, ${number(returned)} returned, ${number(gone)} gone`
  const list = `LINE lists ${many(listed, 'follower')} on ${many(pages, 'page')}`
  const status = statusOf(channel, end, choices)
  // Else it is told as what the command failed of.
  if (status === 'failed') return end === 'interrupted' ? failure : ''
  if (status === 'dry-run') {
    const guard =
      run && !allowMassClear && isMassClear(gone, run)
        ? ' A run would stop before clearing that many, unless with --allow-mass-clear.'
        : ''
    return `${list}. A run would find ${news}. Nothing was written.${guard}`
  }
  const open = (outstanding?.pending ?? changed + gone - failed) + (isOne ? (outstanding?.earlier ?? 0) : 0)
  if (status === 'interrupted') {
    if (!isOne && state === 'waits') return 'Not begun.'
    if (!run || isDry) return 'Interrupted; nothing was stored.'
    if (run.state === 'listing' || run.state === 'clearing') return `Interrupted. ${goOn(run)}`
    return `Interrupted. The list is in the ledger (${news}); ${many(open, 'change')} wait for Braze, and go there with the server or the next backfill.`
  }
  const told = wait
    ? `Braze has accepted ${many(delivered, 'change')}${isOne && leftBefore > 0 ? `, and ${number(leftBefore)} of earlier runs` : ''}.`
    : `${many(open, 'change')} for Braze to be told of.`
  return `${list}: ${news}. ${told}`
}

/** Where there are several channels: what earlier runs made due may be of any of them. */
function aboutEarlier(
  { channels, leftBefore }: Progress,
  { wait, dryRun = false }: BackfillChoices,
): string[] {
  if (channels.length <= 1 || leftBefore === 0 || dryRun) return []
  return [
    wait
      ? `Braze was told of ${many(leftBefore, 'change')} of earlier runs, too.`
      : `${many(leftBefore, 'change')} of earlier runs are left for Braze to be told of, too.`,
  ]
}
