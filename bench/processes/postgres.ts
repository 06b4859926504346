/** A PostgreSQL server of the benchmark's own, with its settings as they come: what it says is stored is on disk. */
import { existsSync, readFileSync, rmSync } from 'node:fs'
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
  const { url, folder, initialise, start, remove } = await createOwn(['-c', 'fsync=on'])
  await initialise()
  await start()
  const pidFile = `${folder}/data/postmaster.pid`
  const pid = Number(readFileSync(pidFile, 'utf8').split('\n')[0])
  /** At once, and its processes with it: nobody needs what it holds. While it ends it still makes and removes files. */
  function kill() {
    process.kill(pid, 'SIGQUIT')
    const nobody = new Int32Array(new SharedArrayBuffer(4))
    for (let looks = 0; looks < 100 && existsSync(pidFile); looks += 1) Atomics.wait(nobody, 0, 0, 20)
    rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })
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
