import { writeSync, write as writeTo } from 'node:fs'

/** Where nobody reads, lines are dropped beyond this. */
const MOST_CHARACTERS = 16_777_216
const MOST_CHARACTERS_AT_ONCE = 65_536
/** How soon a pipe that is full is tried again. */
const RETRY_MS = 20
/** How long a process that ends waits for somebody to read the rest. */
const LAST_WORDS_MS = 1_000

/**
 * Lines to a file descriptor, whose reader nobody ever waits for: not while the process runs, and for a second when it
 * ends. A pipe has to be non-blocking, as Node makes stderr once `process.stderr` is used.
 */
export function createLogOutput(fd: number) {
  let lines: string[] = []
  let characters = 0
  /** Handed to the operating system, which has not taken all of it yet. */
  let handed: Buffer | undefined
  let hasReader = true
  let onEmpty: (() => void)[] = []
  /** On `performance.now()`'s clock, once the end has begun. */
  let endsAt: number | undefined

  /** What waits, up to a limit; undefined where nothing does. */
  function take(): Buffer | undefined {
    let count = 0
    let length = 0
    while (count < lines.length && length < MOST_CHARACTERS_AT_ONCE) length += lines[count++]?.length ?? 0
    characters -= length
    return count === 0 ? undefined : Buffer.from(lines.splice(0, count).join(''))
  }

  function hand(bytes = take()) {
    handed = bytes
    if (bytes) return writeTo(fd, bytes, (error, written) => onHanded(bytes, error, written))
    for (const done of onEmpty.splice(0)) done()
  }

  function onHanded(bytes: Buffer, error: NodeJS.ErrnoException | null, written: number) {
    // Unreferenced: lines for which there is no reader keep no process alive.
    if (error?.code === 'EAGAIN') return void setTimeout(hand, RETRY_MS, bytes).unref()
    if (error?.code === 'EPIPE') loseReader()
    // Whatever else is wrong, such as a disk that is full, costs these lines and nothing more.
    hand(!error && written < bytes.length ? bytes.subarray(written) : undefined)
  }

  function loseReader() {
    hasReader = false
    lines = []
    characters = 0
  }

  const leftMs = () => {
    endsAt ??= performance.now() + LAST_WORDS_MS
    return endsAt - performance.now()
  }

  /** Writes what waits while nothing else can run any more. */
  function finish() {
    for (let bytes = take(); bytes; bytes = take()) {
      while (bytes.length > 0) {
        try {
          bytes = bytes.subarray(writeSync(fd, bytes))
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || leftMs() <= 0) return loseReader()
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS)
        }
      }
    }
  }

  return {
    write(line: string) {
      if (!hasReader || characters + line.length > MOST_CHARACTERS) return
      lines.push(line)
      characters += line.length
      if (!handed) hand()
    },
    /** Calls `done` once everything is written, or nobody has read it for a second. */
    flush(done: () => void = () => {}) {
      if (!handed) return done()
      const timer = setTimeout(end, leftMs())
      function end() {
        clearTimeout(timer)
        onEmpty = onEmpty.filter((other) => other !== end)
        done()
      }
      onEmpty.push(end)
    },
    finish,
  }
}
