import t from 'tap'
import { migrateLedger } from '../../src/ledger/open.ts'
import { createPool } from '../../src/ledger/postgres/connections.ts'
import { createDatabase } from '../../src/ledger/postgres/database.ts'
import { createLeaseStore } from '../../src/ledger/postgres/leases.ts'
import { PATIENCE_MS, startPostgres } from '../harness/postgres.ts'

const server = await startPostgres()
t.teardown(() => server.stop())

const LEASE_MS = 16_000
const AFTERMATH = { endedMs: 5_000, lostMs: 18_000 }

t.test(
  'what a former holder may have sent is counted from when its lease was last seen renewed',
  async (t) => {
    const url = await server.createSchema()
    await migrateLedger(url)
    const pool = createPool({ url, waitMs: PATIENCE_MS })
    t.teardown(() => pool.end())
    let now = 1_000_000
    let monotonic = 0
    const database = createDatabase({ connections: pool, name: 'x', clock: () => now })
    const store = () => createLeaseStore(database, () => monotonic)
    const [mine, theirs] = [store(), store()]
    const hold = (of: typeof mine, holder: string) => of.holdLease('x', holder, LEASE_MS, AFTERMATH)
    const pass = (ms: number) => {
      now += ms
      monotonic += ms
    }

    await hold(theirs, 'they')
    t.match(await hold(mine, 'me'), { held: false })
    pass(3_000)
    await hold(theirs, 'they')
    t.match(await hold(mine, 'me'), { held: false }, 'renewed: it begins anew')
    pass(15_999)
    t.match(await hold(mine, 'me'), { held: false })
    pass(1)
    t.strictSame(await hold(mine, 'me'), { held: true, quietMs: 2_000 })

    // The database's clock jumped: their lease has run out, and they have renewed it a moment ago.
    t.match(await hold(theirs, 'they'), { held: false })
    now += 17_000
    monotonic += 1_000
    t.strictSame(await hold(theirs, 'they'), { held: true, quietMs: 17_000 })
    // Whoever has not seen it before knows nothing of that.
    now += 17_000
    t.strictSame(await hold(store(), 'somebody'), { held: true, quietMs: 18_000 })
  },
)
