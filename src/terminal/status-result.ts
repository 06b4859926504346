import type { GrowthDay } from '../desk/growth.ts'
import { csvOf } from '../desk/growth-csv.ts'
import type { ChannelStanding, RunStanding, ServerStanding, Standing } from '../desk/status.ts'
import { sayDelivery } from '../desk/status.ts'
import { spanOf } from '../desk/words.ts'
import { GROWTH } from '../ledger/ledger.ts'
import type { View } from './display.ts'
import { many, number } from './numbers.ts'
import type { Report } from './report.ts'
import { wrap } from './wrap.ts'

/** What LINE says of the messages of a channel's month, or why it does not. */
export interface QuotaSaid {
  readonly channel: string
  readonly quota: { readonly limit: number | null; readonly used: number } | null
  readonly problem: string | null
}

/** What is shown. */
export interface Shown {
  standing: Standing | null
  quotas: readonly QuotaSaid[]
  /** Why it is not newer. */
  trouble: string | null
}

/** What is printed in the end: as a table for people, or days as CSV. */
export function reportOfStanding(shown: Shown, isCsv: boolean): Report {
  const { standing } = shown
  const text = !standing ? '' : isCsv ? csvOf(standing.growth ?? []).trimEnd() : linesOf(shown).join('\n')
  return { result: resultOf(shown), text, interrupted: 'Interrupted; nothing was changed.' }
}

/** What `--json` prints. */
export const resultOf = ({ standing, quotas }: Shown): object =>
  standing
    ? {
        ...standing,
        channels: standing.channels.map((channel) => {
          const said = quotas.find((each) => each.channel === channel.channel)
          return {
            ...channel,
            quota: said?.quota ? { ...said.quota, left: leftOf(said.quota) } : null,
            quotaProblem: said?.problem ?? null,
          }
        }),
      }
    : {}

const leftOf = ({ limit, used }: NonNullable<QuotaSaid['quota']>) =>
  limit === null ? null : Math.max(0, limit - used)

/** Of a terminal. */
export interface Size {
  readonly rows: number
  readonly columns: number
}

/**
 * For a terminal: the same lines, at each look, as many as there is room for: what has left the screen can't be redrawn.
 * None is cut off at its edge, where the reason of what is wrong would be.
 *
 * @param sizeOf what the terminal has now
 */
export const viewOfStanding = (shown: Shown, sizeOf: () => Size): View => ({
  frame() {
    const { rows, columns } = sizeOf()
    const last = folded(shown.trouble ?? 'Ctrl-C ends this.', columns)
    const lines = linesOf(shown).flatMap((line) => folded(line, columns))
    const room = Math.max(1, rows - FRAME_MARGIN - last.length + 1)
    if (lines.length <= room) return [...lines, '', ...last]
    return [...lines.slice(0, room), `… ${many(lines.length - room, 'more line')} without --watch`, ...last]
  },
  line() {
    const { standing, trouble } = shown
    if (!standing) return trouble ?? ''
    const { channels, pending, failed, delivery } = standing
    const reachable = channels.reduce((sum, { friend, messager }) => sum + friend + messager, 0)
    return `${number(reachable)} reachable, ${number(pending)} pending, ${number(failed)} rejected, delivery: ${delivery.state}${trouble ? ` (${trouble})` : ''}`
  },
})

/** What does not fit stands below, further in. */
function folded(line: string, columns: number): string[] {
  if (line.length < columns) return [line]
  const inset = `${/^ */.exec(line)?.[0] ?? ''}  `
  const [first = '', ...others] = wrap(line, columns - inset.length - 1)
  return [first, ...others.map((text) => inset + text)]
}

function linesOf({ standing, quotas }: Shown): string[] {
  if (!standing) return []
  const { at, channels, servers, runs, growth } = standing
  const now = Date.parse(at)
  return [
    deliveryLine(standing),
    ...pendingLines(standing),
    ...channels.flatMap((channel) => [
      '',
      ...channelLines(
        channel,
        quotas.find((each) => each.channel === channel.channel),
        now,
      ),
    ]),
    ...block(
      'Servers',
      servers.map((server) => serverLine(server, now)),
    ),
    ...block(
      'Last runs',
      runs.slice(0, RUNS_SHOWN).map((run) => runLine(run, now)),
    ),
    ...(growth ? growthLines(growth) : []),
  ]
}

const RUNS_SHOWN = 5
/** The two lines below, and the one on which the cursor stands. */
const FRAME_MARGIN = 3

const block = (title: string, lines: readonly string[]) =>
  lines.length > 0 ? ['', `${title}:`, ...lines] : []

const deliveryLine = ({ delivery }: Standing) => sayDelivery(delivery)

function pendingLines({ pending, oldestPendingSeconds, failed, forgetting }: Standing): string[] {
  const oldest =
    oldestPendingSeconds === null
      ? ''
      : `, the one that is due first for ${spanOf(oldestPendingSeconds * 1000)}`
  return [
    pending === 0
      ? 'Nothing waits for Braze.'
      : `${many(pending, 'change')} ${pending === 1 ? 'waits' : 'wait'} for Braze${oldest}.`,
    ...(failed === 0
      ? []
      : [
          `${many(failed, 'profile')} ${failed === 1 ? 'was' : 'were'} rejected: line-braze failed says why.`,
        ]),
    ...(forgetting.open === 0
      ? []
      : [
          `${many(forgetting.open, 'contact')} ${forgetting.open === 1 ? 'is' : 'are'} being forgotten, since ${spanOf(forgetting.oldestSeconds * 1000)} ago.`,
        ]),
  ]
}

const LABEL_CELLS = 11
const row = (label: string, text: string) => `  ${label.padEnd(LABEL_CELLS)}${text}`

function channelLines(channel: ChannelStanding, said: QuotaSaid | undefined, now: number): string[] {
  const { friend, messager, gone, linked, waiting, pending, failed } = channel
  const links =
    waiting === 0 ? '' : `; Braze does not know ${many(waiting, 'customer')} of those who are linked`
  return [
    channel.channel,
    row(
      'reachable',
      `${number(friend + messager)}: ${many(friend, 'friend')}, ${number(messager)} who only wrote`,
    ),
    row('gone', number(gone)),
    row('linked', `${number(linked)}${links}`),
    row('for Braze', `${number(pending)} pending, ${number(failed)} rejected`),
    row('webhook', `the last one ${ago(channel.lastWebhookAt, now)}`),
    row('delivery', `the last one ${ago(channel.lastDeliveryAt, now)}`),
    ...tokenLines(channel),
    ...(said ? [row('quota', quotaOf(said))] : []),
  ]
}

const tokenLines = ({ token }: ChannelStanding) =>
  token ? [row('token', `${token.keyId} is in Braze, and ends in ${spanOf(token.secondsLeft * 1000)}`)] : []

function quotaOf({ quota, problem }: QuotaSaid): string {
  if (!quota) return `LINE does not say: ${problem}`
  if (quota.limit === null) return `${many(quota.used, 'message')} sent this month, about; there is no limit`
  return `${number(leftOf(quota) ?? 0)} of ${many(quota.limit, 'message')} of this month are left, about`
}

const ago = (at: string | null, now: number) =>
  at === null ? 'is not known' : `${spanOf(Math.max(0, now - Date.parse(at)))} ago`

function serverLine(
  { id, version, startedAt, seenAt, state, isSilent }: ServerStanding,
  now: number,
): string {
  const up = `up ${spanOf(Math.max(0, now - Date.parse(startedAt)))}`
  return `  ${id}  ${version}, ${up}, ${isSilent ? `silent since ${spanOf(now - Date.parse(seenAt))}` : state}`
}

function runLine(run: RunStanding, now: number): string {
  const { id, kind, channel, state, beganAt, endedAt, listed, added, returned, gone } = run
  const isOpen = state === 'listing' || state === 'clearing'
  const when = isOpen
    ? `under way${beganAt === null ? '' : `, began ${ago(beganAt, now)}`}`
    : `${state}${endedAt === null ? '' : ` ${ago(endedAt, now)}`}`
  const numbers =
    kind === 'backfill'
      ? `: ${number(listed)} listed, ${number(added)} new, ${number(returned)} returned, ${number(gone)} gone`
      : ''
  return `  ${id}  ${kind} of ${channel}, ${when}${numbers}`
}

const GROWTH_COLUMNS = [...GROWTH, 'reachable'] as const
const DAY_CELLS = 12
const NUMBER_CELLS = 11

function growthLines(growth: readonly GrowthDay[]): string[] {
  if (growth.length === 0)
    return ['', 'Growth is not known yet: a server counts it from its first minute on.']
  const head = `${'day (UTC+9)'.padEnd(DAY_CELLS)}${GROWTH_COLUMNS.map((name) => name.padStart(NUMBER_CELLS)).join('')}`
  return [...Map.groupBy(growth, ({ channel }) => channel)].flatMap(([channel, days]) => [
    '',
    `Growth of ${channel}:`,
    head,
    ...days.map(
      (day) =>
        `${day.day.padEnd(DAY_CELLS)}${GROWTH_COLUMNS.map((name) => number(day[name]).padStart(NUMBER_CELLS)).join('')}`,
    ),
  ])
}
