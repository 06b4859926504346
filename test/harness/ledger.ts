import type { Ledger } from '../../src/ledger/ledger.ts'
import { assertReady, type LedgerOptions, openLedger, sqlitePath } from '../../src/ledger/open.ts'
import { refuseMissing } from '../../src/ledger/sqlite/files.ts'
import { createSqliteLedger } from '../../src/ledger/sqlite/ledger.ts'
import { openDatabase } from '../../src/ledger/sqlite/open.ts'
import { openScratch } from '../../src/ledger/sqlite/scratch.ts'
import { createStore } from '../../src/ledger/sqlite/store.ts'
import type { RemoteStore } from '../../src/ledger/sqlite/thread.ts'

/** Another process may be writing: here nobody else waits meanwhile. */
const BUSY_TIMEOUT_MS = 10_000

export interface InlineOptions extends LedgerOptions {
  /** Told when a call of it has ended, whoever made it. */
  readonly onCall?: () => void
}

/** The ledger without its thread, which takes longer to start than most tests take. */
export async function openInline({
  url,
  mustExist,
  isScratch,
  isLook,
  onCall,
  ...options
}: InlineOptions): Promise<Ledger> {
  if (!url.startsWith('file:')) return openLedger({ url, ...(isLook && { isLook }), ...options })
  const path = sqlitePath(url)
  if (isLook) await assertReady(url)
  if (mustExist || isLook) refuseMissing(path)
  const open = isScratch ? await openScratch(path) : openDatabase(path, undefined, isLook)
  open.db.pragma(`busy_timeout = ${BUSY_TIMEOUT_MS}`)
  const store = Object.entries(createStore(open, options.messagerWindowMs)).map(([name, method]) => [
    name,
    async (...args: never[]) => {
      // As with a thread, other things happen before the answer is there.
      await new Promise(setImmediate)
      try {
        return (method as (...args: never[]) => unknown)(...args)
      } finally {
        if (name === 'close') open.close()
        if (onCall) setImmediate(onCall)
      }
    },
  ])
  const rest = () => new Promise(setImmediate)
  return createSqliteLedger(Object.fromEntries(store) as RemoteStore, { ...options, rest })
}
