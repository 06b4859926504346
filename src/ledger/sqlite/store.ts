import { createMergeStore } from './alias-merges.ts'
import { createCustomerStore } from './customers.ts'
import { createDesk } from './desk.ts'
import { asc, drizzle } from './drizzle.ts'
import { createDueProfiles } from './due-profiles.ts'
import { createFailures } from './failures.ts'
import { createForgettingStore } from './forgetting.ts'
import { countGrowth } from './growth.ts'
import { createIgnoring } from './ignoring.ts'
import { createKnownContacts } from './known-contacts.ts'
import { createKnownProfiles } from './known-profiles.ts'
import { createLeaseStore } from './leases.ts'
import { createLinkStore } from './links.ts'
import { createLocks } from './locks.ts'
import { createMoving } from './moving.ts'
import type { OpenDatabase } from './open.ts'
import { createPlacement } from './placement.ts'
import { createRemains } from './remains.ts'
import { createRunContacts } from './run-contacts.ts'
import { createRunStore } from './runs.ts'
import { counts } from './schema.ts'
import { type Stored, transactions } from './stored.ts'
import { createTokenStore } from './tokens.ts'
import { createWrite } from './write.ts'

/** What the ledger asks of one open database. Synchronous: each call is over when it returns. */
export function createStore({ db: database }: Pick<OpenDatabase, 'db'>, messagerWindowMs = 0) {
  countGrowth(database)
  const db = drizzle(database)
  const locks = createLocks(database.name)
  const atomic = transactions(database)
  const runs = createRunStore(db, atomic)
  const place = createPlacement(database)
  const ignoring = createIgnoring(database)
  const { closeFile, ...remains } = createRemains(database, atomic)
  const allCounts = db.select().from(counts).orderBy(asc(counts.channel)).prepare()

  const stored = {
    counts: () => allCounts.all(),
  } satisfies Partial<Stored>

  return {
    ...stored,
    ...createLeaseStore(db, atomic, locks),
    ...runs.stored,
    ...createRunContacts(database, atomic, runs, place, ignoring),
    ...createKnownProfiles(database, atomic),
    ...createKnownContacts(database),
    ...createFailures(database),
    ...createDueProfiles(database, atomic),
    ...createLinkStore(database, atomic, place, ignoring),
    ...createForgettingStore(database, atomic, place),
    ...remains,
    ...createCustomerStore(database, atomic, place),
    ...createMergeStore(database, atomic, place),
    ...createTokenStore(database, atomic),
    ...createDesk(database, atomic),
    ...createMoving(database, atomic),
    ...createWrite(database, atomic, { place, ignoring, messagerWindowMs }),
    lock: locks.lock,
    unlock: locks.unlock,
    close() {
      locks.close()
      database.close()
      closeFile()
    },
  }
}

export type Store = ReturnType<typeof createStore>
