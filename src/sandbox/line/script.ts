import type { ScriptedAnswer } from '../answers.ts'
import type { Insight } from './insight.ts'

/** What tests can make LINE's API do, whatever is asked. */
export interface ScriptControls {
  /** The next `times` requests are answered so instead of normally. Earlier calls come first. */
  answerNext: (answer: ScriptedAnswer, times?: number) => void
  /** All requests are answered so, until null. `answerNext` goes before it. */
  setOutage: (answer: ScriptedAnswer | null) => void
  /** The nth request for a page of the follower list is answered so, once; counted from 1 over the sandbox's life. Goes before the other two. */
  answerPage: (n: number, answer: ScriptedAnswer) => void
  /** What the follower statistics say. Null: what the follower list says. */
  setInsight: (insight: Insight | null) => void
  /** What the Date header says; '' leaves it out. Null: the truth. */
  setDate: (date: (() => Date | string) | null) => void
}

export type LineApiScript = ReturnType<typeof createScript>

/** Holds what was asked of a LINE: `controls` set it, the rest is read for each request. */
export function createScript() {
  const next: ScriptedAnswer[] = []
  const pages = new Map<number, ScriptedAnswer>()
  let outage: ScriptedAnswer | null = null
  let insight: Insight | null = null
  let date: (() => Date | string) | null = null

  const controls: ScriptControls = {
    answerNext(answer, times = 1) {
      for (let time = 0; time < times; time++) next.push(answer)
    },
    setOutage(answer) {
      outage = answer
    },
    answerPage(n, answer) {
      pages.set(n, answer)
    },
    setInsight(newInsight) {
      insight = newInsight
    },
    setDate(newDate) {
      date = newDate
    },
  }

  return {
    controls,
    /** The answer to give instead of LINE's own, or null. `page` is the request's number among those for a page, null for others. */
    takeAnswer(page: number | null): ScriptedAnswer | null {
      const answer = page === null ? undefined : pages.get(page)
      if (page !== null) pages.delete(page)
      return answer ?? next.shift() ?? outage
    },
    /** The Date header: null for the truth, '' for none. */
    date(): string | null {
      const value = date?.() ?? null
      return value instanceof Date ? value.toUTCString() : value
    },
    get insight() {
      return insight
    },
  }
}
