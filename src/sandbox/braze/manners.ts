import type { Write } from './object.ts'
import { maxObjects } from './track.ts'

/** One request on its way, as manners see it. */
interface Sending {
  writes: readonly Write[]
  /** When it arrived, in epoch milliseconds. */
  at: number
  /** Whether its client has hung up: it may send again, for even an answer that was sent may not have been heard. */
  isCut: () => boolean
}

/** The last write of a user that Braze took. */
interface Taken {
  at: number
  accepted: boolean
  content: string
  sending: Sending
}

const maxViolations = 100
/** Clocks are read in whole milliseconds on both sides. */
const toleranceMs = 1

/**
 * Watches what docs/reliability.md promises about requests: no user twice in one, one in flight for a user, `settleMs` between two writes (where given),
 * `_update_existing_only` always said, at most 75 objects. A write whose answer was, or may have been, lost can be repeated at once but not
 * contradicted: Braze could apply the two in either order.
 */
export function createManners({ settleMs, clock }: { settleMs: number; clock: () => number }) {
  const violations: string[] = []
  const open = new Map<string, Sending>()
  const last = new Map<string, Taken>()

  function blame(violation: string) {
    if (violations.length < maxViolations) violations.push(violation)
  }

  function checkSettled(write: Write) {
    const before = last.get(write.profile)
    if (before === undefined) return
    const elapsed = clock() - before.at
    const same = before.content === contentOf(write)
    if (elapsed >= settleMs - toleranceMs) last.delete(write.profile)
    else if (!same) blame(`a user was written another value to ${elapsed} ms after a write that Braze took`)
    else if (before.accepted) {
      blameUnless(before.sending.isCut, `a user was written to again ${elapsed} ms after an accepted write`)
    }
  }

  /** A client that gives up closes its socket and may send again on another; both can reach us in one turn of the event loop. */
  function blameUnless(excused: () => boolean, violation: string) {
    setImmediate(() => excused() || blame(violation))
  }

  return {
    /** What clients did that they should not, without user ids; at most a hundred. */
    violations: violations as readonly string[],
    /** A request has arrived whole: `writes` are its readable objects, `objects` counts them all. */
    begin(writes: readonly Write[], objects: number, isCut: () => boolean): Sending {
      if (objects > maxObjects) blame(`${objects} objects in one request`)
      const sending = { writes, at: clock(), isCut }
      for (const write of writes) {
        const other = open.get(write.profile)
        if (other === sending) blame('a user was twice in one request')
        else if (other) blameUnless(other.isCut, 'two requests were in flight for one user')
        open.set(write.profile, sending)
        if (!write.explicit) blame('an object did not say _update_existing_only')
        if (settleMs > 0 && other !== sending) checkSettled(write)
      }
      return sending
    },
    /** It was answered, or its client has gone. `taken` are the writes that Braze took; `acceptedAt` is when it said so, if it did. */
    end(sending: Sending, taken: readonly Write[], acceptedAt: number | null) {
      for (const { profile } of sending.writes) if (open.get(profile) === sending) open.delete(profile)
      if (settleMs === 0) return
      const [at, accepted] = [acceptedAt ?? sending.at, acceptedAt !== null]
      for (const write of taken) last.set(write.profile, { at, accepted, content: contentOf(write), sending })
    },
  }
}

const contentOf = ({ creates, attributes }: Write): string => JSON.stringify([creates, attributes])
