/** One line of a text. */
export interface Line {
  /** Where it stands, from 1 on. */
  readonly number: number
  /** Without its end, which is LF or CRLF; null where it is longer than `LONGEST_LINE_BYTES`. */
  readonly bytes: Buffer | null
}

/** A longer line is none of ours, and is not kept in memory. */
export const LONGEST_LINE_BYTES = 65_536

const LF = 0x0a
const CR = 0x0d

/** The lines of `source`, some at a time, however long any of them is. */
export async function* readLines(source: AsyncIterable<Uint8Array>): AsyncGenerator<Line[]> {
  let number = 0
  /** What is there of a line whose end is yet to come. */
  let pieces: Uint8Array[] = []
  let length = 0

  function add(piece: Uint8Array) {
    length += piece.length
    if (length <= LONGEST_LINE_BYTES) pieces.push(piece)
    else pieces = []
  }
  function end(): Line {
    const whole = length <= LONGEST_LINE_BYTES ? Buffer.concat(pieces) : null
    pieces = []
    length = 0
    number += 1
    return { number, bytes: whole?.at(-1) === CR ? whole.subarray(0, -1) : whole }
  }

  for await (const chunk of source) {
    const lines: Line[] = []
    let start = 0
    for (let at = chunk.indexOf(LF); at >= 0; at = chunk.indexOf(LF, start)) {
      add(chunk.subarray(start, at))
      lines.push(end())
      start = at + 1
    }
    if (start < chunk.length) add(chunk.subarray(start))
    if (lines.length > 0) yield lines
  }
  if (length > 0) yield [end()]
}
