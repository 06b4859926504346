import type { TokenRejection } from './bearer.ts'
import type { WebhookLog } from './report.ts'
import { createSampledLog } from './sampled.ts'
import type { Time } from './time.ts'

/** Where links come from: the brand's own systems, LINE Login and LIFF, or LINE's account link. */
export type LinkSource = 'api' | 'id_token' | 'account_link'

const STATUS_OUTCOME = {
  400: 'invalid',
  413: 'invalid',
  415: 'invalid',
  422: 'refused',
  502: 'unreachable',
  503: 'unavailable',
} as const

/**
 * What came of it. `offered`: somebody was given the address of LINE's account link. Of what came back from there, `failed`
 * is LINE's word, and `used`, `unknown` and `expired` are about the nonce; an ID token may be `used`, too.
 */
export type LinkOutcome =
  | 'linked'
  | 'unlinked'
  | 'unchanged'
  | 'offered'
  | 'failed'
  | 'used'
  | 'unknown'
  | 'expired'
  | 'forgotten'
  | 'aborted'
  | 'error'
  | (typeof STATUS_OUTCOME)[keyof typeof STATUS_OUTCOME]

export const linkOutcomeOf = (status: number): LinkOutcome =>
  STATUS_OUTCOME[status as keyof typeof STATUS_OUTCOME] ?? 'error'

/** Who wants to know the numbers. */
export type LinkObserver = (channel: string, source: LinkSource, outcome: LinkOutcome) => void

export interface LinkReportOptions {
  readonly log: Pick<WebhookLog, 'info' | 'warn'>
  readonly time: Time
  readonly observer: LinkObserver | undefined
}

/** What is as it should be; each has a line of its own, and the rest has samples. */
const DONE: ReadonlySet<LinkOutcome> = new Set(['linked', 'unlinked', 'unchanged', 'offered'])

/** Tells of links, without ids: counts all, and writes one line for each that was made. */
export function createLinkReport({ log, time, observer }: LinkReportOptions) {
  const sampled = createSampledLog(time)

  return {
    /** @param error why, for the log alone */
    ended(channel: string, source: LinkSource, outcome: LinkOutcome, tookMs: number, error?: string) {
      observer?.(channel, source, outcome)
      const line = { channel, source, outcome, ms: Math.round(tookMs), ...(error && { error }) }
      if (DONE.has(outcome)) return log.info(line, 'link')
      sampled.write(`${channel} ${source} ${outcome}`, (suppressed) =>
        log.warn({ ...line, ...moreThan(suppressed) }, 'link'),
      )
    },
    unauthorized(rejection: TokenRejection) {
      sampled.write(rejection, (suppressed) =>
        log.warn(
          { token: rejection, ...moreThan(suppressed), hint: HINTS[rejection] },
          'api request refused',
        ),
      )
    },
    /** Tells what was not told yet. */
    close: sampled.close,
  }
}

export type LinkReport = ReturnType<typeof createLinkReport>

const moreThan = (suppressed: number) => (suppressed > 0 ? { suppressed } : undefined)

const HINTS: Readonly<Record<TokenRejection, string>> = {
  missing: 'send one of API_TOKENS in the header "Authorization: Bearer TOKEN"; or a proxy in front drops it',
  wrong: 'the header Authorization holds none of API_TOKENS: an old one, or somebody guesses',
  'in URL':
    'a token in a URL ends in the logs of proxies: replace it in API_TOKENS if it was one, and send it in the header Authorization',
}
