import type { FollowerPage, Ledger, Run } from '../ledger.ts'
import { analyze } from './analyze.ts'
import { statusOf } from './counting.ts'
import type { Database, Transaction } from './database.ts'
import { ignoring } from './ignoring.ts'
import { type Learnt, learning } from './learning.ts'
import { asRun, changeRun, findRun, lockRun, refuseOtherAccount } from './runs.ts'

/** Pages stored in one transaction, and contacts cleared in one: rows are locked for as long. */
const PAGES_AT_ONCE = 4
const CLEAR_AT_ONCE = 2_000

export interface RunContactsOptions {
  readonly database: Database
  /** To be called in each transaction of a run: rejects where the run must not go on. */
  readonly assertLocked: (transaction: Transaction) => Promise<void>
  /** To be called when what was touched is committed. */
  readonly settle: (touched: readonly string[] | null) => Promise<void>
}

/** What runs do to contacts. */
export function createRunContacts({ database, assertLocked, settle }: RunContactsOptions) {
  const recordSome = (id: number, pages: readonly FollowerPage[]) =>
    database.transaction(async (transaction) => {
      await assertLocked(transaction)
      const run = await lockRun(transaction, id)
      await refuseOtherAccount(transaction, run)
      const { channel, asOf } = run
      const users = pages.flatMap(({ userIds }) => userIds)
      const [learnt] = await transaction.query<Learnt>(LIST, { channel, asOf, run: id, users })
      const { added = 0, returned = 0, touched = null } = learnt ?? {}
      const next = pages.at(-1)?.next ?? null
      const now = await transaction.now()
      const stored = await changeRun(transaction, id, {
        state: next === null ? 'clearing' : 'listing',
        cursor: next,
        cursorAt: now,
        pages: run.pages + pages.length,
        listed: run.listed + users.length,
        invalid: run.invalid + pages.reduce((sum, { invalid }) => sum + invalid, 0),
        added: run.added + added,
        returned: run.returned + returned,
      })
      return { run: asRun(stored, now), touched }
    })

  const clearSome = (id: number, users: readonly string[]) =>
    database.transaction(async (transaction) => {
      await assertLocked(transaction)
      const run = await lockRun(transaction, id)
      await refuseOtherAccount(transaction, run)
      const { channel, asOf } = run
      const [learnt] = await transaction.query<Learnt>(CLEAR, { channel, asOf, run: id, users })
      const { gone = 0, touched = null } = learnt ?? {}
      const stored = await changeRun(transaction, id, { gone: run.gone + gone })
      return { run: asRun(stored, await transaction.now()), touched }
    })

  const findNow = (id: number) =>
    database.transaction(async (transaction) => ({
      row: await findRun(transaction, id),
      now: await transaction.now(),
    }))

  return {
    async recordPages(id, pages) {
      let run: Run | undefined
      for (let from = 0; from < pages.length; from += PAGES_AT_ONCE) {
        const some = pages.slice(from, from + PAGES_AT_ONCE)
        const stored = await recordSome(id, some)
        await settle(stored.touched)
        run = stored.run
        if (magnitude(run.pages) > magnitude(run.pages - some.length)) await analyze(database, ['contacts'])
      }
      return run as Run
    },
    async countAbsent(id) {
      const { row } = await findNow(id)
      const { channel, asOf } = row
      const [count] = await database.query<{ absent: number }>(COUNT_ABSENT, { channel, asOf }, 0)
      return count?.absent ?? 0
    },
    /** Whom to clear is found without keeping anybody from writing: it may be one in a million. */
    async *clearAbsent(id) {
      const { row, now } = await findNow(id)
      const { channel, asOf } = row
      let last = asRun(row, now)
      for (let after: string | undefined = ''; after !== undefined; ) {
        const page = { channel, asOf, after, limit: CLEAR_AT_ONCE }
        // However long it takes, where hardly anybody is absent.
        const absent: { userId: string }[] = await database.query(ABSENT, page, 0)
        after = absent.at(-1)?.userId
        if (after === undefined) continue
        const cleared = await clearSome(
          id,
          absent.map(({ userId }) => userId),
        )
        await settle(cleared.touched)
        last = cleared.run
        yield last
      }
      yield last
    },
  } satisfies Partial<Ledger>
}

/** Of the first ten pages, hundred pages, and so on, something else is true than what everybody has planned for. */
const magnitude = (pages: number) => (pages < 1 ? 0 : Math.floor(Math.log10(pages)))

const LIST = learning(
  ignoring(
    `
  SELECT DISTINCT @channel::text AS channel, user_id, @asOf::bigint AS friend_at, 0::bigint AS messaged_at,
    0::bigint AS gone_at, @run::bigint AS run
  FROM unnest(@users::text[]) AS t (user_id)`,
    'list',
  ),
)

const IS_ABSENT = `${statusOf('contacts')} = 'friend' AND friend_at < @asOf::bigint`

/** Somebody may have followed since they were found. */
const CLEAR = learning(`batch AS (
  SELECT channel, user_id, 0::bigint AS friend_at, 0::bigint AS messaged_at, @asOf::bigint AS gone_at, @run::bigint AS run
  FROM contacts WHERE channel = @channel AND user_id = ANY(@users::text[]) AND ${IS_ABSENT})`)

const COUNT_ABSENT = `SELECT count(*) AS absent FROM contacts WHERE channel = @channel AND ${IS_ABSENT}`
const ABSENT = `
  SELECT user_id AS "userId" FROM contacts
  WHERE channel = @channel AND user_id > @after AND ${IS_ABSENT} ORDER BY user_id LIMIT @limit`
