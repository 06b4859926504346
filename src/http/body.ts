import type { EventEmitter } from 'node:events'
import { type Readable, Transform } from 'node:stream'
import { Refusal, unreadable } from './refusal.ts'

/** Tells once, by `close`. */
type Over = Pick<EventEmitter, 'once'>

/** What a piece of a body costs beside its bytes (measured): in a chunked body a sender can make each byte a piece. */
const PIECE_BYTES = 640
/** A connection sends one body at a time, so that bodies up to this take no more than this for each connection. */
const ORDINARY_BYTES = 16_384

/**
 * Holds no more than `limitBytes` of large bodies of which nothing is known yet; what would exceed it is refused with 503.
 * Bytes count from their arrival, since a sender's word about the length costs him nothing, until the body was looked at.
 * Webhooks of ordinary size get in meanwhile, and pass without being counted.
 */
export function createUnverifiedBodies(limitBytes: number) {
  let heldBytes = 0

  /**
   * `payload`, or what is to be read in its place until the request is `over`, answered or given up: whoever was to read it
   * may have stopped before, as at the limit of a body.
   *
   * @param statedBytes the content-length, NaN where there is none
   */
  function watch(payload: Readable, statedBytes: number, over: Over): Readable {
    if (statedBytes <= ORDINARY_BYTES) return payload
    let costBytes = 0
    const counted = new Transform({
      transform(piece: Buffer, _encoding, done) {
        const cost = piece.length + PIECE_BYTES
        if (heldBytes + cost > limitBytes) return done(tooMuch())
        heldBytes += cost
        costBytes += cost
        done(null, piece)
      },
    })
    // An error that nobody hears would end all.
    counted.on('error', () => {})
    counted.once('close', () => {
      heldBytes -= costBytes
    })
    over.once('close', () => counted.destroy(unreadable()))
    // Not a pipeline: that would close the connection before the refusal is said.
    payload.pipe(counted)
    return counted
  }

  return { watch, heldBytes: () => heldBytes }
}

const tooMuch = () => new Refusal(503, 'Too much is being received at once; send it again.')
