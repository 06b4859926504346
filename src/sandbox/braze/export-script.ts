import type { ScriptedAnswer } from '../answers.ts'
import type { InvalidIdsStyle } from './export.ts'
import { createLimiter, type Limit, type Limiter } from './limit.ts'

/** What tests can make Braze do with exports of users. */
export interface ExportControls {
  /** The next `times` exports are answered so instead of normally. Earlier calls come first. */
  answerNextExport: (answer: ScriptedAnswer, times?: number) => void
  /** The limit of exports, apart from that of other requests. What goes beyond it is answered 429. */
  setExportLimit: (limit: Limit | null) => void
  /** The key lacks the permission `users.export.ids`: exports are answered 403. */
  forbidExport: (on: boolean) => void
  /** How `invalid_user_ids` names unknown aliases: as objects (the default), by their names, or not at all. */
  setInvalidIdsStyle: (style: InvalidIdsStyle) => void
}

export type ExportScript = ReturnType<typeof createExportScript>

/** Holds what was asked of a Braze's exports: `controls` set it, the rest is read for each request. */
export function createExportScript() {
  const next: ScriptedAnswer[] = []
  let limiter: Limiter | null = null
  let isForbidden = false
  let invalidIdsStyle: InvalidIdsStyle = 'objects'

  const controls: ExportControls = {
    answerNextExport(answer, times = 1) {
      for (let time = 0; time < times; time++) next.push(answer)
    },
    setExportLimit(limit) {
      limiter = limit && createLimiter(limit)
    },
    forbidExport(on) {
      isForbidden = on
    },
    setInvalidIdsStyle(style) {
      invalidIdsStyle = style
    },
  }

  return {
    controls,
    /** The answer to give instead of Braze's own, or null. */
    takeAnswer: (): ScriptedAnswer | null => next.shift() ?? null,
    get limiter() {
      return limiter
    },
    get isForbidden() {
      return isForbidden
    },
    get invalidIdsStyle() {
      return invalidIdsStyle
    },
  }
}
