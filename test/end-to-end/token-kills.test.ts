import { tokenKills } from './token-kills.ts'

tokenKills('sqlite', { databaseUrl: async () => undefined, rotations: 14, servers: 6 })
