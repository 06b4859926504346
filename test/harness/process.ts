import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createOutput } from './output.ts'

export const ROOT = resolve(import.meta.dirname, '../..')
const BIN = resolve(ROOT, 'bin/line-braze.js')

export type Env = Record<string, string>
export type LogLine = { msg: string; [field: string]: unknown }

/** Runs the command line, in a process of its own, to its end. */
export const runCli = (args: readonly string[], { env = {}, cwd }: { env?: Env; cwd?: string } = {}) =>
  startCli(args, env, cwd).ended

/** Starts the command line in a process of its own, with `input` on standard input. */
export function startCli(args: readonly string[], env: Env, cwd?: string, input?: Readable) {
  const child = spawnCli(args, env, cwd, input ? 'pipe' : 'ignore')
  // A process that is killed does not read to the end.
  if (input && child.stdin) pipeline(input, child.stdin).catch(() => {})
  const [stdout, stderr] = [createOutput(), createOutput()]
  child.stdout?.setEncoding('utf8').pipe(stdout.stream)
  child.stderr?.setEncoding('utf8').pipe(stderr.stream)
  const ended = once(child, 'close').then(([code, signal]) => {
    stderr.end()
    return { code, signal, stdout: stdout.text(), stderr: stderr.text() }
  })
  return {
    ended,
    /** Resolves once it has been said on stderr. */
    said: stderr.said,
    /** Sends the signal, and resolves when the process has ended. */
    kill(signal: NodeJS.Signals) {
      child.kill(signal)
      return ended
    },
  }
}

/**
 * Starts Node as people do. Into NODE_OPTIONS of each process that a test starts tap puts what looks at every module that it
 * loads, which makes a start half as long again. `env` becomes Node itself: its process id and its signals are Node's.
 */
export function spawnNode(args: readonly string[], options: SpawnOptions): ChildProcess {
  const given = options.env?.NODE_OPTIONS
  const own = given === undefined ? ['-u', 'NODE_OPTIONS'] : [`NODE_OPTIONS=${given}`]
  return spawn('/usr/bin/env', [...own, process.execPath, ...args], options)
}

// Nothing of this process's own settings may reach the one under test.
const spawnCli = (
  args: readonly string[],
  env: Env,
  cwd = tmpdir(),
  stdin: 'pipe' | 'ignore' = 'ignore',
): ChildProcess =>
  spawnNode([BIN, ...args], {
    env: { PATH: process.env.PATH ?? '', ...env },
    cwd,
    stdio: [stdin, 'pipe', 'pipe'],
  })

/** A real `serve`: what it logs, and how it ends. */
export async function startServe(env: Env, onLog: () => void = () => {}) {
  const child = spawnCli(['serve'], env)
  const lines: LogLine[] = []
  const waiting = new Set<() => void>()
  const exited = once(child, 'exit').then(([code, signal]) => ({ code, signal }))
  const log = createInterface({ input: child.stderr as NodeJS.ReadableStream }).on('line', (line) => {
    lines.push(line.startsWith('{') ? JSON.parse(line) : { msg: line })
    for (const look of waiting) look()
    onLog()
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
  return {
    url: url as string,
    pid: child.pid as number,
    lines,
    logged,
    exited,
    /** Resolves once it holds the lease. */
    delivers: () => logged(({ msg }) => msg === 'this process delivers to Braze'),
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
    health: async () => JSON.parse(await (await fetch(`${url}/health`)).text()),
  }
}

export type Serve = Awaited<ReturnType<typeof startServe>>
