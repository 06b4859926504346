import type { Check, CheckStatus } from '../doctor/check.ts'
import { many } from './numbers.ts'
import type { End, Report } from './report.ts'

export function reportOfChecks(end: End, checks: readonly Check[]): Report {
  const isWrong = checks.some(({ status }) => status === 'wrong')
  return {
    result: { status: isWrong ? 'wrong' : end === 'done' ? 'ok' : end, checks },
    text: linesOf(checks).join('\n'),
    interrupted: 'Interrupted; nothing was changed.',
  }
}

/** How many checks say that something is wrong, in a sentence; undefined where none does. */
export function whatIsWrong(checks: readonly Check[]): string | undefined {
  const count = checks.filter(({ status }) => status === 'wrong').length
  return count === 0
    ? undefined
    : `${many(count, 'thing')} ${count === 1 ? 'is' : 'are'} wrong, of ${checks.length} that were looked at.`
}

const WIDTH = Math.max(
  ...(['ok', 'warning', 'wrong', 'not checked'] satisfies CheckStatus[]).map(({ length }) => length),
)

function linesOf(checks: readonly Check[]): string[] {
  const titles = checks.map(({ name, channel }) => (channel === undefined ? name : `${name} (${channel})`))
  const width = Math.max(0, ...titles.map(({ length }) => length))
  return checks.map(
    ({ status, message }, place) =>
      `${status.padEnd(WIDTH)}  ${(titles[place] as string).padEnd(width)}  ${message}`,
  )
}
