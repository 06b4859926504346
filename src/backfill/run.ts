import type { Ledger, Run } from '../ledger/ledger.ts'
import { isUnknownStart, type LineClient } from '../line/client.ts'
import { EndlessList } from './endless.ts'
import { BackfillError } from './error.ts'
import { gathered } from './gathered.ts'
import { readList } from './list.ts'

export interface BackfillOptions {
  readonly ledger: Ledger
  readonly line: LineClient
  readonly channel: string
  /** Begins anew, also where a run could go on. */
  readonly restart: boolean
  /** Clears also where that is a large part of all friends. */
  readonly allowMassClear: boolean
  readonly observer: BackfillObserver
  /** Milliseconds since 1970. */
  readonly clock?: () => number
  /** Ends the run after what is being stored. */
  readonly signal: AbortSignal
}

/** Who wants to know how it goes. */
export interface BackfillObserver {
  /** Something that a person should know; a sentence. */
  note(sentence: string): void
  /** The run has come so far; null where it has just begun anew. */
  progress(run: Run | null): void
}

/** LINE's cursors live for 24 hours, and what is older says too little about today. */
const RUN_LIFE_MS = 24 * 3_600_000
/** Pages read ahead at most: some 100 KB each. */
const PAGES_AHEAD = 8
/** LINE does not say how fresh its list is: what a webhook says of this time before a run wins over the list. */
const MARGIN_MS = 300_000
/** The header says no more than the second. */
const DATE_PRECISION_MS = 999
/** More than both of these would be cleared: probably it is the list that is wrong. */
const MASS_CLEAR_SHARE = 0.2
const MASS_CLEAR_PEOPLE = 10

/**
 * Makes the ledger agree with LINE's follower list: whoever it names is a friend, and a friend from before the run whom
 * the complete list does not name is gone. Can be ended at any moment and goes on from the last page stored.
 *
 * @throws BackfillError, LineError, LedgerError; the reason of `signal` once that aborts
 */
export async function backfill(options: BackfillOptions): Promise<Run> {
  const { ledger, channel, observer, restart, signal } = options
  await assertSameAccount(options)
  const begun = restart ? null : await resumable(options)
  if (begun) observer.progress(begun)
  let run = begun
  try {
    if (run?.state !== 'clearing') run = await list(options, run)
  } catch (error) {
    // LINE may forget a cursor at any time; a list from its start needs none.
    if (!isUnknownStart(error) || signal.aborted) throw error
    observer.note('LINE does not know where the list was left off any more: the run begins anew.')
    observer.progress(null)
    const open = await ledger.openRun(channel)
    if (open) await ledger.endRun(open.id, 'abandoned')
    run = await list(options, null)
  }
  return clear(options, run)
}

/** A token of another account would replace the whole audience. */
async function assertSameAccount({ ledger, line, channel, signal }: BackfillOptions) {
  const account = await line.botUserId(signal)
  if ((await ledger.claimAccount(channel, account, false)) === account) return
  throw new BackfillError(
    'The token is of another LINE Official Account than the one that this ledger is of, by its webhooks or, before the first of them, by its first backfill; set LINE_CHANNEL_ACCESS_TOKEN or LINE_CHANNEL_ID of the same channel as LINE_CHANNEL_SECRET (in LINE_CHANNELS_FILE accessToken or channelId, and secret), or DATABASE_URL to a new database. If it was the first backfill that had the wrong token, press Verify at the webhook URL in the LINE Developers Console, which tells the server the right account',
  )
}

/** The run to go on with, if there is one. */
async function resumable({ ledger, channel, observer }: BackfillOptions): Promise<Run | null> {
  const run = await ledger.openRun(channel)
  // A run that stored nothing has nothing to go on with.
  if (!run || run.pages === 0) return null
  if (run.cursorAgeMs > RUN_LIFE_MS) {
    observer.note('The last run was left off more than 24 hours ago: a new one begins.')
    return null
  }
  const where = run.state === 'clearing' ? 'after the list' : `after page ${run.pages}`
  observer.note(`Going on with the last run ${where} (--restart begins anew).`)
  return run
}

/** Stores the list from where `run` was left off, or from its start. */
async function list(options: BackfillOptions, run: Run | null): Promise<Run> {
  const { ledger, line, channel, observer, signal, clock = Date.now } = options
  let current = run
  // A list whose pages cannot be stored is not read on.
  const leaving = new AbortController()
  const reading = AbortSignal.any([signal, leaving.signal])
  const askedAt = clock()
  const pages = readList({ line, start: run?.cursor ?? null, signal: reading })
  try {
    for await (const together of gathered(pages, PAGES_AHEAD)) {
      current ??= await ledger.beginRun('backfill', channel, asOf(askedAt, together[0]?.date))
      current = await ledger.recordPages(current.id, together).catch((error) => {
        leaving.abort()
        throw error
      })
      observer.progress(current)
      signal.throwIfAborted()
    }
  } catch (error) {
    // From here a run that goes on would only find the same.
    if (error instanceof EndlessList && current) await ledger.endRun(current.id, 'abandoned')
    throw error
  }
  return current as Run
}

/**
 * The one date of all that a list says: by the earlier of our clock before the first page was asked for, and LINE's when it
 * answered, so that neither a clock of ours that is wrong nor a list that lags can win over what webhooks say.
 */
function asOf(askedAt: number, date: number | undefined): number {
  if (date !== undefined) return Math.min(askedAt, date + DATE_PRECISION_MS) - MARGIN_MS
  throw new BackfillError(
    "LINE's follower list came without the header Date, so that nobody can tell how old it is; let what stands between here and LINE pass that header, and run backfill again",
  )
}

/** Clears those who were missing from the complete list, unless that would be suspiciously many. */
async function clear({ ledger, observer, signal, allowMassClear }: BackfillOptions, run: Run): Promise<Run> {
  const absent = await ledger.countAbsent(run.id)
  if (run.invalid > 0 && absent > 0) {
    observer.note(
      `LINE listed entries that are no user ids (${run.invalid}), so that nobody is cleared for not being listed.`,
    )
  } else {
    // Where some are cleared already, the run has passed here before.
    if (!allowMassClear && run.gone === 0 && isMassClear(absent, run)) {
      await ledger.endRun(run.id, 'abandoned')
      throw new BackfillError(
        `${number(absent)} of ${number(run.known)} known friends are missing from LINE's list, and nobody was cleared, since that is more than ${MASS_CLEAR_SHARE * 100} %; if they are really gone, run backfill with --allow-mass-clear`,
      )
    }
    for await (const cleared of ledger.clearAbsent(run.id)) {
      observer.progress(cleared)
      signal.throwIfAborted()
    }
  }
  return ledger.endRun(run.id, 'complete')
}

const number = (value: number) => value.toLocaleString('en')

/** Whether so many would be cleared that probably the list is wrong. */
export const isMassClear = (absent: number, { known }: Run) =>
  absent > MASS_CLEAR_PEOPLE && absent > known * MASS_CLEAR_SHARE
