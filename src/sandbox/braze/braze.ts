import { listen } from '../http.ts'
import { hex, type Random } from '../random.ts'
import { createDashboard } from './dashboard.ts'
import { createExportScript } from './export-script.ts'
import { createBrazeIds } from './ids.ts'
import { createManners } from './manners.ts'
import { createProfiles } from './profiles.ts'
import { type BrazeEvents, createRecord } from './record.ts'
import { handle } from './request.ts'
import { createScript } from './script.ts'

export type { FaultKind } from '../answers.ts'
export type { AttributePlace } from './dashboard.ts'
export type { InvalidIdsStyle } from './export.ts'
export type { ExportControls } from './export-script.ts'
export type { Limit } from './limit.ts'
export type { AttributeObject } from './object.ts'
export type { AnsweredRequest, BrazeEvents, BrazeStats } from './record.ts'
export type { BrazeControls, TrackAnswer as ScriptedAnswer } from './script.ts'

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

export type BrazeSandbox = Awaited<ReturnType<typeof startBrazeSandbox>>

/**
 * Starts a Braze that has `POST /users/track` and `POST /users/export/ids`, obeys the rules of docs/sources.md and can be scripted. Rejects
 * where it cannot listen.
 */
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
  const exportScript = createExportScript()
  const brazeIds = createBrazeIds(random)
  const parts = { script, exportScript, record, manners, profiles, brazeIds, latencyMs, clock, random }
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
    ...exportScript.controls,
    get apiKey() {
      return script.apiKey
    },
    /** How many profiles there are. */
    get profiles(): number {
      return profiles.size
    },
    ...createDashboard(profiles, record.requests),
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
