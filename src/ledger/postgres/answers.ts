import type { Acknowledgements } from '../group-commit.ts'
import { DELIVERY_LEASE } from '../ledger.ts'
import { countedContact, countedCustomer, createTally, type Tally } from './counting.ts'
import type { Database, Sql } from './database.ts'
import { keyOf, type ProfileKind } from './profile-ids.ts'

/** What was said of one profile, and after how many milliseconds it may be written again. */
interface Answer {
  readonly kind: ProfileKind
  readonly channel: string
  readonly name: string
  /** The greatest revision that Braze accepted, or that there was no need to tell; 0: none. */
  accepted: number
  /** Nothing was sent for it. */
  isUntold: boolean
  rejected: number
  failure: string | null
  settleMs: number
}

/** Stores what Braze answered, in one transaction. Returns the channels in which places have to be worked out. */
export async function storeAnswers(
  database: Database,
  calls: readonly Acknowledgements[],
): Promise<string[]> {
  const { answers, untoldBy } = sorted(calls)
  return database.transaction(async (transaction) => {
    const tally = createTally()
    const isHolder = untoldBy !== null && (await isHeldBy(transaction, untoldBy))
    const counted = [...answers.values()].filter(({ isUntold }) => isHolder || !isUntold)
    const touched = new Set<string>()
    for (const kind of ['contact', 'customer'] as const) {
      const mine = counted.filter((answer) => answer.kind === kind)
      if (mine.length === 0) continue
      await change(transaction, kind, mine, tally)
      const rows = await transaction.query<{ channel: string }>(TOUCH[kind], columns(mine))
      for (const { channel } of rows) touched.add(channel)
    }
    await tally.write(transaction)
    return [...touched]
  })
}

function sorted(calls: readonly Acknowledgements[]) {
  const answers = new Map<string, Answer>()
  // One process delivers as one holder.
  let untoldBy: string | null = null
  for (const { answers: some, settleMs } of calls) {
    for (const { id, revision, failure, untold } of some) {
      untoldBy = untold ?? untoldBy
      const answer = answers.get(String(id)) ?? nothingOf(String(id))
      answers.set(String(id), answer)
      if (failure !== null) Object.assign(answer, { rejected: revision, failure })
      else answer.accepted = Math.max(answer.accepted, revision)
      if (untold === undefined) {
        answer.isUntold = false
        answer.settleMs = Math.max(answer.settleMs, settleMs)
      }
    }
  }
  return { answers, untoldBy }
}

const nothingOf = (id: string): Answer => ({
  ...keyOf(id),
  accepted: 0,
  isUntold: true,
  rejected: 0,
  failure: null,
  settleMs: -1,
})

const columns = (answers: readonly Answer[]) => ({
  channels: answers.map(({ channel }) => channel),
  names: answers.map(({ name }) => name),
  accepted: answers.map(({ accepted }) => accepted),
  untold: answers.map(({ isUntold }) => isUntold),
  rejected: answers.map(({ rejected }) => rejected),
  failures: answers.map(({ failure }) => failure),
  settles: answers.map(({ settleMs }) => settleMs),
})

/** The lease cannot change hands before this transaction is over. */
const isHeldBy = async (sql: Sql, holder: string) =>
  (
    await sql.query('SELECT 1 FROM leases WHERE name = @name AND holder = @holder FOR SHARE', {
      name: DELIVERY_LEASE,
      holder,
    })
  ).length > 0

const change = (sql: Sql, kind: ProfileKind, answers: readonly Answer[], tally: Tally) =>
  tally.change(sql, CHANGE[kind], columns(answers))

const ANSWER = `unnest(
    @channels::text[], @names::text[], @accepted::int[], @untold::bool[], @rejected::int[], @failures::text[], @settles::float8[]
  ) AS answer (channel, name, accepted, is_untold, rejected, failure, settle_ms)`

/** Locks first, in the order of the keys. */
const changing = (table: string, key: string, settle: string, counted: (of: string) => string) => `
  UPDATE ${table} AS c SET
    accepted = greatest(c.accepted, answer.accepted),
    -- What changed while the request was under way has been pending since then.
    changed_at = CASE WHEN answer.accepted > 0 AND c.revision > answer.accepted
      THEN greatest(c.changed_at, @now) ELSE c.changed_at END,
    failure = CASE WHEN answer.rejected = c.revision AND answer.failure IS NOT NULL THEN answer.failure ELSE c.failure END,
    ${settle},
    was = ${counted('c')}
  FROM (
    SELECT locked.${key} AS locked_key, answer.* FROM ${ANSWER}
    JOIN ${table} AS locked ON locked.channel = answer.channel AND locked.${key} = answer.name
    ORDER BY locked.channel, locked.${key} FOR UPDATE OF locked
  ) AS answer
  WHERE c.channel = answer.channel AND c.${key} = answer.name
  RETURNING c.channel, c.was AS before, ${counted('c')} AS after`

/** The settle pause. Where nothing was sent there is none. */
const SETTLED = 'CASE WHEN answer.settle_ms < 0 THEN 0 ELSE ceil(@now + answer.settle_ms)::bigint END'
const CHANGE = {
  /** Who waited for a look-up when this was sent waits for this now, and no look-up ends it. */
  contact: changing(
    'contacts',
    'user_id',
    `due_at = greatest(CASE WHEN c.due_at = c.check_until THEN 0 ELSE c.due_at END, ${SETTLED}),
    check_until = CASE WHEN c.check_until > greatest(c.due_at, @now) THEN c.check_until END`,
    countedContact,
  ),
  customer: changing('customers', 'external_id', `due_at = greatest(c.due_at, ${SETTLED})`, countedCustomer),
}

/** What a user id waits for before it moves on. With a snapshot of its own: the rows are locked by now. */
const touching = (rows: string) => `
  WITH moving AS (${rows})
  INSERT INTO touched (channel, user_id, is_told) SELECT channel, user_id, is_told FROM moving RETURNING channel`
const TOUCH = {
  contact: touching(`
    SELECT c.channel, c.user_id, NOT answer.is_untold AS is_told FROM ${ANSWER}
    JOIN contacts AS c ON c.channel = answer.channel AND c.user_id = answer.name
    WHERE answer.accepted > 0 AND c.accepted = c.revision AND c.customer IS DISTINCT FROM c.target`),
  customer: touching(`
    SELECT c.channel, c.user_id, NOT answer.is_untold AS is_told FROM ${ANSWER}
    JOIN customers AS place ON place.channel = answer.channel AND place.external_id = answer.name
    JOIN contacts AS c ON c.channel = place.channel AND c.customer = place.external_id
    WHERE answer.accepted > 0 AND place.accepted = place.revision AND c.customer IS DISTINCT FROM c.target`),
}
