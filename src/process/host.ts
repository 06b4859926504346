import type { Writable } from 'node:stream'
import type { Environment } from '../config/texts.ts'
import type { LookAtFileSystem } from '../ledger/facts.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { LedgerOptions } from '../ledger/open.ts'

type Output = Writable & { readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number }

/** What a command touches of the process that it runs in: that process, or what a test hands in. */
export interface Host {
  readonly env: Environment
  cwd(): string
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean }
  readonly stdout: Output
  readonly stderr: Output
  on(signal: NodeJS.Signals, listener: () => void): unknown
  off(signal: NodeJS.Signals, listener: () => void): unknown
  /** How a ledger is opened, where a thread of its own is not what is wanted. */
  openLedger?(options: LedgerOptions): Promise<Ledger>
  /** How the pauses before LINE or Braze is asked again are made, where they shall not take their time. */
  sleep?(ms: number, signal?: AbortSignal): Promise<unknown>
  /** How a file system is looked at. */
  readonly statfs?: LookAtFileSystem
  exitCode?: number | string | null | undefined
}
