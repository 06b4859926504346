import { EventEmitter } from 'node:events'
import { tmpdir } from 'node:os'
import { Readable } from 'node:stream'
import { main } from '../../src/cli.ts'
import type { Host } from '../../src/process/host.ts'
import { createOutput } from './output.ts'

export interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly stdin?: Host['stdin']
  readonly openLedger?: Host['openLedger']
  readonly sleep?: Host['sleep']
  readonly statfs?: Host['statfs']
  /** Whether stderr is a terminal. */
  readonly isTerminal?: boolean
}

/** Runs a command in this process, as a process of its own would: nothing of this one's settings reaches it. */
export function startCommand(
  args: readonly string[],
  {
    env = {},
    cwd = tmpdir(),
    stdin = Readable.from([]),
    openLedger,
    sleep,
    statfs,
    isTerminal = false,
  }: CommandOptions = {},
) {
  const [stdout, stderr] = [createOutput(), createOutput()]
  const signals = new EventEmitter()
  const host: Host = {
    env,
    cwd: () => cwd,
    stdin,
    stdout: stdout.stream,
    stderr: isTerminal ? Object.assign(stderr.stream, { isTTY: true, columns: 80 }) : stderr.stream,
    on: (signal, listener) => signals.on(signal, listener),
    off: (signal, listener) => signals.off(signal, listener),
    ...(openLedger && { openLedger }),
    ...(sleep && { sleep }),
    ...(statfs && { statfs }),
  }
  async function run() {
    await main(['node', 'line-braze', ...args], host)
    stderr.end()
    return { code: Number(host.exitCode ?? 0), signal: null, stdout: stdout.text(), stderr: stderr.text() }
  }
  const ended = run()
  return {
    ended,
    /** Resolves once it has been said on stderr. */
    said: stderr.said,
    /** The same of stdout. */
    printed: stdout.said,
    /** Sends the signal, and resolves when the command has ended. */
    kill(signal: NodeJS.Signals) {
      signals.emit(signal)
      return ended
    },
  }
}

export type Command = ReturnType<typeof startCommand>
