import type { Identifier } from './identifier.ts'

/** What a request asks of one profile; whatever it has beside `target` says what. */
export interface Touch {
  readonly target: Identifier
}

/** One request on its way, as manners see it. */
export interface Sending {
  touches: readonly Touch[]
  /** The profile of each when the request arrived. */
  profiles: readonly string[]
  /** When it arrived, in epoch milliseconds. */
  at: number
  /** Whether its client has hung up: it may send again, for even an answer that was sent may not have been heard. */
  isCut: () => boolean
}

/** The last touch of a profile that Braze took. */
interface Taken {
  at: number
  accepted: boolean
  content: string
  sending: Sending
}

/** Clocks are read in whole milliseconds on both sides. */
const toleranceMs = 1

export type Manners = ReturnType<typeof createManners>

/**
 * Watches what docs/reliability.md promises about requests: no profile twice in one, one in flight for a profile, `settleMs` between two
 * (where given). A profile is the same by whichever of its identifiers it is touched. A touch whose answer was, or may have been, lost can
 * be repeated at once but not contradicted: Braze could apply the two in either order.
 */
export function createManners(parts: {
  settleMs: number
  clock: () => number
  keyOf: (identifier: Identifier) => string
  blame: (violation: string) => void
}) {
  const { settleMs, clock, keyOf, blame } = parts
  const open = new Map<string, Sending>()
  const last = new Map<string, Taken>()

  function checkSettled(touch: Touch, profile: string) {
    const before = last.get(profile)
    if (before === undefined) return
    const elapsed = clock() - before.at
    const same = before.content === contentOf(touch)
    if (elapsed >= settleMs - toleranceMs) last.delete(profile)
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
    /** A request has arrived whole. */
    begin(touches: readonly Touch[], isCut: () => boolean): Sending {
      const profiles = touches.map(({ target }) => keyOf(target))
      const sending = { touches, profiles, at: clock(), isCut }
      for (const [index, touch] of touches.entries()) {
        const profile = profiles[index] as string
        const other = open.get(profile)
        if (other === sending) blame('a user was twice in one request')
        else if (other) blameUnless(other.isCut, 'two requests were in flight for one user')
        open.set(profile, sending)
        if (settleMs > 0 && other !== sending) checkSettled(touch, profile)
      }
      return sending
    },
    /** It was answered, or its client has gone. `taken` are the touches that Braze took; `acceptedAt` is when it said so, if it did. */
    end(sending: Sending, taken: readonly Touch[], acceptedAt: number | null) {
      const { touches, profiles } = sending
      for (const profile of profiles) if (open.get(profile) === sending) open.delete(profile)
      if (settleMs === 0 || taken.length === 0) return
      const [at, accepted] = [acceptedAt ?? sending.at, acceptedAt !== null]
      const isTaken = new Set(taken)
      for (const [index, touch] of touches.entries())
        if (isTaken.has(touch))
          last.set(profiles[index] as string, { at, accepted, content: contentOf(touch), sending })
    },
  }
}

const contentOf = ({ target, ...asked }: Touch): string => JSON.stringify(asked)
