import type { Problem } from '../message/rules.ts'
import type { End, Report } from './report.ts'

/** Something wrong, and where it stands in the file, if it stands there. */
export interface Finding extends Pick<Problem, 'property' | 'message'> {
  readonly place?: string
  /** LINE said so, and not we. */
  readonly isOfLine?: boolean
}

/** What has been found so far. */
export interface CheckOutcome {
  problems: Finding[]
  warnings: Finding[]
  /** What LINE says of the message with the values that were given, or with harmless ones. */
  line: 'valid' | 'invalid' | 'not asked' | 'no answer'
  /** What Braze fills in, and the value that was given for it; null: none was. */
  values: ReadonlyMap<string, string | null>
}

export const newCheck = (): CheckOutcome => ({
  problems: [],
  warnings: [],
  line: 'not asked',
  values: new Map(),
})

export function reportOfCheck(end: End, { problems, warnings, line, values }: CheckOutcome): Report {
  const isWrong = end === 'failed' && problems.length > 0
  return {
    result: {
      status: end === 'done' ? 'ok' : isWrong ? 'wrong' : end,
      line,
      problems,
      warnings,
      names: [...values.keys()],
    },
    text:
      end === 'done' || isWrong || warnings.length > 0 ? textOf({ problems, warnings, line, values }) : '',
    interrupted: 'Interrupted.',
  }
}

const LINE_SAYS: Readonly<Record<CheckOutcome['line'], string>> = {
  valid: 'LINE was asked, and takes the message.',
  invalid: 'LINE was asked, and refuses the message.',
  'no answer': 'LINE was asked, and has not answered.',
  'not asked':
    'LINE was not asked: that needs a token (LINE_CHANNEL_ACCESS_TOKEN, or LINE_CHANNEL_ID), and a body that is JSON.',
}

function textOf({ problems, warnings, line, values }: CheckOutcome): string {
  const assumed = [...values].filter(([, value]) => value === null).map(([name]) => name)
  return [
    ...problems.map((finding) => `wrong: ${sentenceOf(finding)}`),
    ...warnings.map((finding) => `warning: ${sentenceOf(finding)}`),
    ...(assumed.length > 0 ? [`No value was given for ${assumed.join(', ')}: all sorts were tried.`] : []),
    LINE_SAYS[line],
    ...(problems.length === 0 && line !== 'no answer' ? ['The template is as it should be.'] : []),
  ].join('\n')
}

/** `FILE:3:7: headers.Authorization is missing.` */
export function sentenceOf({ place, property, message, isOfLine }: Finding): string {
  const what = isOfLine
    ? `${property || 'the message'}: LINE says: ${message}`
    : `${property || 'it'} ${message}`
  return `${place ? `${place}: ` : ''}${what}.`
}
