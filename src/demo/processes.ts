import { type StdioOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { Webhook } from '../sandbox/braze/webhook.ts'
import type { BackfillResult } from '../terminal/backfill-result.ts'
import type { Means, Stage } from './stage.ts'

const PROGRAM = fileURLToPath(new URL('../../bin/line-braze.js', import.meta.url))
/** How a process ends that did what it should. */
const DONE = 'exit code 0'
const REMEMBERED_LINES = 5
/** After that a server that was asked to stop is killed. */
const STOP_MS = 10_000

/** Starts a command of `line-braze` as a process of its own, unless the end has begun: nobody would end it then. */
function start(args: string[], stdio: StdioOptions, { directory, settings }: Stage, { interruption }: Means) {
  interruption.signal.throwIfAborted()
  const child = spawn(process.execPath, [...process.execArgv, PROGRAM, ...args], {
    cwd: directory,
    env: settings,
    stdio,
    // A process group of its own: Ctrl-C is for us, and we tell the others when it is time.
    detached: true,
  })
  /** How it ended, in words, also where it could not be started. */
  const ended: Promise<string> = once(child, 'close').then(
    ([code, signal]) => signal ?? `exit code ${code}`,
    (error: Error) => error.message,
  )
  return { child, ended }
}

/** Starts the server. An end that nobody asked for interrupts the demo. */
export function startServer(stage: Stage, means: Means) {
  const { interruption, closers } = means
  const { child, ended } = start(['serve'], ['ignore', 'ignore', 'pipe'], stage, means)
  const { promise: listening, resolve: foundUrl } = Promise.withResolvers<string>()
  const lastLines: string[] = []
  let isStopping = false

  createInterface({ input: child.stderr as NodeJS.ReadableStream }).on('line', (line) => {
    if (lastLines.push(line) > REMEMBERED_LINES) lastLines.shift()
    if (line.includes('"listening"')) foundUrl(JSON.parse(line).url)
  })
  ended.then((end) => {
    if (isStopping) return
    interruption.abort(new Error([`The server ended by itself (${end}).`, ...lastLines].join('\n')))
  })

  /** Asks it to stop, waits until it has ended, and says what was wrong with that. Safe to repeat. */
  async function stop(): Promise<Error | undefined> {
    isStopping = true
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
    child.kill('SIGTERM')
    const end = await ended.finally(() => clearTimeout(timer))
    return end === DONE ? undefined : new Error(`The server did not stop as it should (${end}).`)
  }
  closers.push(stop)
  return { pid: child.pid, url: interruption.race(listening), stop }
}

/**
 * Runs a backfill that `does` something, beside the server, which delivers, until Braze has applied all that follows
 * from it. What it shows, and its last words, go to our stderr.
 *
 * @throws Error where it fails
 */
export async function backfill(does: string, stage: Stage, means: Means) {
  const { TERM } = process.env
  // Its bars need to know the terminal.
  const settings = { ...stage.settings, ...(TERM !== undefined && { TERM }) }
  const { pid, result } = run<BackfillResult>('backfill', ['backfill'], { ...stage, settings }, means)
  means.display.say(`${does} (process ${pid}):`)
  const done = await result
  await means.interruption.race(stage.braze.whenApplied())
  return done
}

/** Has another token put into Braze, beside the server. Resolves once it is there. @throws Error where it fails */
export async function rotateToken(stage: Stage, means: Means) {
  const { pid, result } = run('rotation', ['token', 'rotate'], stage, means)
  means.display.say(`token rotate issues another token and puts it into Braze (process ${pid}).`)
  await result
}

/** What a person pastes into Braze, to send the text. @throws Error where it fails */
export const printTemplate = (text: string, stage: Stage, means: Means) =>
  run<Webhook>('template', ['template', 'text', '--text', text], stage, means).result

/** Runs a command that ends by itself; `result` is its JSON, and rejects where it fails. Its last words go to our stderr. */
function run<Result>(name: string, args: readonly string[], stage: Stage, means: Means) {
  const { interruption, closers } = means
  // A log of what goes well would hide what we show.
  const settings = { ...stage.settings, LOG_LEVEL: 'warn' }
  const outputs: StdioOptions = ['ignore', 'pipe', 'inherit']
  const { child, ended } = start([...args, '--json'], outputs, { ...stage, settings }, means)
  const output = text(child.stdout as NodeJS.ReadableStream)
  closers.push(() => child.kill('SIGKILL') && ended)

  async function finish() {
    const end = await interruption.race(ended)
    if (end !== DONE) throw new Error(`The ${name} did not end as it should (${end}).`)
    return JSON.parse(await output) as Result
  }
  return { pid: child.pid, result: finish() }
}
