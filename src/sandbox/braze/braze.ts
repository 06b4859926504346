import { type Reply, refusal, type ScriptedAnswer } from '../answers.ts'
import { hex, type Random } from '../random.ts'
import { type Arrival, type ServiceOptions, startService, type Turn } from '../service.ts'
import { judgeExport } from './export.ts'
import type { Limiter } from './limit.ts'
import { createManners } from './manners.ts'
import { type AttributeObject, profileKey, readWrite } from './object.ts'
import { createProfiles } from './profiles.ts'
import { createControls, createRules, type Rules } from './rules.ts'
import { judgeTrack, objectsOf, type Verdict } from './track.ts'

export interface BrazeSandboxOptions extends ServiceOptions {
  /** Default: a random one. */
  apiKey?: string
  /** Shortest and longest delay before an accepted object is applied; [0, 0] applies at once. Default [10, 100]. [LIMITS] */
  applyMs?: readonly [min: number, max: number]
  /** Pause that clients should keep between two writes to a user; shorter ones are violations. Default: none. */
  settleMs?: number
  random?: Random
  /** Epoch milliseconds, for the pause between two writes. Default: the machine's clock. */
  clock?: () => number
}

/** What is kept of a request: its `attributes` list as it was sent; empty where the body could not be read. */
type Tracked = { objects: AttributeObject[] }

export type BrazeSandbox = Awaited<ReturnType<typeof startBrazeSandbox>>

const trackPath = '/users/track'
const exportPath = '/users/export/ids'
/** The alias label of profiles, and the attribute's name. */
const line = 'line_id'
const nothing: Verdict = { status: 200, body: {}, writes: [] }
const keyOf = (userId: string) => profileKey(line, userId)

/**
 * Starts a Braze that has `POST /users/track` and `POST /users/export/ids`, obeys the rules of docs/sources.md and can be scripted. Rejects
 * where it cannot listen.
 */
export async function startBrazeSandbox(options: BrazeSandboxOptions = {}) {
  const { applyMs = [10, 100], settleMs = 0, random = Math.random, clock = Date.now } = options
  const rules = createRules(options.apiKey ?? hex(random, 32))
  const manners = createManners({ settleMs, clock })
  const profiles = createProfiles({ applyMs, random, onApplied: () => service.check() })

  /** What is taken is queued at once, so it can be applied before the answer and although the client has gone. */
  function track(arrival: Arrival, scripted: ScriptedAnswer | null): Turn<Tracked> {
    const body = parse(arrival.body)
    const objects = objectsOf(body)
    const readable = objects.map(readWrite).filter((object) => typeof object !== 'string')
    const sending = manners.begin(readable, objects.length, arrival.isCut)
    const refused = scripted === null ? refuse(arrival, rules, rules.limiter) : null
    const isTaken = refused === null && (scripted === null || scripted.apply === true)
    const verdict = isTaken ? judgeTrack(body, rules) : nothing
    let answeredAt = 0
    stats.objects += verdict.writes.length
    profiles.take(verdict.writes)
    return {
      scripted,
      reply: () => refused ?? verdict,
      opening: '{"message":"success"',
      stamp(res, status) {
        // Before the answer leaves: from then on the client's pause may run.
        answeredAt = clock()
        if (rules.limiter) res.setHeaders(rules.limiter.headers(status))
      },
      kept: { objects: objects as AttributeObject[] },
      ended: (_, accepted) => manners.end(sending, verdict.writes, accepted ? answeredAt : null),
    }
  }

  function exportUsers(arrival: Arrival): Turn<Tracked> {
    stats.exports++
    return {
      scripted: rules.nextExports.shift() ?? null,
      reply: () =>
        refuse(arrival, rules, rules.exportLimiter, rules.exportIsForbidden) ??
        judgeExport(parse(arrival.body), { profiles, style: rules.invalidIdsStyle, random }),
      opening: '{"message":"success","users":[]',
      stamp: (res, status) => rules.exportLimiter && res.setHeaders(rules.exportLimiter.headers(status)),
      kept: null,
      ended: (status) => service.tell('export', { status }),
    }
  }

  const service = await startService<Tracked, { export: { status: number } }>(
    options,
    (arrival, takeScripted) =>
      arrival.path === exportPath ? exportUsers(arrival) : track(arrival, takeScripted()),
  )
  const stats = Object.assign(service.stats, {
    /** Attribute objects taken, by Braze's own answers or by a scripted `apply`. */
    objects: 0,
    /** Requests to export users, answered or not. Nothing else here counts them, except `connections`. */
    exports: 0,
  })

  return {
    ...service,
    ...createControls(rules),
    stats,
    get apiKey() {
      return rules.apiKey
    },
    /** How many profiles there are. */
    get profiles(): number {
      return profiles.all.size
    },
    /** What clients did against the rules of good behaviour, see manners.ts; no user ids in it. */
    violations: manners.violations,
    /** The value in a profile; undefined where there is none. */
    attribute: (userId: string): unknown => profiles.all.get(keyOf(userId))?.get(line),
    hasProfile: (userId: string): boolean => profiles.all.has(keyOf(userId)),
    /** A profile that was there before. */
    createProfile: (userId: string, attributes: Record<string, unknown> = {}) =>
      profiles.change(keyOf(userId), Object.entries(attributes), true),
    /** The value goes, the profile stays. */
    removeAttribute: (userId: string) => profiles.all.get(keyOf(userId))?.delete(line),
    removeProfile: (userId: string) => profiles.all.delete(keyOf(userId)),
    /** What was sent for a user, accepted or not, oldest first; empty without `keepRequests`. */
    writesOf: (userId: string) =>
      service.requests.flatMap(({ at, status, objects }) =>
        objects
          .filter((object) => Object(object?.user_alias).alias_name === userId)
          .map((object) => ({ at, status, value: object[line] })),
      ),
    /** Resolves once nothing that was accepted waits to be applied. */
    whenApplied: () => service.until(() => profiles.waiting() === 0),
    /** Drops what waits to be applied, too. */
    async close(): Promise<void> {
      await service.close()
      profiles.close()
    },
  }
}

/** What is wrong with a request whatever its body says. */
function refuse(
  { method, path, authorization, body }: Arrival,
  { apiKey }: Rules,
  limiter: Limiter | null,
  isForbidden = false,
): Reply | null {
  if (method !== 'POST' || ![trackPath, exportPath].includes(path)) return refusal(404, 'Not found')
  if (authorization !== `Bearer ${apiKey}`) return refusal(401, 'Invalid API key')
  if (isForbidden) return refusal(403, 'The API key lacks the permission users.export.ids')
  if (limiter?.take() === false) return refusal(429, 'Rate limit exceeded')
  if (body === null) return refusal(413, 'Payload too large')
  return null
}

/** A parsed body; undefined where it is none. */
function parse(body: string | null): unknown {
  try {
    return JSON.parse(body ?? '')
  } catch {
    return undefined
  }
}
