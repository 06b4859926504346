import type { EventType } from '../line/event-types.ts'
import type { Rejection } from '../line/signature.ts'
import type { About } from './refusal.ts'
import { createSampledLog } from './sampled.ts'
import type { Time } from './time.ts'

/** What a pino logger offers. */
export interface WebhookLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

const STATUS_OUTCOME = {
  200: 'accepted',
  400: 'malformed',
  401: 'unsigned',
  413: 'too_large',
  415: 'unsupported',
  503: 'unavailable',
} as const

/** How a webhook request can end. */
export const OUTCOMES = [...Object.values(STATUS_OUTCOME), 'aborted', 'failed'] as const
export type Outcome = (typeof OUTCOMES)[number]

export const outcomeOf = (status: number): Outcome =>
  STATUS_OUTCOME[status as keyof typeof STATUS_OUTCOME] ?? 'failed'

/** Who wants to know the numbers. */
export interface WebhookObserver {
  answered(channel: string, outcome: Outcome): void
  verified(channel: string, secret: number): void
  read(channel: string, types: readonly EventType[]): void
}

export interface ReportOptions {
  readonly log: WebhookLog
  readonly time: Time
  readonly observer: WebhookObserver | undefined
}

/** Tells of a channel's webhooks: counts all, and writes one line for each that was accepted, and samples of the rest. */
export function createReport(channel: string, { log, time, observer }: ReportOptions) {
  const sampled = createSampledLog(time)

  return {
    /** @param tookMs since the head of the request was here */
    ended(outcome: Outcome, tookMs: number, { events = 0, rejection }: About) {
      observer?.answered(channel, outcome)
      const line = { channel, outcome, events, ms: Math.round(tookMs) }
      if (outcome === 'accepted') return log.info(line, 'webhook')
      sampled.write(rejection ?? outcome, (suppressed) => {
        const more = suppressed > 0 ? { suppressed } : undefined
        if (!rejection) return log.info({ ...line, ...more }, 'webhook')
        log.warn({ ...line, signature: rejection, ...more, hint: HINTS[rejection] }, 'webhook')
      })
    },
    notStored(error: string) {
      sampled.write('not stored', (suppressed) => {
        log.error({ channel, error, ...(suppressed > 0 && { suppressed }) }, 'webhook not stored')
      })
    },
    /** Tells what was not told yet. */
    close: sampled.close,
  }
}

const HINTS: Readonly<Record<Rejection, string>> = {
  missing: 'x-line-signature is missing: not sent by LINE, or a proxy in front drops the header',
  malformed:
    'x-line-signature is not base64 of 32 bytes: not sent by LINE, or a proxy in front changes the header',
  wrong:
    "x-line-signature fits no secret of the channel: not sent by LINE, or LINE_CHANNEL_SECRET (secret in LINE_CHANNELS_FILE) is another channel's, an old one, or has quotes around it in the environment or .env, or a proxy in front rewrites the body",
}
