import { join } from 'node:path'
import type { Readable } from 'node:stream'
import type { Test } from 'tap'
import type { Evidence } from '../../src/contact/contact.ts'
import type { Ledger } from '../../src/ledger/ledger.ts'
import type { LedgerOptions } from '../../src/ledger/open.ts'
import {
  type BrazeSandbox,
  type BrazeSandboxOptions,
  startBrazeSandbox,
} from '../../src/sandbox/braze/braze.ts'
import { type LineApiSandboxOptions, startLineApiSandbox } from '../../src/sandbox/line/api.ts'
import { createLineSandbox, type LineSandboxOptions } from '../../src/sandbox/line/webhooks.ts'
import { type Command, type CommandOptions, startCommand } from './command.ts'
import { folder as makeFolder } from './files.ts'
import { openInline } from './ledger.ts'
import { nameOf } from './people.ts'
import { type Env, type Serve, startCli, startServe } from './process.ts'

export type { BrazeSandboxOptions } from '../../src/sandbox/braze/braze.ts'
export type { LineApiSandboxOptions } from '../../src/sandbox/line/api.ts'

export const SECRET = '8c570fa6dd201bb328f1c1eac23a96d8'

/** A request that ended after less would be made again on a busy machine, and tests count requests. */
export const PATIENT_MS = '10000'
/** Where processes are killed: for so long, and more, the next one waits for what they may have sent. */
export const BRIEF_MS = '2000'

/** Throws where a client has broken a rule of Braze. */
export function assertManners({ violations }: BrazeSandbox) {
  if (violations.length > 0) throw new Error(`against the rules: ${violations.join('; ')}`)
}

/** What a command printed with `--json`. */
export const lastLine = (text: string) => JSON.parse(text.trim().split('\n').at(-1) as string)

export interface StageOptions extends BrazeSandboxOptions {
  /** Default: an SQLite database in the folder. */
  readonly databaseUrl?: string
}

/** A folder for a database, a Braze, and as many servers, commands and LINEs as the test starts; all end with the test. */
export async function stage(t: Test, { databaseUrl, ...options }: StageOptions = {}) {
  const folder = makeFolder(t)
  const braze: BrazeSandbox = await startBrazeSandbox({ keepRequests: true, ...options })
  const ends: (() => Promise<unknown>)[] = []
  t.teardown(async () => {
    await Promise.all(ends.map((end) => end()))
    await (await opened)?.close()
    await braze.close()
    assertManners(braze)
  })

  const env: Env = {
    LINE_CHANNEL_SECRET: SECRET,
    BRAZE_REST_ENDPOINT: braze.url,
    BRAZE_API_KEY: braze.apiKey,
    BRAZE_SETTLE_MS: '300',
    BRAZE_TIMEOUT_MS: PATIENT_MS,
    DATABASE_URL: databaseUrl ?? `file:${join(folder, 'data', 'ledger.db')}`,
    HOST: '127.0.0.1',
    PORT: '0',
  }
  let opened: Promise<Ledger> | undefined
  /** The test's own look at the database, beside those who work on it. */
  const ledger = () => {
    opened ??= openInline({ url: env.DATABASE_URL as string })
    return opened
  }

  const waiting = new Set<() => void>()
  const look = () => {
    for (const each of waiting) each()
  }
  /** Resolves once it holds; asked again whenever a ledger of this process has been called, and a server has logged. */
  async function until(holds: () => Promise<boolean>) {
    for (;;) {
      const { promise: news, resolve } = Promise.withResolvers<void>()
      // Before it is asked: what happens meanwhile is news, too.
      waiting.add(resolve)
      try {
        if (await holds()) return
        await news
      } finally {
        waiting.delete(resolve)
      }
    }
  }
  const openLedger = (options: LedgerOptions) => openInline({ ...options, onCall: look })

  return {
    folder,
    braze,
    env,
    ledger,
    until,
    /** Stores evidence, and what Braze has been told of it, as a server did before. */
    async known(evidence: readonly Evidence[], failures: Readonly<Record<string, string>> = {}) {
      const all = await ledger()
      await all.record(evidence)
      const due = await all.due(100_000)
      await all.acknowledge(
        due.map(({ id, revision, address }) => ({
          id,
          revision,
          failure: failures[nameOf(address)] ?? null,
        })),
        0,
      )
      return due
    },
    async counts() {
      const [{ friend = 0, messager = 0, gone = 0, pending = 0 } = {}] = await (await ledger()).counts()
      return { friend, messager, gone, pending }
    },
    /** A LINE with a follower list, and the settings with which a command asks it. */
    async lineApi(options: LineApiSandboxOptions = {}) {
      const line = await startLineApiSandbox({ keepRequests: true, ...options })
      ends.push(() => line.close())
      return {
        line,
        env: {
          ...env,
          LINE_CHANNEL_ACCESS_TOKEN: line.token,
          LINE_API_BASE_URL: line.url,
          LINE_TIMEOUT_MS: PATIENT_MS,
        } as Env,
      }
    },
    /** Runs a command in this process; it is interrupted with the test. */
    command(args: readonly string[], more: Env = {}, options: CommandOptions = {}): Command {
      const command = startCommand(args, { openLedger, ...options, env: { ...env, ...more } })
      ends.push(() => command.kill('SIGTERM'))
      return command
    },
    /** Runs the command line in a process of its own; it is killed with the test. */
    start(args: readonly string[], more: Env = {}, input?: Readable) {
      const command = startCli(args, { ...env, ...more }, undefined, input)
      ends.push(() => command.kill('SIGKILL'))
      return command
    },
    /** A server that logs at debug, where `more` says nothing else. */
    async serve(more: Env = {}): Promise<Serve> {
      const serve = await startServe({ ...env, LOG_LEVEL: 'debug', ...more }, look)
      ends.push(() => serve.stop('SIGKILL'))
      return serve
    },
    /** Resolves once nothing is pending, as a server at debug says when it has stored an answer of Braze's. */
    async delivered() {
      const all = await ledger()
      await until(async () => (await all.counts()).every(({ pending }) => pending === 0))
    },
    line(url: string, more: Partial<LineSandboxOptions> = {}) {
      const line = createLineSandbox({ url: `${url}/webhook`, secret: SECRET, ...more })
      ends.push(() => line.close())
      return line
    },
  }
}
