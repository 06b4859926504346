/** A PostgreSQL server of the benchmark's own, with its settings as they come: what it says is stored is on disk. */
import { readFileSync, rmSync } from 'node:fs'
import { createOwn } from '../../test/harness/postgres.ts'
import { familyCpuSeconds } from './usage.ts'

export interface Postgres {
  /** Of an empty database. */
  readonly url: string
  /** The CPU time of all its processes so far, see usage.ts. */
  cpuSeconds(): number
  stop(): Promise<void>
}

export async function startPostgres(): Promise<Postgres> {
  // The last one of a name counts: tests do without.
  const { server, url, folder, starting, remove } = await createOwn(['-c', 'fsync=on'])
  await starting(server.initialise())
  await starting(server.start())
  const pid = Number(readFileSync(`${folder}/data/postmaster.pid`, 'utf8').split('\n')[0])
  /** At once, and its processes with it: nobody needs what it holds. */
  function kill() {
    process.kill(pid, 'SIGQUIT')
    rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
  }
  process.once('exit', kill)
  return {
    url,
    cpuSeconds: () => familyCpuSeconds(pid),
    async stop() {
      process.off('exit', kill)
      await remove()
    },
  }
}
