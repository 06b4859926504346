import { PassThrough } from 'node:stream'
import t from 'tap'
import { confirm } from '../../src/process/confirm.ts'
import type { Host } from '../../src/process/host.ts'
import { createInterruption } from '../../src/process/interruption.ts'
import type { Task } from '../../src/process/task.ts'
import { createOutput } from '../harness/output.ts'

/** Somebody at a terminal, who is asked. */
function ask() {
  const stdin = Object.assign(new PassThrough(), { isTTY: true })
  const { stream, said, text } = createOutput()
  const stderr = Object.assign(stream, { isTTY: true, columns: 80 })
  const host = { stdin, stdout: stderr, stderr, on() {}, off() {} } as unknown as Host
  const interruption = createInterruption(host)
  const task = { host, interruption, signal: interruption.signal } as Task
  return { answer: confirm('This writes 4 objects.', task), asked: said(/Go on\? \[y\/N\] /), stdin, text }
}

t.test('goes on only where the answer is yes', async (t) => {
  for (const yes of ['y', 'yes', ' Y ', 'YES']) {
    const { answer, asked, stdin, text } = ask()
    await asked
    stdin.write(`${yes}\n`)
    await answer
    t.match(text(), 'This writes 4 objects. Go on? [y/N] ')
  }
  for (const no of ['', 'n', 'yikes', 'ok y']) {
    const { answer, asked, stdin } = ask()
    await asked
    stdin.write(`${no}\n`)
    await t.rejects(answer, { message: 'Nothing was changed.' }, no)
  }
})

t.test('Ctrl-C at the question interrupts, and so does not count as an answer', async (t) => {
  const { answer, asked, stdin } = ask()
  await asked
  stdin.write('\u0003')
  await t.rejects(answer, { name: 'Interrupted' })
})

t.test('the end of the input is no yes', async (t) => {
  const { answer, asked, stdin } = ask()
  await asked
  stdin.write('\u0004')
  await t.rejects(answer, { message: 'Nothing was changed.' })
})
