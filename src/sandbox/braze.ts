import { listen } from './braze-http.ts'
import { createManners } from './braze-manners.ts'
import { profileKey, type Write } from './braze-object.ts'
import { createProfiles } from './braze-profiles.ts'
import { type BrazeEvents, createRecord } from './braze-record.ts'
import { handle, type Parts } from './braze-request.ts'
import { createScript } from './braze-script.ts'
import { readTrack } from './braze-track.ts'
import { hex, type Random } from './random.ts'

export type { FaultKind, ScriptedAnswer } from './braze-answers.ts'
export type { Limit } from './braze-limit.ts'
export type { AttributeObject } from './braze-object.ts'
export type { AnsweredRequest, BrazeEvents, BrazeStats } from './braze-record.ts'
export type { BrazeControls } from './braze-script.ts'

export interface BrazeSandboxOptions {
  /** Default: a random one. */
  apiKey?: string
  /** Default 0: a free one. Always on 127.0.0.1. */
  port?: number
  /** Shortest and longest delay before an accepted object is applied; [0, 0] applies at once. Default [10, 100]. [LIMITS] */
  applyMs?: readonly [min: number, max: number]
  /** Delay before Braze's own answers. Default 0. */
  latencyMs?: number
  /** Pause that clients should keep between two writes to a user; shorter ones are violations. Default: none. */
  settleMs?: number
  /** Keeps every request in memory, for `requests` and `writesOf`. Default false. */
  keepRequests?: boolean
  random?: Random
  /** Epoch milliseconds, for the pause between two writes. Default: the machine's clock. */
  clock?: () => number
}

/** Where a user's value is: the alias label of the profile, and the attribute's name. Both default to `line_id`. */
export interface AttributePlace {
  label?: string
  name?: string
}

export type BrazeSandbox = Awaited<ReturnType<typeof startBrazeSandbox>>

const line = 'line_id'

/** Starts a Braze that has `POST /users/track`, obeys the rules of docs/sources.md and can be scripted. Rejects where it cannot listen. */
export async function startBrazeSandbox(options: BrazeSandboxOptions = {}) {
  const {
    applyMs = [10, 100],
    latencyMs = 0,
    keepRequests = false,
    random = Math.random,
    clock = Date.now,
  } = options
  const script = createScript(options.apiKey ?? hex(random, 32))
  const record = createRecord({ keepRequests })
  const manners = createManners(options)
  const profiles = createProfiles({ applyMs, random, onApplied: ({ userId }) => record.applied(userId) })
  const parts = { script, record, manners, profiles, latencyMs, clock }
  const { port, close } = await listen(
    options.port ?? 0,
    (arrival) => handle(parts, arrival),
    () => record.stats.connections++,
  )
  const { until } = record.waits

  return {
    url: `http://127.0.0.1:${port}`,
    port,
    ...script.controls,
    get apiKey() {
      return script.apiKey
    },
    /** How many profiles there are. */
    get profiles(): number {
      return profiles.size
    },
    ...readers(parts),
    stats: record.stats,
    /** All requests that are over, oldest first; empty without `keepRequests`. */
    requests: record.requests,
    /** What clients did against the rules of good behaviour, see braze-manners.ts; no user ids in it. */
    violations: manners.violations,
    /** Listens to answered requests or applied objects; the function returned ends it. */
    on<Name extends keyof BrazeEvents>(
      event: Name,
      listener: (detail: BrazeEvents[Name][0]) => void,
    ): () => void {
      record.events.on(event, listener as never)
      return () => record.events.off(event, listener as never)
    },
    /** Resolves once `predicate` holds; it is asked again whenever a request arrives or is answered and an object is applied. */
    until,
    /** Resolves once nothing that was accepted waits to be applied. */
    whenApplied: () => until(() => profiles.waiting === 0),
    /** Stops listening, cuts all connections, drops what waits to be applied and rejects what waits for it. */
    async close(): Promise<void> {
      await close()
      record.waits.close()
      profiles.close()
    },
  }
}

function readers({ profiles, record }: Parts) {
  return {
    /** The value in the profile with alias (label, userId); undefined where there is none. */
    attribute: (userId: string, { label = line, name = line }: AttributePlace = {}): unknown =>
      profiles.get(profileKey(label, userId))?.get(name),
    hasProfile: (userId: string, label = line): boolean =>
      profiles.get(profileKey(label, userId)) !== undefined,
    /** A profile that was there before. */
    createProfile(userId: string, attributes: Record<string, unknown> = {}, label = line): void {
      profiles.create(profileKey(label, userId), attributes)
    },
    /** What was sent for a user, accepted or not, oldest first; empty without `keepRequests`. */
    writesOf(userId: string, { name = line }: AttributePlace = {}) {
      return record.requests.flatMap(({ at, status, objects }) =>
        readTrack({ attributes: objects })
          .attributes.filter((write): write is Write => typeof write !== 'string' && write.userId === userId)
          .map(({ attributes }) => ({
            at,
            status,
            value: attributes.find((attribute) => attribute[0] === name)?.[1],
          })),
      )
    },
  }
}
