import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { KEPT_MS } from '../src/http/kept.ts'
import { type BrazeSandbox, type BrazeSandboxOptions, startBrazeSandbox } from '../src/sandbox/braze/braze.ts'
import { type LineApiSandboxOptions, startLineApiSandbox } from '../src/sandbox/line/api.ts'
import { createLineSandbox, type LineSandboxOptions } from '../src/sandbox/line/webhooks.ts'

const BIN = resolve(import.meta.dirname, '../bin/line-braze.js')

type Env = Record<string, string>
export type LogLine = { msg: string; [field: string]: unknown }

/** Runs the command line to its end. */
export const runCli = (args: readonly string[], { env = {}, cwd }: { env?: Env; cwd?: string } = {}) =>
  startCli(args, env, cwd).ended

/** Starts the command line. */
export function startCli(args: readonly string[], env: Env, cwd?: string) {
  const child = spawnCli(args, env, cwd)
  let stdout = ''
  let stderr = ''
  child.stdout?.on('data', (chunk) => (stdout += chunk))
  child.stderr?.on('data', (chunk) => (stderr += chunk))
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, stdout, stderr }))
  return {
    ended,
    /** Sends the signal, and resolves when the process has ended. */
    kill(signal: NodeJS.Signals) {
      child.kill(signal)
      return ended
    },
    stderr: () => stderr,
  }
}

// Nothing of this process's own settings may reach the one under test.
const spawnCli = (args: readonly string[], env: Env, cwd = tmpdir()): ChildProcess =>
  spawn(process.execPath, [BIN, ...args], {
    env: { PATH: process.env.PATH ?? '', ...env },
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
  })

/** A real `serve`: what it logs, and how it ends. */
export async function startServe(env: Env) {
  const child = spawnCli(['serve'], env)
  const lines: LogLine[] = []
  const waiting = new Set<() => void>()
  const exited = once(child, 'exit').then(([code, signal]) => ({ code, signal }))
  const log = createInterface({ input: child.stderr as NodeJS.ReadableStream }).on('line', (line) => {
    lines.push(line.startsWith('{') ? JSON.parse(line) : { msg: line })
    for (const look of waiting) look()
  })

  /** The first line that fits, already logged or yet to come; rejects when the process ends without it. */
  function logged(fits: (line: LogLine) => boolean): Promise<LogLine> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = lines.find(fits)
        if (!found) return
        waiting.delete(look)
        resolve(found)
      }
      waiting.add(look)
      look()
      exited.then(() => reject(new Error(`serve ended: ${JSON.stringify(lines.slice(-3))}`)))
    })
  }

  const { url } = await logged(({ msg }) => msg === 'listening')
  const health = async () => JSON.parse(await (await fetch(`${url}/health`)).text())

  return {
    url: url as string,
    pid: child.pid as number,
    lines,
    logged,
    exited,
    /** From now on nobody reads its log. */
    ignoreLog: () => log.close(),
    /** From now on nobody can read its log. */
    closeLog: () => child.stderr?.destroy(),
    async stop(signal: NodeJS.Signals = 'SIGTERM') {
      child.kill(signal)
      return exited
    },
    async get(path: string) {
      const answer = await fetch(url + path)
      return { status: answer.status, body: await answer.text() }
    },
    health,
    /** Resolves once nothing is pending, by numbers that were read from now on. */
    async delivered() {
      const readSince = performance.now() + KEPT_MS
      for (;;) {
        const { delivery } = await health()
        if (delivery.pending === 0 && performance.now() > readSince) return
        await sleep(20)
      }
    },
  }
}

export type Serve = Awaited<ReturnType<typeof startServe>>

export const SECRET = '8c570fa6dd201bb328f1c1eac23a96d8'

/** A folder for a database, a Braze, and as many servers and LINEs as the test starts; all end with the test. */
export async function stage(t: Test, options: BrazeSandboxOptions = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'line-braze-'))
  const braze: BrazeSandbox = await startBrazeSandbox({ keepRequests: true, ...options })
  const ends: (() => Promise<unknown>)[] = []
  t.teardown(async () => {
    await Promise.all(ends.map((end) => end()))
    await braze.close()
    rmSync(folder, { recursive: true, force: true })
    if (braze.violations.length > 0) throw new Error(`against the rules: ${braze.violations.join('; ')}`)
  })

  const env: Env = {
    LINE_CHANNEL_SECRET: SECRET,
    BRAZE_REST_ENDPOINT: braze.url,
    BRAZE_API_KEY: braze.apiKey,
    BRAZE_SETTLE_MS: '300',
    BRAZE_TIMEOUT_MS: '500',
    DATABASE_URL: `file:${join(folder, 'data', 'ledger.db')}`,
    HOST: '127.0.0.1',
    PORT: '0',
  }
  return {
    folder,
    braze,
    env,
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
          LINE_TIMEOUT_MS: '500',
        } as Env,
      }
    },
    /** Runs the command line; it is killed with the test. */
    start(args: readonly string[], more: Env = {}) {
      const command = startCli(args, { ...env, ...more })
      ends.push(() => command.kill('SIGKILL'))
      return command
    },
    async serve(more: Env = {}): Promise<Serve> {
      const serve = await startServe({ ...env, ...more })
      ends.push(() => serve.stop('SIGKILL'))
      return serve
    },
    line(url: string, more: Partial<LineSandboxOptions> = {}) {
      const line = createLineSandbox({ url: `${url}/webhook`, secret: SECRET, ...more })
      ends.push(() => line.close())
      return line
    },
  }
}
