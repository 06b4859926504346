import { type Reply, refusal, type ScriptedAnswer } from '../answers.ts'
import type { Endpoint, Pace, Permission } from './endpoints.ts'
import { createLimiter, type Limit, type Limiter } from './limit.ts'
import type { Delay } from './queue.ts'

/** How `invalid_user_ids` names unknown aliases: as objects, by their names, or not at all; Braze does not say. */
export type InvalidIdsStyle = 'objects' | 'strings' | 'absent'

export type Rules = ReturnType<typeof createRules>

/** By what a Braze judges at present. Users go by their alias names and external ids. `identityMs`: see the sandbox's options. */
export const createRules = (apiKey: string, identityMs: Delay = [0, 0]) => ({
  apiKey,
  /** Users whose objects get an error of their own, and its text. */
  rejected: new Map<string, string>(),
  /** Users that spoil every batch they are in, and how it is answered, without an index. */
  refused: new Map<string, Reply>(),
  /** Errors as bare strings instead of `{type, input_array, index}`. [CODE] */
  bareErrors: false,
  /** The status of an answer in which every object has an error. */
  allRejected: 400,
  limiters: { track: null, export: null, identity: null, shared: null } as Record<Pace, Limiter | null>,
  forbidden: new Set<Permission>(),
  /** Answers of single endpoints, but for those of `/users/track`, which has the service's. */
  next: new Map<Endpoint, ScriptedAnswer[]>(),
  outages: new Map<Endpoint, ScriptedAnswer>(),
  invalidIdsStyle: 'objects' as InvalidIdsStyle,
  identityMs,
  /** External ids of those who are never merged. [MERGE] */
  neverMerged: new Set<string>(),
  /** Whether the alias of a profile that was merged leads to the customer. [IDENT] [CODE] */
  aliasesSurvive: true,
})

/** What tests can make a Braze do, apart from what every service can. */
export function createControls(rules: Rules) {
  const setLimitOf = (pace: Pace, limit: Limit | null) => {
    rules.limiters[pace] = limit && createLimiter(limit)
  }
  /** The key lacks a permission: what needs it is answered 403. */
  const forbid = (permission: Permission, on: boolean) => {
    if (on) rules.forbidden.add(permission)
    else rules.forbidden.delete(permission)
  }
  /** As `answerNext`, for one endpoint that is not `/users/track`. Earlier calls come first. */
  function answerNextOf(endpoint: Exclude<Endpoint, '/users/track'>, answer: ScriptedAnswer, times = 1) {
    const next = rules.next.get(endpoint) ?? []
    rules.next.set(endpoint, next)
    for (let time = 0; time < times; time++) next.push(answer)
  }

  return {
    /** The user's objects get an error of their own, by index. Here and below a user is an alias name or an external id. */
    rejectUser: (user: string, reason: string) => void rules.rejected.set(user, reason),
    /**
     * Every batch that contains the user is refused as a whole, without an index. Default status 400, and in words; null: as
     * something in front of Braze would, which says nothing.
     */
    refuseUser(user: string, status = 400, message: string | null = 'Bad request') {
      rules.refused.set(user, message === null ? { status, body: {} } : refusal(status, message))
    },
    /** Ends rejectUser and refuseUser. */
    acceptUser(user: string) {
      rules.rejected.delete(user)
      rules.refused.delete(user)
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
    setLimit: (limit: Limit | null) => setLimitOf('track', limit),
    /** The same for exports, which have a limit apart from that of other requests. */
    setExportLimit: (limit: Limit | null) => setLimitOf('export', limit),
    /** The same for identify, alias/new, alias/update, merge and delete, which share one. */
    setIdentityLimit: (limit: Limit | null) => setLimitOf('identity', limit),
    /** The same for Content Blocks, which share one with many other endpoints. */
    setSharedLimit: (limit: Limit | null) => setLimitOf('shared', limit),
    answerNextOf,
    /** The next `times` exports are answered so instead of normally. Earlier calls come first. */
    answerNextExport: (answer: ScriptedAnswer, times = 1) => answerNextOf('/users/export/ids', answer, times),
    /** All requests to one endpoint that is not `/users/track` are answered so, until null. `answerNextOf` goes before it. */
    setOutageOf(endpoint: Exclude<Endpoint, '/users/track'>, answer: ScriptedAnswer | null) {
      if (answer === null) rules.outages.delete(endpoint)
      else rules.outages.set(endpoint, answer)
    },
    forbid,
    /** The key lacks the permission `users.export.ids`: exports are answered 403. */
    forbidExport: (on: boolean) => forbid('users.export.ids', on),
    setInvalidIdsStyle(style: InvalidIdsStyle) {
      rules.invalidIdsStyle = style
    },
    /** How long the effects of identify, alias/new, alias/update, merge and delete take from now on. */
    setIdentityMs(delay: Delay) {
      rules.identityMs = delay
    },
    /** The customer is in the Global Control Group: nobody is merged into them, nor they into anybody, and no answer says so. [MERGE] */
    neverMerge: (externalId: string) => void rules.neverMerged.add(externalId),
    /** Whether, from now on, a merged profile can still be found by its alias; Braze says so, its clients do not rely on it. [CODE] */
    keepMergedAliases(on: boolean) {
      rules.aliasesSurvive = on
    },
  }
}
