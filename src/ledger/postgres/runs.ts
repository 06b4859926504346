import { type Ledger, LedgerError, type Run } from '../ledger.ts'
import type { Database, Transaction } from './database.ts'
import { and, desc, eq, inArray, isNull } from './drizzle.ts'
import { accounts, runs } from './schema.ts'

type Row = typeof runs.$inferSelect

/** A run as the ledger's interface has it. */
export const asRun = ({ kind: _, cursorAt, beganAt: __, endedAt: ___, ...run }: Row, now: number): Run => ({
  ...run,
  cursorAgeMs: now - cursorAt,
})

function found(id: number, [run]: readonly Row[]): Row {
  if (!run) throw new Error(`There is no run ${id}.`)
  return run
}

/** The run, which nobody else changes before the transaction is over. */
export const lockRun = async ({ drizzle }: Transaction, id: number) =>
  found(id, await drizzle.select().from(runs).where(eq(runs.id, id)).for('update'))
export const changeRun = async ({ drizzle }: Transaction, id: number, to: Partial<Row>) =>
  found(id, await drizzle.update(runs).set(to).where(eq(runs.id, id)).returning())
export const findRun = async ({ drizzle }: Transaction, id: number) =>
  found(id, await drizzle.select().from(runs).where(eq(runs.id, id)))

/** A webhook may have told meanwhile that the run's token is of another account. */
export async function refuseOtherAccount(transaction: Transaction, run: Row) {
  const account = await accountOf(transaction, run.channel)
  if (run.account === (account?.destination ?? null)) return
  throw new LedgerError(
    'Webhooks now name another LINE Official Account than that of this run: its token was wrong, and nothing more of it is stored.',
  )
}

const accountOf = async ({ drizzle }: Transaction, channel: string) =>
  (await drizzle.select().from(accounts).where(eq(accounts.channel, channel)))[0]

const isOfBackfill = (channel: string) => and(eq(runs.channel, channel), eq(runs.kind, 'backfill'))
const isOpen = inArray(runs.state, ['listing', 'clearing'])

/** Runs, and the accounts that they are of. What they do to contacts is in run-contacts.ts. */
export function createRunStore(database: Database) {
  return {
    openRun: (channel) =>
      database.transaction(async (transaction) => {
        const account = await accountOf(transaction, channel)
        const isOfAccount = account ? eq(runs.account, account.destination) : isNull(runs.account)
        const where = and(isOfBackfill(channel), isOpen, isOfAccount)
        const { drizzle } = transaction
        const [run] = await drizzle.select().from(runs).where(where).orderBy(desc(runs.id)).limit(1)
        return run ? asRun(run, await transaction.now()) : null
      }),
    lastListed: (channel) =>
      database.transaction(async ({ drizzle }) => {
        const where = and(isOfBackfill(channel), eq(runs.state, 'complete'))
        const [run] = await drizzle.select().from(runs).where(where).orderBy(desc(runs.id)).limit(1)
        return run?.listed ?? null
      }),
    beginRun: (kind, channel, asOf = 0) =>
      database.transaction(async (transaction) => {
        const { drizzle } = transaction
        const before = and(eq(runs.channel, channel), eq(runs.kind, kind), isOpen)
        const account = (await accountOf(transaction, channel))?.destination ?? null
        const [row] = await transaction.query<{ known: number }>(KNOWN, { channel })
        const now = await transaction.now()
        await drizzle.update(runs).set({ state: 'abandoned', endedAt: now }).where(before)
        const begun = {
          kind,
          channel,
          account,
          asOf,
          state: 'listing',
          cursorAt: now,
          beganAt: now,
          known: row?.known ?? 0,
        } as const
        const [run] = await drizzle.insert(runs).values(begun).returning()
        return asRun(run as Row, now)
      }),
    endRun: (id, state) =>
      database.transaction(async (transaction) => {
        const endedAt = await transaction.now()
        return asRun(await changeRun(transaction, id, { state, cursor: null, endedAt }), endedAt)
      }),
    claimAccount: (channel, destination, heard) =>
      database.transaction(async ({ drizzle, query }) => {
        const where = eq(accounts.channel, channel)
        const [known] = await drizzle.select().from(accounts).where(where)
        if (known && (known.heard || !heard)) return known.destination
        const [claimed] = await query<{ destination: string }>(CLAIM, { channel, destination, heard })
        return (claimed ?? known)?.destination ?? destination
      }),
  } satisfies Partial<Ledger>
}

const KNOWN = 'SELECT coalesce(sum(friend), 0)::bigint AS known FROM counts WHERE channel = @channel'

/** Of several that speak at once the first one counts; it is returned whoever that was. */
const CLAIM = `
  INSERT INTO accounts AS a (channel, destination, heard) VALUES (@channel, @destination, @heard)
  ON CONFLICT (channel) DO UPDATE SET
    destination = CASE WHEN excluded.heard AND NOT a.heard THEN excluded.destination ELSE a.destination END,
    heard = a.heard OR excluded.heard
  RETURNING destination`
