import { PassThrough, type Readable } from 'node:stream'
import type { Time } from '../time.ts'

export interface LiveOptions {
  /** What is to be seen now, as JSON; it brings something, or a reason, within a few seconds. */
  readonly read: () => Promise<string>
  readonly time: Pick<Time, 'after'>
  readonly onError: (error: Error) => void
  readonly viewersLimit?: number
}

/** Between one look and the next: it is the stream's heartbeat, too. */
export const LOOK_MS = 2_000
/** Each keeps a connection, and one browser may have several open. */
const VIEWERS_LIMIT = 100
/** A browser asks again so soon after a connection was lost. */
const RETRY_MS = 2_000

/**
 * Server-sent events for everybody who looks: one look at a time, every `LOOK_MS`, whose result goes to all, and none while
 * nobody is there. Who reads too slowly misses looks and gets the newest.
 */
export function createLive({ read, time, onError, viewersLimit = VIEWERS_LIMIT }: LiveOptions) {
  const viewers = new Map<PassThrough, { readonly session: string; readonly forget: () => void }>()
  let newest: string | undefined
  let isLooking = false
  let isClosed = false
  let cancel = () => {}

  const send = (stream: PassThrough, event: string) => {
    if (stream.readableLength === 0) stream.write(event)
  }

  async function look() {
    isLooking = true
    try {
      const event = `data: ${await read()}\n\n`
      newest = event
      for (const stream of viewers.keys()) send(stream, event)
    } catch (error) {
      onError(error as Error)
    }
    isLooking = false
    if (viewers.size === 0 || isClosed) newest = undefined
    else rest()
  }

  function rest() {
    cancel()
    cancel = time.after(LOOK_MS, () => void look())
  }

  function leave(stream: PassThrough) {
    viewers.get(stream)?.forget()
    if (!viewers.delete(stream)) return
    stream.end()
    if (viewers.size > 0 || isLooking) return
    cancel()
    newest = undefined
  }

  return {
    /** A stream until `leftMs` are over, its session ends, or this closes; undefined where too many look already. */
    view({ id: session, leftMs }: { readonly id: string; readonly leftMs: number }): Readable | undefined {
      if (viewers.size >= viewersLimit || isClosed) return undefined
      const isFirst = viewers.size === 0
      const stream = new PassThrough()
      viewers.set(stream, { session, forget: time.after(leftMs, () => leave(stream)) })
      stream.once('close', () => leave(stream))
      stream.write(`retry: ${RETRY_MS}\n${newest ?? ': soon\n\n'}`)
      if (isFirst && !isLooking) void look()
      return stream
    },
    /** Ends the streams of a session. */
    end(session: string) {
      for (const [stream, viewer] of viewers) if (viewer.session === session) leave(stream)
    },
    viewers: () => viewers.size,
    close() {
      isClosed = true
      cancel()
      for (const stream of viewers.keys()) leave(stream)
    },
  }
}
