import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { secretFiles } from '../../src/process/environment.ts'
import { warnOfReadable } from '../../src/process/readable.ts'

t.test('files that others may read', { skip: process.platform === 'win32' }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'line-braze-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  chmodSync(folder, 0o755)
  const make = (name: string, mode: number) => {
    const path = join(folder, name)
    writeFileSync(path, '')
    chmodSync(path, mode)
    return path
  }
  const mine = make('mine', 0o600)
  const groups = make('groups', 0o640)
  const everybodys = make('everybodys', 0o644)
  const link = join(folder, 'link')
  symlinkSync(everybodys, link)
  const closed = join(folder, 'closed')
  mkdirSync(closed, { mode: 0o700 })
  const hidden = make('closed/hidden', 0o644)
  const grouped = join(folder, 'grouped')
  mkdirSync(grouped)
  chmodSync(grouped, 0o710)
  const toGroup = make('grouped/group', 0o640)
  const toNobody = make('grouped/others', 0o604)
  const missing = join(folder, 'missing')

  const files = [mine, groups, everybodys, link, hidden, toGroup, toNobody, missing]
  t.strictSame(
    warnOfReadable(files, 'linux'),
    [groups, everybodys, link, toGroup].map(
      (file) => `Other users of this machine may read ${file}; chmod 600 it, unless that is meant.`,
    ),
  )
  t.strictSame(warnOfReadable(files, 'win32'), [])
})

t.test('which files have secrets', async (t) => {
  const env = { BRAZE_API_KEY_FILE: '/run/key', PORT_FILE: '/run/port', LINE_CHANNEL_SECRET: 'x' }
  t.strictSame(secretFiles('file:/data/x.db', env, '/srv'), [
    '/srv/.env',
    '/run/key',
    '/data/x.db',
    '/data/x.db-wal',
    '/data/x.db-shm',
  ])
})
