import type { Readable } from 'node:stream'
import { Refusal, tooLarge } from './refusal.ts'

export interface BodyReaderOptions {
  /** A body that is larger is refused with 413. */
  readonly limitBytes: number
  /** All bodies that are not verified yet may take this together; what would exceed it is refused with 503. */
  readonly unverifiedLimitBytes: number
}

/** What a piece of a body costs beside its bytes (measured): in a chunked body a sender can make each byte a piece. */
const PIECE_BYTES = 640
/** Webhooks of ordinary size get in also while large bodies take all that those may take. */
const ORDINARY_BYTES = 16_384
/** What large bodies may take of the limit. */
const LARGE_SHARE = 0.5

export type BodyReader = ReturnType<typeof createBodyReader>

/**
 * Reads whole bodies of which nothing is known yet, and never holds more of them than it may. Bytes count from their
 * arrival, since a sender's word about the length costs him nothing, until `done` has returned.
 */
export function createBodyReader({ limitBytes, unverifiedLimitBytes }: BodyReaderOptions) {
  let heldBytes = 0

  /** Calls `done` once, with the body or with a Refusal. `statedBytes`: the content-length, NaN where there is none. */
  function read(payload: Readable, statedBytes: number, done: (error: Error | null, body?: Buffer) => void) {
    if (statedBytes > limitBytes) return done(tooLarge())
    const pieces: Buffer[] = []
    let length = 0
    let costBytes = 0

    function onData(piece: Buffer) {
      length += piece.length
      if (length > limitBytes) return end(tooLarge())
      const cost = piece.length + PIECE_BYTES
      const share = costBytes + cost <= ORDINARY_BYTES ? 1 : LARGE_SHARE
      if (heldBytes + cost > unverifiedLimitBytes * share) return end(tooMuch())
      heldBytes += cost
      costBytes += cost
      pieces.push(piece)
    }
    const onEnd = () => end(null, pieces.length === 1 ? pieces[0] : Buffer.concat(pieces, length))
    // Also where its sender goes away.
    const onBroken = () => end(new Refusal(400, 'The request cannot be read.'))

    function end(error: Error | null, body?: Buffer) {
      payload.off('data', onData).off('end', onEnd).off('error', onBroken).off('close', onBroken)
      try {
        done(error, body)
      } finally {
        heldBytes -= costBytes
      }
    }
    payload.on('data', onData).on('end', onEnd).on('error', onBroken).on('close', onBroken)
  }

  return { read, heldBytes: () => heldBytes }
}

const tooMuch = () => new Refusal(503, 'Too much is being received at once; send it again.')
