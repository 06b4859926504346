import t from 'tap'
import { startPostgres } from '../harness/postgres.ts'
import { forgetCrash } from './forget-crash.ts'

const server = await startPostgres()
t.teardown(() => server.stop())

forgetCrash('PostgreSQL', () => server.createSchema())
