import t from 'tap'
import { startPostgres } from '../harness/postgres.ts'
import { relinkCrash } from './relink-crash.ts'

const postgres = await startPostgres()
t.teardown(() => postgres.stop())
relinkCrash('PostgreSQL', postgres.createSchema)
