import { BackfillError } from '../backfill/error.ts'
import type { Run } from '../ledger/ledger.ts'
import { LineError } from '../line/call.ts'

/** `error` as a sentence that says what to do, and how to go on. */
export function explain(error: unknown, run: Run | null): unknown {
  if (error instanceof BackfillError || !(error instanceof Error)) return error
  const hint = error instanceof LineError ? hintOf(error) : undefined
  const next = run?.state === 'listing' || run?.state === 'clearing' ? goOn(run) : undefined
  return new Error([end(error.message), hint, next].filter(Boolean).join(' '), { cause: error })
}

/** How to go on with a run that ended early. */
export const goOn = (run: Run): string =>
  run.state === 'clearing'
    ? 'Run backfill again within 24 hours to clear the rest.'
    : `Run backfill again within 24 hours to go on after page ${run.pages}.`

function hintOf({ status, message }: LineError): string | undefined {
  if (status === 403 && message.includes('/followers/ids')) return NO_LIST
  // Where a token cannot even be had, the message says so itself.
  if (status === 401 && !message.includes('/oauth2/')) return NO_TOKEN
  return undefined
}

const NO_TOKEN =
  'The token is wrong or has ended: set LINE_CHANNEL_ACCESS_TOKEN to another one, or LINE_CHANNEL_ID instead (accessToken and channelId in LINE_CHANNELS_FILE).'
const NO_LIST =
  'LINE gives the follower list to verified and premium accounts only. Without it the server still records everybody who follows, returns or writes from now on, and resync and verify work.'

const end = (sentence: string) => (sentence.endsWith('.') ? sentence : `${sentence}.`)
