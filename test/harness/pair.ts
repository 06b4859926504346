import { execFileSync } from 'node:child_process'
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import type { Test } from 'tap'
import { createOwn } from './postgres.ts'

/**
 * A PostgreSQL and its standby, which has what the first one has committed; with `isSynchronous` before anybody is told so.
 * Both end with the test.
 */
export async function startPair(t: Test, { isSynchronous }: { isSynchronous: boolean }) {
  const ready = Promise.withResolvers<void>()
  const primary = await createOwn(isSynchronous ? ['-c', 'synchronous_standby_names=*'] : [])
  const standby = await createOwn([], (line) => {
    if (line.includes('ready to accept read-only connections')) ready.resolve()
  })
  t.teardown(() => Promise.all([primary.remove(), standby.remove()]))
  await primary.initialise()
  copyAsStandby(primary, standby.folder)
  await primary.start()
  // It counts as started when it is promoted.
  const promoted = standby.start()
  await Promise.race([ready.promise, promoted])
  const admin = new pg.Client(primary.url)
  admin.on('error', () => {})
  await admin.connect()
  const isStreaming = async () =>
    (await admin.query("SELECT 1 FROM pg_stat_replication WHERE state = 'streaming'")).rowCount
  while (!(await isStreaming()));

  const onStandby = async (text: string) => {
    const client = new pg.Client(standby.url)
    await client.connect()
    await client.query(text).finally(() => client.end())
  }
  return {
    url: primary.url,
    standbyUrl: standby.url,
    /** As when its machine fails. Resolves when it is gone. */
    kill() {
      const [pid] = readFileSync(join(primary.folder, 'data/postmaster.pid'), 'utf8').split('\n')
      process.kill(Number(pid), 'SIGKILL')
      // So that nobody waits later for an end that has been.
      return primary.server.stop()
    },
    /** From now on what the primary commits does not get here. */
    async disconnect() {
      await onStandby("ALTER SYSTEM SET primary_conninfo = ''")
      await onStandby('SELECT pg_reload_conf()')
      while (await isStreaming());
    },
    /** Resolves once it can be written to. */
    async promote() {
      await onStandby('SELECT pg_promote()')
      await promoted
    },
  }
}

/** The folder of a server that has not been started yet is a backup of it. */
function copyAsStandby({ folder, url }: { folder: string; url: string }, to: string) {
  const data = join(to, 'data')
  // With their owners.
  execFileSync('cp', ['-Rp', join(folder, 'data'), data])
  writeFileSync(join(data, 'standby.signal'), '')
  appendFileSync(join(data, 'postgresql.auto.conf'), `primary_conninfo = '${url}'\n`)
}
