import { createWriteStream } from 'node:fs'
import { open, rm } from 'node:fs/promises'
import { addAbortSignal, Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Task } from './task.ts'

/** What a command reads. */
export interface Input {
  readonly source: AsyncIterable<Uint8Array>
  /** Bytes; null where nobody knows. */
  readonly size: number | null
  /** When it was last changed, milliseconds since 1970; null where that says nothing. */
  readonly changedAt: number | null
}

/**
 * The file at `path`, or standard input for `-`. Reading it ends when the task does.
 *
 * @throws Error with a sentence for a person
 */
export async function openInput(path: string, { host, signal, closing }: Task): Promise<Input> {
  if (path === '-') {
    return { source: addAbortSignal(signal, host.stdin as Readable), size: null, changedAt: null }
  }
  const file = await open(path).catch((error) => {
    throw unusable(path, error)
  })
  const stream = file.createReadStream()
  closing(() => stream.destroy())
  const stats = await file.stat()
  if (stats.isDirectory()) throw unusable(path, { code: 'EISDIR' })
  const source = addAbortSignal(signal, stream)
  // A pipe has neither.
  return stats.isFile()
    ? { source, size: stats.size, changedAt: Math.floor(stats.mtimeMs) }
    : { source, size: null, changedAt: null }
}

/** More is no secret of a line, and fills the memory. */
const MOST_BYTES = 65_536

/**
 * The text of a small file at `path`, or of standard input for `-`.
 *
 * @throws Error with a sentence for a person
 */
export async function readToEnd(path: string, task: Task): Promise<string> {
  const { source } = await openInput(path, task)
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of source) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes > MOST_BYTES) throw new Error(`More than ${MOST_BYTES} bytes were given; name another file.`)
  }
  return Buffer.concat(chunks).toString()
}

/**
 * Writes the texts to a new file at `path`, which only its owner may read, or to standard output; no faster than they are
 * taken. A file that is not complete does not stay.
 *
 * @throws Error with a sentence for a person
 */
export async function writeOutput(
  texts: AsyncIterable<string>,
  path: string | undefined,
  { host, signal }: Task,
) {
  if (path === undefined) return pipeline(Readable.from(texts), host.stdout, { signal, end: false })
  const file = createWriteStream(path, { flags: 'wx', mode: 0o600 })
  const isMade = new Promise((resolve, reject) => file.once('open', resolve).once('error', reject))
  await isMade.catch((error) => {
    throw unusable(path, error)
  })
  try {
    await pipeline(Readable.from(texts), file, { signal })
  } catch (error) {
    await rm(path, { force: true })
    throw error
  }
}

const WHY: Readonly<Record<string, string>> = {
  ENOENT: 'is not there',
  ENOTDIR: 'is not there',
  EISDIR: 'is a folder',
  EACCES: 'may not be opened by this user',
  EPERM: 'may not be opened by this user',
  EEXIST: 'is there already, and is left as it is',
}

const unusable = (path: string, { code = 'unknown error' }: NodeJS.ErrnoException | { code: string }) =>
  new Error(`${path} ${WHY[code] ?? `cannot be opened (${code})`}; name another file.`)
