/** How it stands, in words; pure, so that tests need no browser. */
import { ago, many, number, span } from './numbers.js'

/** @typedef {import('../http/page/view.ts').View} View */
/** @typedef {import('../ledger/desk.ts').RunSummary} RunSummary */
/** @typedef {'good' | 'busy' | 'warn' | 'bad'} Tone */

/** After so long a change is late, unless Braze has been asked to wait. */
const LATE_SECONDS = 60

/**
 * The one sentence to read at three in the morning, and what to do.
 *
 * @param {View} view
 * @returns {{tone: Tone, title: string, detail: string}}
 */
export function headline({ health, delivery: whole }) {
  const { ledger } = health
  // What stands by says nothing of how it goes elsewhere.
  const isElsewhere = health.delivery.state === 'standby' && whole !== null
  const delivery = isElsewhere
    ? { ...health.delivery, state: whole.state, reason: whole.reason }
    : health.delivery
  if ('error' in ledger && ledger.error)
    return { tone: 'bad', title: 'Webhooks can’t be stored', detail: ledger.error }
  if (delivery.state === 'paused')
    return { tone: 'bad', title: 'Delivery to Braze is paused', detail: sentence(delivery.reason) }
  if (delivery.state === 'waiting')
    return { tone: 'warn', title: 'Delivery waits for Braze', detail: sentence(delivery.reason) }
  const { pending = 0, oldestPendingSeconds = 0, failed = 0 } = delivery
  if (pending > 0 && whole?.state === 'nobody')
    return {
      tone: 'warn',
      title: 'Nobody delivers',
      detail: `${many(pending, 'change')} for Braze, and no server holds the lease for delivery.`,
    }
  if (pending > 0 && oldestPendingSeconds > LATE_SECONDS)
    return {
      tone: 'warn',
      title: `${many(pending, 'change')} late for Braze`,
      detail: `The oldest has been pending for ${span(oldestPendingSeconds * 1000)}.`,
    }
  if (whole?.silence)
    return { tone: 'warn', title: 'The server that delivers is silent', detail: whole.silence }
  const problem = health.tokens?.find((token) => token.problem)
  if (problem) return { tone: 'warn', title: 'LINE’s token needs a look', detail: sentence(problem.problem) }
  if (failed > 0)
    return {
      tone: 'warn',
      title: `Braze rejected ${many(failed, 'profile')}`,
      detail: 'Everything else is in step. Below is why, and what to do.',
    }
  if (pending > 0)
    return {
      tone: 'busy',
      title: `${many(pending, 'change')} on the way to Braze`,
      detail: 'Delivery is at work.',
    }
  return { tone: 'good', title: 'Braze is in step', detail: 'Everything that LINE has said, Braze knows.' }
}

/** With a capital letter and a full stop. @param {string | null} text */
function sentence(text) {
  if (!text) return ''
  const begun = text[0]?.toUpperCase() + text.slice(1)
  return /[.!?]$/.test(begun) ? begun : `${begun}.`
}

/**
 * When something last came and went.
 *
 * @param {View} view
 * @param {string} channel empty: any
 */
export function lastOnes({ activity }, channel) {
  if (!activity) return ''
  const chosen = activity.filter((each) => channel === '' || each.channel === channel)
  /** @param {(number | null)[]} all */
  const least = (all) => all.reduce((a, b) => (a === null ? b : b === null ? a : Math.min(a, b)), null)
  const webhook = least(chosen.map(({ webhookMs }) => webhookMs))
  const delivered = least(chosen.map(({ deliveredMs }) => deliveredMs))
  return `Last webhook ${ago(webhook)}, last delivery ${ago(delivered)}.`
}

/**
 * The numbers of one channel, or of all together.
 *
 * @param {View} view
 * @param {string} channel empty: all
 */
export function countsOf({ health }, channel) {
  if (!health.channels) return null
  const sum = { friend: 0, messager: 0, gone: 0, pending: 0, failed: 0, linked: 0, waiting: 0 }
  for (const each of health.channels) {
    if (channel !== '' && each.channel !== channel) continue
    for (const name of /** @type {(keyof typeof sum)[]} */ (Object.keys(sum))) sum[name] += each[name]
  }
  return { ...sum, reachable: sum.friend + sum.messager }
}

/** What a run is called. */
export const RUN_NAMES = /** @type {Record<string, string>} */ ({
  backfill: 'Backfill',
  resync: 'Resync',
  verify: 'Verify --fix',
  links: 'Import of links',
  retry: 'Retry of failed',
  forget: 'After a deletion',
})

/**
 * How far a run has come.
 *
 * @param {RunSummary} run
 * @returns {{part: number | null, text: string}} the part of 1 that is done; null: nobody knows
 */
export function progressOf({ kind, state, listed, known, added, returned, gone }) {
  const found = [
    `${number(listed)} listed`,
    ...(added > 0 ? [`${number(added)} new`] : []),
    ...(returned > 0 ? [`${number(returned)} returned`] : []),
    ...(gone > 0 ? [`${number(gone)} gone`] : []),
  ].join(' · ')
  if (kind !== 'backfill') return { part: state === 'complete' ? 1 : null, text: '' }
  // How many are listed is not known before the end; most of them were known before.
  if (state === 'listing') {
    const part = known > 0 && listed < known ? listed / known : null
    return { part, text: part === null ? found : `${number(listed)} of about ${number(known)} listed` }
  }
  return { part: state === 'abandoned' ? null : 1, text: found }
}

/** @type {Readonly<Record<RunSummary['state'], {tone: Tone | 'quiet', word: string}>>} */
export const RUN_STATES = {
  listing: { tone: 'busy', word: 'reading the list' },
  clearing: { tone: 'busy', word: 'clearing who is gone' },
  complete: { tone: 'good', word: 'complete' },
  abandoned: { tone: 'quiet', word: 'abandoned' },
}

/** @type {Readonly<Record<string, {tone: Tone | 'quiet', word: string}>>} */
export const DELIVERY_STATES = {
  delivering: { tone: 'good', word: 'delivering' },
  standby: { tone: 'quiet', word: 'standing by' },
  waiting: { tone: 'warn', word: 'waiting' },
  paused: { tone: 'bad', word: 'paused' },
}
