import { join } from 'node:path'
import { createSqliteLedger } from '../../src/ledger/sqlite/ledger.ts'
import { openDatabase } from '../../src/ledger/sqlite/open.ts'
import { createStore } from '../../src/ledger/sqlite/store.ts'
import type { RemoteStore } from '../../src/ledger/sqlite/thread.ts'
import { folder } from '../harness/files.ts'
import { placementModel } from './placement-model.ts'

placementModel('sqlite', async (t, clock) => {
  const open = openDatabase(join(folder(t), 'ledger.db'))
  // A crash of the machine is another test's business.
  open.db.pragma('synchronous = OFF')
  const store = Object.entries(createStore(open)).map(([name, method]) => [
    name,
    async (...args: never[]) => (method as (...args: never[]) => unknown)(...args),
  ])
  return createSqliteLedger(Object.fromEntries(store) as RemoteStore, { clock, rest: async () => {} })
})
