/** A call on its way into the database. */
export interface Call {
  readonly id: number
  /** Whether it waits until all that were made before are over. */
  readonly isLast: boolean
}

export interface CallsOptions<C extends Call> {
  /** Does the call and answers it; or returns what it met, another process's transaction, and has done nothing. */
  readonly attempt: (call: C) => Error | undefined
  /** Answers a call that has met that for long enough. */
  readonly refuse: (call: C, met: Error) => void
  /** Calls `look` after a little while. */
  readonly later: (look: () => void) => void
}

/**
 * Calls are done in the order in which they come. Those that meet another process's transaction wait for its end, each
 * until whoever made it gives it up; those that need not wait, as they only read, go past.
 */
export function createCalls<C extends Call>({ attempt, refuse, later }: CallsOptions<C>) {
  const waiting: { readonly call: C; met?: Error | undefined }[] = []
  let isLooking = false

  /** When the first one meets it again, so would the others. */
  function tryWaiting() {
    for (let first = waiting[0]; first; first = waiting[0]) {
      first.met = attempt(first.call)
      if (first.met) return
      waiting.shift()
    }
  }

  function look() {
    isLooking = false
    tryWaiting()
    lookLater()
  }
  function lookLater() {
    if (isLooking || waiting.length === 0) return
    isLooking = true
    later(look)
  }

  return {
    take(call: C) {
      tryWaiting()
      const mustWait = call.isLast && waiting.length > 0
      const met = mustWait ? undefined : attempt(call)
      if (mustWait || met) waiting.push({ call, met })
      lookLater()
    },
    /** Whoever made the call waits no longer: unless it is done already, it is refused. */
    giveUp(id: number) {
      const index = waiting.findIndex(({ call, met }) => call.id === id && met)
      const [given] = index < 0 ? [] : waiting.splice(index, 1)
      if (given?.met) refuse(given.call, given.met)
    },
  }
}
