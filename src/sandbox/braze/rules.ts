import { type Reply, refusal, type ScriptedAnswer } from '../answers.ts'
import { createLimiter, type Limit, type Limiter } from './limit.ts'

/** How `invalid_user_ids` names unknown aliases: as objects, by their names, or not at all; Braze does not say. */
export type InvalidIdsStyle = 'objects' | 'strings' | 'absent'

export type Rules = ReturnType<typeof createRules>

/** By what a Braze judges at present. User ids are alias names. */
export const createRules = (apiKey: string) => ({
  apiKey,
  /** Users whose objects get an error of their own, and its text. */
  rejected: new Map<string, string>(),
  /** Users that spoil every batch they are in, and how it is answered, without an index. */
  refused: new Map<string, Reply>(),
  /** Errors as bare strings instead of `{type, input_array, index}`. [CODE] */
  bareErrors: false,
  /** The status of an answer in which every object has an error. */
  allRejected: 400,
  limiter: null as Limiter | null,
  exportLimiter: null as Limiter | null,
  nextExports: [] as ScriptedAnswer[],
  exportIsForbidden: false,
  invalidIdsStyle: 'objects' as InvalidIdsStyle,
})

/** What tests can make a Braze do, apart from what every service can. */
export const createControls = (rules: Rules) => ({
  /** The user's objects get an error of their own, by index. */
  rejectUser: (userId: string, reason: string) => void rules.rejected.set(userId, reason),
  /**
   * Every batch that contains the user is refused as a whole, without an index. Default status 400, and in words; null: as
   * something in front of Braze would, which says nothing.
   */
  refuseUser(userId: string, status = 400, message: string | null = 'Bad request') {
    rules.refused.set(userId, message === null ? { status, body: {} } : refusal(status, message))
  },
  /** Ends rejectUser and refuseUser. */
  acceptUser(userId: string) {
    rules.rejected.delete(userId)
    rules.refused.delete(userId)
  },
  /** Errors of objects come as bare strings. */
  errorsWithoutIndex(bare: boolean) {
    rules.bareErrors = bare
  },
  /** The status of an answer in which every object has an error. */
  rejectAllWith(status: number) {
    rules.allRejected = status
  },
  /** Another key is valid from now on, the old one is answered 401. */
  setApiKey(key: string) {
    rules.apiKey = key
  },
  /** What goes beyond the limit is answered 429. */
  setLimit(limit: Limit | null) {
    rules.limiter = limit && createLimiter(limit)
  },
  /** The same for exports, which have a limit apart from that of other requests. */
  setExportLimit(limit: Limit | null) {
    rules.exportLimiter = limit && createLimiter(limit)
  },
  /** The next `times` exports are answered so instead of normally. Earlier calls come first. */
  answerNextExport(answer: ScriptedAnswer, times = 1) {
    for (let time = 0; time < times; time++) rules.nextExports.push(answer)
  },
  /** The key lacks the permission `users.export.ids`: exports are answered 403. */
  forbidExport(on: boolean) {
    rules.exportIsForbidden = on
  },
  setInvalidIdsStyle(style: InvalidIdsStyle) {
    rules.invalidIdsStyle = style
  },
})
