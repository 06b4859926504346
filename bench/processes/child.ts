/** Both ends of the wire between the benchmark and the processes it starts: calls by name, over Node's IPC. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { cpuSeconds } from './usage.ts'

type Methods = Readonly<Record<string, (...args: never[]) => unknown>>
type Call = { readonly id: number; readonly method: string; readonly args: unknown[] }
type Answer = { readonly id: number; readonly value?: unknown; readonly error?: string }

/** A child's methods, each as a promise of what it returns there. */
export type Remote<M extends Methods> = {
  readonly [K in keyof M]: (...args: Parameters<M[K]>) => Promise<Awaited<ReturnType<M[K]>>>
}

/** Longer than anything here takes: what has not come by then never will, and the benchmark has to end. */
const CALL_TIMEOUT_MS = 180_000

const children = new Set<ChildProcess>()

/** Remembers a process, so that it cannot outlive the benchmark. */
export function own(child: ChildProcess): ChildProcess {
  children.add(child)
  child.once('exit', () => children.delete(child))
  return child
}

/** Ends, at once, what has not ended by itself. */
export function killChildren() {
  for (const child of children) child.kill('SIGKILL')
}

/** Asks a process to end, and waits until it has. */
export async function stop(child: ChildProcess) {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  await once(child, 'exit')
}

/**
 * Starts the file `name` of this folder as a process of its own.
 *
 * @param stderr a file descriptor, if what it logs is to go elsewhere than to the benchmark's own stderr
 */
export function startChild<M extends Methods>(name: string, stderr: number | 'inherit' = 'inherit') {
  const path = fileURLToPath(new URL(name, import.meta.url))
  const child = own(fork(path, { stdio: ['ignore', 'ignore', stderr, 'ipc'] }))
  const waiting = new Map<number, (answer: Answer) => void>()
  let lastId = 0
  child.on('message', (answer: Answer) => waiting.get(answer.id)?.(answer))
  child.once('exit', () => {
    for (const [id, settle] of waiting) settle({ id, error: 'the process ended' })
  })

  function call(method: string, args: unknown[]): Promise<unknown> {
    const id = ++lastId
    return new Promise((resolve, reject) => {
      const fail = (error: string) => reject(new Error(`${name} ${method}: ${error}`))
      const timer = setTimeout(fail, CALL_TIMEOUT_MS, `no answer within ${CALL_TIMEOUT_MS} ms`)
      waiting.set(id, ({ value, error }) => {
        clearTimeout(timer)
        waiting.delete(id)
        if (error === undefined) resolve(value)
        else fail(error)
      })
      child.send({ id, method, args } satisfies Call)
    })
  }

  const remote = new Proxy({} as Remote<M>, {
    get:
      (_target, method: string) =>
      (...args: unknown[]) =>
        call(method, args),
  })
  return { remote, cpuSeconds: () => cpuSeconds(child.pid as number), stop: () => stop(child) }
}

/** In a child: answers the calls of the benchmark with `methods`, and ends when the benchmark is gone. */
export function answerCalls<M extends Methods>(methods: M): M {
  process.on('message', async ({ id, method, args }: Call) => {
    try {
      process.send?.({ id, value: await methods[method]?.(...(args as never[])) } satisfies Answer)
    } catch (error) {
      process.send?.({ id, error: (error as Error).message } satisfies Answer)
    }
  })
  process.once('disconnect', () => process.exit())
  process.once('SIGTERM', () => process.exit())
  return methods
}
