import type { Status } from '../contact/contact.ts'
import { LineError } from '../line/call.ts'
import type { PushAnswer, Quota } from '../line/messaging.ts'
import { many, number } from './numbers.ts'
import type { End, Report } from './report.ts'
import { type Finding, sentenceOf } from './template-check-result.ts'

/** How far it has come. */
export interface SendOutcome {
  /** Why it was not even tried. */
  problems: Finding[]
  /** Who the person is, as far as the ledger knows; `unknown` where it has never heard of them, null without one. */
  status: Status | 'unknown' | null
  /** Before the message; null where LINE did not say. */
  quota: Quota | null
  answer: PushAnswer | null
  /** Whether LINE was asked to send it. */
  isTried: boolean
}

export const newSend = (): SendOutcome => ({
  problems: [],
  status: null,
  quota: null,
  answer: null,
  isTried: false,
})

const REACHABLE: Readonly<Record<Status | 'unknown', string>> = {
  friend: 'As far as the ledger knows the person is a friend, and can be reached.',
  messager:
    'As far as the ledger knows the person wrote without following: messages arrive for seven days after that.',
  gone: 'As far as the ledger knows the person has blocked the account, or left: the message will not arrive.',
  unknown: 'The ledger has never heard of the person: whether they can be reached nobody knows.',
}

const reachability = ({ status }: SendOutcome) =>
  status === null ? 'Without a ledger nobody knows whether the person can be reached.' : REACHABLE[status]

function quotaOf({ quota }: SendOutcome): string {
  if (!quota) return 'LINE does not say how many messages are left this month.'
  if (quota.limit === null) return `${many(quota.used, 'message')} sent this month, about; there is no limit.`
  return `${number(leftOf(quota) ?? 0)} of ${many(quota.limit, 'message')} of this month are left, about.`
}

const leftOf = ({ limit, used }: Quota) => (limit === null ? null : Math.max(0, limit - used))

/** What somebody should know before it is sent. */
export const questionOf = (outcome: SendOutcome): string =>
  `${reachability(outcome)} ${quotaOf(outcome)} This sends one message to one person.`

export function reportOfSend(end: End, outcome: SendOutcome): Report {
  const { problems, status, quota, answer, isTried } = outcome
  const faults =
    answer?.outcome === 'refused' ? answer.faults.map((fault) => ({ ...fault, isOfLine: true })) : []
  const findings = [...problems, ...faults]
  return {
    result: {
      status: answer?.outcome ?? end,
      answer: answer?.status ?? null,
      contact: status,
      quota: quota && { ...quota, left: leftOf(quota) },
      problems: findings,
    },
    text: [
      ...findings.map((finding) => `wrong: ${sentenceOf(finding)}`),
      ...(answer ? [saidBy(answer), reachability(outcome), quotaOf(outcome)] : []),
    ].join('\n'),
    interrupted: isTried
      ? 'Interrupted; whether it was sent is not known.'
      : 'Interrupted; nothing was sent.',
  }
}

const SAID: Readonly<Record<PushAnswer['outcome'], string>> = {
  accepted: 'it has taken the message. It says so also for somebody who has blocked the account.',
  refused: 'it does not take the message.',
  repeated: 'it has taken a message with this retry key before, and delivers it once.',
  limited: "the account has sent as many messages this month as it may; Braze's would not arrive either.",
}

const saidBy = ({ outcome, status }: PushAnswer) => `LINE answers ${status}: ${SAID[outcome]}`

/** Why nothing was sent; undefined where it was. */
export function whyNot({ answer }: SendOutcome): string | undefined {
  if (!answer || answer.outcome === 'accepted') return undefined
  if (answer.outcome === 'repeated')
    return 'Nothing new was sent: the retry key must be another one for each dispatch; make the template anew.'
  if (answer.outcome === 'limited')
    return 'Nothing was sent: buy more messages in the LINE Official Account Manager, or wait for the next month.'
  return "Nothing was sent: mend what LINE finds wrong; a user id must be one of this account's provider."
}

/** The same error, with what to do about it. */
export function explainPush(error: unknown): unknown {
  const remedy = error instanceof LineError ? REMEDIES[error.status ?? 0] : undefined
  return remedy ? new Error(`${(error as Error).message}; ${remedy}.`, { cause: error }) : error
}

const REMEDIES: Readonly<Record<number, string>> = {
  401: 'the token has ended or was revoked: issue another one, or set LINE_CHANNEL_ID and the secret',
  429: 'too many requests at once, or too many to one person: try again in a minute',
}
