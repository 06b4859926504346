/** The same calls on SQLite and on PostgreSQL, in random order: whatever can be read afterwards is to be the same. */
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { friend, gone, messaged } from '../../src/contact/contact.ts'
import { type Acknowledgement, DELIVERY_LEASE, type Ledger } from '../../src/ledger/ledger.ts'
import { openPostgresLedger } from '../../src/ledger/postgres/ledger.ts'
import type { LedgerPart } from '../../src/ledger/records.ts'
import { folder } from '../harness/files.ts'
import { openInline } from '../harness/ledger.ts'
import { key, nameOf } from '../harness/people.ts'
import { PATIENCE_MS, startPostgres } from '../harness/postgres.ts'

const server = await startPostgres()
t.teardown(() => server.stop())

const USERS = ['u0', 'u1', 'u2', 'u3']
const CUSTOMERS = ['c0', 'c1']
const SETTLE_MS = 5_000
const WINDOW_MS = 40_000
/** After each step, and not only now and then. */
const READS_ALL = process.env.MODEL_RUNS !== undefined
const ACTIONS = ['identify', 'look', 'rename'] as const

const userId = fc.constantFrom(...USERS)
const ago = fc.nat(60_000)
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('record'),
      what: fc.array(
        fc.record({
          userId,
          how: fc.constantFrom('friend', 'friend', 'messaged', 'gone'),
          ago: fc.constantFrom(0, 0, 1, 3_000, 50_000, -10_000),
        }),
        { minLength: 1, maxLength: 4 },
      ),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('link'),
      userId,
      externalId: fc.constantFrom(...CUSTOMERS, null),
      ago: fc.constantFrom(null, 0, 5_000),
      byRun: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('check'), isKnown: fc.boolean() }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('deliver'),
      fates: fc.array(fc.constantFrom('taken', 'taken', 'rejected', 'lost', 'old', 'untold'), {
        minLength: 4,
        maxLength: 4,
      }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('forget'),
      userId,
      deletesProfile: fc.boolean(),
      lifeMs: fc.constantFrom(10_000, 1e9),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('erase'),
      how: fc.constantFrom('erase', 'erase', 'deleting', 'clearing', 'stuck'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('list'),
      users: fc.subarray(USERS),
      ago,
      isLast: fc.boolean(),
      clears: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('merge'),
      outcome: fc.constantFrom('again', 'asked', 'merged', 'left', 'unknown', 'renamed'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('resend'), which: fc.constantFrom('all', 'failed') }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('recheck') }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom('clamp', 'lapse', 'end', 'sample', 'lease', 'nonce', 'proof'),
      userId,
      n: fc.nat(3),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('wait'),
      ms: fc.constantFrom(1, 1_000, 3_000, 5_000, 20_000, 70_000, -3_600_000, 3_600_000),
    }),
  },
)
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

/** One of the two ledgers. Profiles go by their names, in the order of these: ids are each database's own. */
function createSide(ledger: Ledger, clock: { now: number }) {
  let holder = 0
  let proofs = 0
  const byName = <T>(items: readonly T[], of: (item: T) => string) =>
    items.toSorted((a, b) => (of(a) < of(b) ? -1 : 1))
  const all = async () => (await Array.fromAsync(ledger.profiles('default'))).flat()

  async function perform(step: Step): Promise<unknown> {
    const at = clock.now
    switch (step.kind) {
      case 'record': {
        const evidence = step.what.map(({ userId, how, ago }) =>
          ({ friend, messaged, gone })[how as 'gone'](key(userId), at - ago),
        )
        return ledger.record(evidence)
      }
      case 'link': {
        const run = step.byRun ? (await ledger.beginRun('links', 'default', at)).id : undefined
        return ledger.link(
          [
            {
              ...key(step.userId),
              externalId: step.externalId,
              linkedAt: step.ago === null ? null : at - step.ago,
            },
          ],
          run,
        )
      }
      case 'check': {
        const due = await ledger.toCheck(10)
        await ledger.keepChecks(due.map(({ id }) => ({ id, againMs: step.isKnown ? null : 60_000.5 })))
        return byName(
          due.map(({ id: _, ...rest }) => rest),
          (each) => each.externalId,
        )
      }
      case 'deliver': {
        const due = byName(await ledger.due(100), (each) => nameOf(each.address))
        const answers = due.flatMap(({ id, revision, value }, i): Acknowledgement[] => {
          const fate = step.fates[i % 4]
          if (fate === 'lost') return []
          if (fate === 'untold')
            return value === null ? [{ id, revision, failure: null, untold: `h${holder}` }] : []
          if (fate === 'rejected') return [{ id, revision, failure: 'no' }]
          return [{ id, revision: fate === 'old' ? Math.max(1, revision - 1) : revision, failure: null }]
        })
        await ledger.acknowledge(answers, SETTLE_MS)
        return due.map(({ id: _, ...rest }) => rest)
      }
      case 'forget': {
        const begun = await ledger.forget(key(step.userId), step)
        return begun && { ...begun, receipt: '' }
      }
      case 'erase': {
        const due = byName(await ledger.toForget(10), (each) => each.userId ?? '')
        const [first] = due
        const said = []
        if (first && step.how === 'erase') said.push(await ledger.erase(first.receipt, 'kept'))
        else if (first)
          said.push(
            await ledger.keepForgetting({
              receipt: first.receipt,
              state: step.how === 'deleting' ? 'deleting' : 'clearing',
              restMs: step.how === 'deleting' ? 30_000 : 1_000,
              problem: step.how === 'stuck' ? 'no' : null,
            }),
          )
        return [...due.map(({ receipt: _, ...rest }) => rest), ...said]
      }
      case 'list': {
        const run = await ledger.beginRun('backfill', 'default', at - step.ago)
        const after = await ledger.recordPages(run.id, [
          { userIds: step.users, invalid: 0, next: step.isLast ? null : 'next' },
        ])
        const absent = await ledger.countAbsent(run.id)
        const cleared = step.clears ? await Array.fromAsync(ledger.clearAbsent(run.id)) : []
        return [after, absent, cleared.at(-1)]
      }
      case 'merge': {
        const due = byName(await ledger.toMerge(10, ACTIONS), (each) => each.userId)
        await ledger.keepMerges(
          due.map(({ id, action }) => ({ id, action, outcome: step.outcome as 'again', restMs: 1_000.5 })),
        )
        return due.map(({ id: _, ...rest }) => rest)
      }
      case 'resend': {
        const run = await ledger.beginRun('resync', 'default')
        const profiles = (await all()).filter(({ failed }) => failed || step.which === 'all')
        const resent = await ledger.resend(
          run.id,
          profiles.map(({ id }) => id),
        )
        return [resent, await ledger.outstanding(run.id)]
      }
      case 'recheck':
        return ledger.recheck((await all()).map(({ id }) => id))
      case 'clamp':
        return ledger.clampDue(SETTLE_MS)
      case 'lapse':
        return ledger.lapse()
      case 'end':
        return ledger.endForgettings()
      case 'sample':
        return ledger.keepSample()
      case 'lease': {
        await ledger.releaseLease(DELIVERY_LEASE, `h${holder}`, 0)
        holder += 1
        return ledger.holdLease(DELIVERY_LEASE, `h${holder}`, 600_000, { endedMs: 0, lostMs: 0 })
      }
      case 'nonce': {
        await ledger.addNonce(`n${proofs}`, 'default', 'c0', 10_000)
        return ledger.redeemNonce(`n${proofs++}`, key(step.userId), at)
      }
      case 'proof':
        return ledger.linkOnce(`p${step.n}`, { ...key(step.userId), externalId: 'c1' }, 10_000)
      case 'wait':
        return
    }
  }

  async function read() {
    const parts = new Map<string, unknown[]>()
    for await (const part of ledger.dump() as AsyncIterable<LedgerPart>) {
      if (!('rows' in part)) continue
      const rows = (part.rows as unknown as Record<string, unknown>[]).map((row) =>
        part.kind === 'forgotten' ? { ...row, id: '', hash: '', key: '' } : row,
      )
      const isCounted = (row: object) =>
        part.kind !== 'growth' || Object.values(row).some((n) => typeof n === 'number' && n > 0)
      if (rows.some(isCounted))
        parts.set(part.kind, [...(parts.get(part.kind) ?? []), ...rows.filter(isCounted)])
    }
    const people = await Promise.all(USERS.map((userId) => ledger.person(key(userId))))
    const forgettings = await Promise.all(
      USERS.map(async (userId) =>
        (await ledger.forgettings('default', { userId })).map((f) => ({ ...f, receipt: '' })),
      ),
    )
    return {
      parts: Object.fromEntries([...parts].map(([kind, rows]) => [kind, rows.map(shown).sort()])),
      people: people.map((p) => p && { ...p, customers: byName(p.customers, (c) => c.externalId) }),
      counts: await ledger.counts(),
      forgettings,
      open: await ledger.beingForgotten(),
      samples: await ledger.samples(1e9),
      next: [await ledger.nextDueMs(), await ledger.nextCheckMs(), await ledger.nextMergeMs(ACTIONS)],
      failures: byName(
        (await Array.fromAsync(ledger.failures())).flat().map(({ id: _, ...rest }) => rest),
        (f) => nameOf(f.address),
      ),
    }
  }
  return { perform, read }
}

/** As JSON, whatever the order of the fields. */
const shown = (value: unknown) =>
  JSON.stringify(value, (_, each) =>
    each && typeof each === 'object' && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)))
      : each,
  )

const fieldsOf = (value: unknown, path = ''): [string, string][] =>
  value && typeof value === 'object'
    ? Object.entries(value).flatMap(([name, each]) => fieldsOf(each, `${path}.${name}`))
    : [[path, String(value)]]

function differences(said: readonly unknown[]): string {
  const [sqlite, postgres] = said.map((each) => new Map(fieldsOf(each)))
  const paths = new Set([...(sqlite?.keys() ?? []), ...(postgres?.keys() ?? [])])
  return [...paths]
    .filter((path) => sqlite?.get(path) !== postgres?.get(path))
    .map((path) => `${path}: ${sqlite?.get(path)} | ${postgres?.get(path)}`)
    .join('\n')
}

t.test('the same calls have the same effects', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(step as fc.Arbitrary<Step>, { maxLength: 40, size: 'max' }), async (steps) => {
      const clock = { now: 1_800_000_000_000 }
      const url = await server.createSchema()
      const sqlite = await openInline({
        url: `file:${join(folder(t), 'ledger.db')}`,
        clock: () => clock.now,
        messagerWindowMs: WINDOW_MS,
      })
      const postgres = await openPostgresLedger({
        url,
        clock: () => clock.now,
        busyTimeoutMs: PATIENCE_MS,
        messagerWindowMs: WINDOW_MS,
      })
      try {
        const sides = [createSide(sqlite, clock), createSide(postgres, clock)]
        for (const side of sides) await side.perform({ kind: 'lease', userId: 'u0', n: 0 } as Step)
        for (const [i, each] of steps.entries()) {
          clock.now += each.kind === 'wait' ? each.ms : 1
          const isRead = READS_ALL || i % 8 === 7 || i === steps.length - 1
          const said = []
          for (const side of sides) said.push([await side.perform(each), isRead ? await side.read() : null])
          const [a, b] = said.map(shown)
          if (a !== b) {
            throw new Error(`after step ${i}, ${JSON.stringify(each)}: ${differences(said)}`)
          }
        }
      } finally {
        await sqlite.close()
        await postgres.close()
        await server.dropSchema(url)
      }
    }),
    // To shrink takes hours.
    { numRuns: Number(process.env.MODEL_RUNS ?? 4), endOnFailure: true },
  )
})
