import { execFileSync } from 'node:child_process'
import { closeSync, constants, openSync, readFileSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { createLogOutput } from '../../src/process/log-output.ts'

const LINE = `${'x'.repeat(999)}\n`
const isFlushed = (output: { flush(done: () => void): void }) =>
  new Promise<void>((resolve) => output.flush(resolve))

/** A pipe that takes bytes until it is full, and gives them to whoever reads. */
function openPipe(t: Test) {
  const path = join(t.testdir({}), 'pipe')
  execFileSync('mkfifo', [path])
  const open = (flags: number) => openSync(path, flags | constants.O_NONBLOCK)
  const reader = open(constants.O_RDONLY)
  const writer = open(constants.O_WRONLY)
  t.teardown(() => closeSync(writer))
  const bytes = Buffer.alloc(1_048_576)
  return {
    writer,
    /** What is in it at the moment. */
    read() {
      try {
        return bytes.toString('utf8', 0, readSync(reader, bytes))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return ''
        throw error
      }
    },
    close: () => closeSync(reader),
  }
}

t.test('writes lines in their order, and says when all are written', async (t) => {
  const file = join(t.testdir({}), 'log')
  const fd = openSync(file, 'w')
  t.teardown(() => closeSync(fd))
  const output = createLogOutput(fd)
  await isFlushed(output)
  for (let line = 0; line < 30_000; line++) output.write(`line ${line}, käse\n`)
  await isFlushed(output)
  const lines = readFileSync(file, 'utf8').split('\n')
  t.equal(lines.length, 30_001)
  t.ok(lines.slice(0, -1).every((line, place) => line === `line ${place}, käse`))
})

t.test('goes on when the reader of a full pipe reads again, in the middle of a line', async (t) => {
  const { writer, read, close } = openPipe(t)
  t.teardown(close)
  const output = createLogOutput(writer)
  for (let line = 0; line < 200; line++) output.write(LINE)
  let text = ''
  let isOver = false
  output.flush(() => (isOver = true))
  while (!isOver) {
    await sleep(1)
    text += read()
  }
  t.ok(text === LINE.repeat(200), `${text.length} characters`)
})

t.test('waits a second for a reader, and no longer, with and without an event loop', async (t) => {
  const { writer, read, close } = openPipe(t)
  t.teardown(close)
  const output = createLogOutput(writer)
  for (let line = 0; line < 1_000; line++) output.write(LINE)
  const startedAt = performance.now()
  await isFlushed(output)
  output.finish()
  const seconds = (performance.now() - startedAt) / 1000
  t.ok(seconds > 0.9 && seconds < 3, `${seconds} s`)
  t.ok(read().startsWith(LINE), 'what was read in time is whole')
})

t.test('writes the rest at once when the process exits', async (t) => {
  const file = join(t.testdir({}), 'log')
  const fd = openSync(file, 'w')
  t.teardown(() => closeSync(fd))
  const output = createLogOutput(fd)
  output.write('first\n')
  output.write('last words\n')
  output.finish()
  t.match(readFileSync(file, 'utf8'), 'last words\n')
  await isFlushed(output)
  t.equal(readFileSync(file, 'utf8').length, 'first\nlast words\n'.length)
})

t.test('keeps 16 MB for a reader that is late, and drops the rest', async (t) => {
  const { writer, close } = openPipe(t)
  t.teardown(close)
  const output = createLogOutput(writer)
  const before = process.memoryUsage().rss
  const line = `${'y'.repeat(99_999)}\n`
  for (let count = 0; count < 20_000; count++) output.write(String(count) + line)
  t.ok(process.memoryUsage().rss - before < 200 * 1_048_576, '2 GB were written')
})

t.test('a pipe whose reader is gone, and a disk that is full, cost lines and nothing more', async (t) => {
  const { writer, close } = openPipe(t)
  const gone = createLogOutput(writer)
  close()
  for (let line = 0; line < 200; line++) gone.write(LINE)
  gone.finish()
  await isFlushed(gone)
  gone.write(LINE)
  await isFlushed(gone)

  const full = openSync('/dev/full', 'w')
  t.teardown(() => closeSync(full))
  const output = createLogOutput(full)
  for (let line = 0; line < 200; line++) output.write(LINE)
  await isFlushed(output)
  output.write(LINE)
  output.finish()
  t.pass('neither threw')
})
