import { EventEmitter } from 'node:events'
import t from 'tap'
import type { Host } from '../../src/process/host.ts'
import { createInterruption } from '../../src/process/interruption.ts'
import { createOutput } from '../harness/output.ts'

function setUp() {
  const signals = new EventEmitter()
  const [stdout, stderr] = [createOutput().stream, createOutput().stream]
  const host = {
    stdout,
    stderr,
    on: (name: string, listener: () => void) => signals.on(name, listener),
    off: (name: string, listener: () => void) => signals.off(name, listener),
  } as unknown as Host
  return { signals, stdout, stderr, interruption: createInterruption(host) }
}

t.test('a reader of the output that goes is a request to end, and leaves nothing behind', async (t) => {
  for (const output of ['stdout', 'stderr'] as const) {
    const { [output]: stream, interruption } = setUp()
    // As `head` does once it has its lines.
    stream.emit('error', Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }))
    t.match(interruption.signal, { aborted: true, reason: { name: 'Interrupted' } }, output)
    interruption.close()
    t.doesNotThrow(() => stream.emit('error', new Error('write EPIPE')), 'also behind the end')
  }
})

t.test('each signal that asks for an end, and the first word counts', async (t) => {
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    const { signals, interruption } = setUp()
    signals.emit(name)
    interruption.abort(new Error('later'))
    t.match(interruption.signal.reason, { name: 'Interrupted' }, name)
    interruption.close()
    t.equal(signals.listenerCount(name), 0, 'it has its usual effect again')
  }
})
