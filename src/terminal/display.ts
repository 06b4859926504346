import type { WriteStream } from 'node:tty'
import { COLUMNS, wrap } from './wrap.ts'

/** Numbers at one moment, in both ways in which they are shown. */
export interface View {
  /** Lines of a terminal, at most 80 columns wide. */
  frame(): string[]
  /** One line of a log. */
  line(): string
}

export interface DisplayOptions {
  /** How often numbers are written where there is no terminal. */
  readonly lineMs: number
  /** Whether sentences begin with the seconds since the start. */
  readonly hasStamps: boolean
  /** What TERM says: a dumb one cannot be redrawn. */
  readonly term?: string | undefined
}

export type Display = ReturnType<typeof createDisplay>

const FRAME_MS = 100
/** Cuts lines that are wider than the terminal, for a wrapped line would spoil the redrawing. */
const NO_WRAP = '\x1b[?7l'
const WRAP = '\x1b[?7h'

/** Sentences as they come, and below them numbers: redrawn in place on a terminal, else as a line every now and then. */
export function createDisplay(
  stream: Pick<WriteStream, 'write'> & { readonly isTTY?: boolean; readonly columns?: number },
  { lineMs, hasStamps, term }: DisplayOptions,
) {
  const isTerminal = stream.isTTY && term !== 'dumb'
  const startedAt = performance.now()
  let view: View | undefined
  let timer: NodeJS.Timeout | undefined
  /** Lines of the frame that is on the screen. */
  let drawn = 0

  const stamp = () =>
    hasStamps ? `${((performance.now() - startedAt) / 1000).toFixed(1).padStart(5)} s  ` : ''
  const erase = () => (drawn > 0 ? `\x1b[${drawn}A\r\x1b[J` : '')

  function draw(above = '') {
    const frame = view && isTerminal ? view.frame() : []
    stream.write(`${erase()}${above}${NO_WRAP}${frame.map((line) => `${line}\n`).join('')}${WRAP}`)
    drawn = frame.length
  }

  function write(text: string) {
    if (isTerminal) draw(text)
    else stream.write(text)
  }

  return {
    isTerminal,
    /** Writes lines as they are, above the numbers. */
    write,
    /** Writes a sentence, and more lines below it; on a terminal none is wider than that, or than 80 columns. */
    say(sentence: string, ...more: string[]) {
      const start = stamp()
      const columns = isTerminal ? Math.min(stream.columns || COLUMNS, COLUMNS) - start.length : Infinity
      const [first = '', ...others] = [sentence, ...more].flatMap((line) => wrap(line, columns))
      const margin = ' '.repeat(start.length)
      write(`${[start + first, ...others.map((line) => margin + line)].join('\n')}\n`)
    },
    /** Shows numbers from now on. */
    show(numbers: View) {
      view = numbers
      const line = () => stream.write(`${stamp()}${numbers.line()}\n`)
      timer = isTerminal ? setInterval(draw, FRAME_MS) : setInterval(line, lineMs)
      if (isTerminal) draw()
    },
    /** Shows the numbers for the last time. Safe to repeat. */
    end() {
      if (!view) return
      clearInterval(timer)
      if (isTerminal) draw()
      else stream.write(`${stamp()}${view.line()}\n`)
      view = undefined
      drawn = 0
    },
  }
}
