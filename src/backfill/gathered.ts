import { Readable } from 'node:stream'
import { finished } from 'node:stream/promises'

/**
 * Reads `source` ahead and hands out, each time, everything that has come since the last time: one item or many, up to
 * `limit`. So a slow consumer takes larger steps, and a fast one waits for nothing.
 *
 * What came before `source` failed is handed out before the failure is. A consumer that leaves early ends `source` too,
 * and waits for the item that is under way.
 */
export async function* gathered<T>(source: AsyncIterable<T>, limit: number): AsyncGenerator<T[]> {
  let failure: { readonly error: unknown } | undefined
  // A stream that fails forgets what it holds.
  async function* unfailing() {
    try {
      yield* source
    } catch (error) {
      failure = { error }
    }
  }
  const stream = Readable.from(unfailing(), { highWaterMark: limit })
  try {
    for await (const first of stream) {
      const items: T[] = [first]
      for (let item = stream.read(); item !== null; item = stream.read()) items.push(item)
      yield items
    }
    if (failure) throw failure.error
  } finally {
    stream.destroy()
    await finished(stream).catch(() => {})
  }
}
