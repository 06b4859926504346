import t from 'tap'
import { startPostgres } from '../harness/postgres.ts'
import { tokenKills } from './token-kills.ts'
import { tokenServers } from './token-servers.ts'

const postgres = await startPostgres()
t.teardown(() => postgres.stop())

// A lease of who was killed has to run out: each takes some seconds.
tokenKills('postgres', { databaseUrl: () => postgres.createSchema(), rotations: 5, servers: 2 })
tokenServers('postgres', () => postgres.createSchema())
