import t from 'tap'
import { openPostgresLedger } from '../../src/ledger/postgres/ledger.ts'
import { PATIENCE_MS, startPostgres } from '../harness/postgres.ts'
import { ledgerContract, type Subject } from './contract.ts'
import { deskContract } from './desk-contract.ts'
import { forgettingContract } from './forgetting-contract.ts'
import { linksContract } from './links-contract.ts'
import { peopleContract } from './people-contract.ts'
import { placementModel } from './placement-model.ts'
import { runsContract } from './runs-contract.ts'
import { tokensContract } from './tokens-contract.ts'

const server = await startPostgres()
t.teardown(() => server.stop())

const create = async (): Promise<Subject> => {
  const url = await server.createSchema()
  return {
    open: (clock, options) => openPostgresLedger({ url, clock, busyTimeoutMs: PATIENCE_MS, ...options }),
    remove: () => server.dropSchema(url),
  }
}
ledgerContract('postgres', create)
runsContract('postgres', create)
linksContract('postgres', create)
tokensContract('postgres', create)
deskContract('postgres', create)
peopleContract('postgres', create)
forgettingContract('postgres', create)
placementModel(
  'postgres',
  async (t, clock) => {
    const subject = await create()
    t.teardown(() => subject.remove())
    return subject.open(clock)
  },
  30,
)
