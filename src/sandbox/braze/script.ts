import type { ScriptedAnswer } from '../answers.ts'
import { createLimiter, type Limit, type Limiter } from './limit.ts'
import type { Refusal } from './track.ts'

/** With `apply` the objects are taken and applied all the same, as when Braze got them and only the answer went astray. */
export type TrackAnswer = ScriptedAnswer & { apply?: boolean }

/** What tests can make Braze do with requests other than exports, which have controls of their own. */
export interface BrazeControls {
  /** The next `times` requests are answered so instead of normally. Earlier calls come first. */
  answerNext: (answer: TrackAnswer, times?: number) => void
  /** All of them are answered so, until null. `answerNext` goes before it. */
  setOutage: (answer: TrackAnswer | null) => void
  /** The user's objects get an error of their own, by index. User ids are alias names or external ids. */
  rejectUser: (userId: string, reason: string) => void
  /**
   * Every batch that contains the user is refused as a whole, without an index. Default status 400, and in words; null: as
   * something in front of Braze would, which says nothing.
   */
  refuseUser: (userId: string, status?: number, message?: string | null) => void
  /** Ends rejectUser and refuseUser. */
  acceptUser: (userId: string) => void
  /** Errors of objects come as bare strings. */
  errorsWithoutIndex: (bare: boolean) => void
  /** The status of an answer in which every object has an error. Default 400. */
  rejectAllWith: (status: number) => void
  /** Another key is valid from now on, the old one is answered 401. */
  setApiKey: (key: string) => void
  /** What goes beyond the limit is answered 429. */
  setLimit: (limit: Limit | null) => void
}

export type BrazeScript = ReturnType<typeof createScript>

/** Holds what was asked of a Braze: `controls` set it, the rest is read for each request. */
export function createScript(firstApiKey: string) {
  const next: TrackAnswer[] = []
  const rules = {
    rejected: new Map<string, string>(),
    refused: new Map<string, Refusal>(),
    bareErrors: false,
    allRejected: 400,
  }
  let apiKey = firstApiKey
  let outage: TrackAnswer | null = null
  let limiter: Limiter | null = null

  const controls: BrazeControls = {
    answerNext(answer, times = 1) {
      for (let time = 0; time < times; time++) next.push(answer)
    },
    setOutage(answer) {
      outage = answer
    },
    rejectUser(userId, reason) {
      rules.rejected.set(userId, reason)
    },
    refuseUser(userId, status = 400, message = 'Bad request') {
      rules.refused.set(userId, { status, message })
    },
    acceptUser(userId) {
      rules.rejected.delete(userId)
      rules.refused.delete(userId)
    },
    errorsWithoutIndex(bare) {
      rules.bareErrors = bare
    },
    rejectAllWith(status) {
      rules.allRejected = status
    },
    setApiKey(key) {
      apiKey = key
    },
    setLimit(limit) {
      limiter = limit && createLimiter(limit)
    },
  }

  return {
    controls,
    rules,
    /** The answer to give instead of Braze's own, or null. */
    takeAnswer: (): TrackAnswer | null => next.shift() ?? outage,
    get apiKey() {
      return apiKey
    },
    get limiter() {
      return limiter
    },
  }
}
