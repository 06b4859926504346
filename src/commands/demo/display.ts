import type { WriteStream } from 'node:tty'
import { frameOf, lineOf } from './frame.ts'
import type { Progress } from './progress.ts'

export type Display = ReturnType<typeof createDisplay>

const FRAME_MS = 100
const LINE_MS = 1_000
/** Cuts lines that are wider than the terminal, for a wrapped line would spoil the redrawing. */
const NO_WRAP = '\x1b[?7l'
const WRAP = '\x1b[?7h'

/** Sentences as they come, and below them numbers: redrawn in place on a terminal, else as a line every second. */
export function createDisplay(stream: Pick<WriteStream, 'isTTY' | 'write'>) {
  const isTerminal = stream.isTTY && process.env.TERM !== 'dumb'
  const startedAt = performance.now()
  let read: (() => Progress) | undefined
  let timer: NodeJS.Timeout | undefined
  /** Lines of the frame that is on the screen. */
  let drawn = 0

  const seconds = () => `${((performance.now() - startedAt) / 1000).toFixed(1).padStart(5)} s  `
  const erase = () => (drawn > 0 ? `\x1b[${drawn}A\r\x1b[J` : '')

  function draw(above = '') {
    const frame = read && isTerminal ? frameOf(read()) : []
    stream.write(`${erase()}${above}${NO_WRAP}${frame.map((line) => `${line}\n`).join('')}${WRAP}`)
    drawn = frame.length
  }

  return {
    /** Writes a sentence, and more lines below it. */
    say(sentence: string, ...more: string[]) {
      const text = [seconds() + sentence, ...more.map((line) => ' '.repeat(9) + line)].join('\n')
      if (isTerminal) draw(`${text}\n`)
      else stream.write(`${text}\n`)
    },
    /** Shows numbers from now on. */
    show(reader: () => Progress) {
      read = reader
      const line = () => stream.write(`${seconds()}${lineOf(reader())}\n`)
      timer = isTerminal ? setInterval(draw, FRAME_MS) : setInterval(line, LINE_MS)
      if (isTerminal) draw()
    },
    /** Shows the numbers for the last time. Safe to repeat. */
    end() {
      if (!read) return
      clearInterval(timer)
      if (isTerminal) draw()
      else stream.write(`${seconds()}${lineOf(read())}\n`)
      read = undefined
      drawn = 0
    },
  }
}
