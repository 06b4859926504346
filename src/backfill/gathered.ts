/**
 * Reads `source` ahead and hands out, each time, everything that has come since the last time: one item or many, up to
 * `limit`. So a slow consumer takes larger steps, and a fast one waits for nothing.
 *
 * What came before `source` failed is handed out before the failure is. A consumer that leaves early ends `source` too,
 * and waits for the item that is under way.
 */
export async function* gathered<T>(source: AsyncIterable<T>, limit: number): AsyncGenerator<T[]> {
  const iterator = source[Symbol.asyncIterator]()
  let items: T[] = []
  let isOver = false
  let isLeft = false
  let failure: { readonly error: unknown } | undefined
  let arrival = Promise.withResolvers<void>()
  let room = Promise.withResolvers<void>()

  async function read() {
    try {
      while (!isLeft) {
        const { done, value } = await iterator.next()
        if (done) return
        items.push(value)
        arrival.resolve()
        if (items.length >= limit) await room.promise
      }
      await iterator.return?.()
    } catch (error) {
      failure = { error }
    } finally {
      isOver = true
      arrival.resolve()
    }
  }

  const reading = read()
  try {
    for (;;) {
      await arrival.promise
      arrival = Promise.withResolvers()
      if (items.length > 0) {
        const taken = items
        items = []
        room.resolve()
        room = Promise.withResolvers()
        yield taken
      }
      // What arrived meanwhile is taken first.
      if (items.length > 0 || isOver) arrival.resolve()
      if (items.length === 0 && isOver) break
    }
    if (failure) throw failure.error
  } finally {
    isLeft = true
    room.resolve()
    await reading
  }
}
