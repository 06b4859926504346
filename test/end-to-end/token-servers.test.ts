import { tokenServers } from './token-servers.ts'

tokenServers('sqlite', async () => undefined)
