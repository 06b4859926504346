import { hex, type Random } from '../random.ts'
import { type ServiceOptions, startService } from '../service.ts'
import { createCampaigns, type Sent } from './campaign.ts'
import { createContentBlocks } from './content-blocks.ts'
import { createDashboard, type Place } from './dashboard.ts'
import { createHandovers } from './handovers.ts'
import { createManners } from './manners.ts'
import { createProfiles } from './profiles.ts'
import { createQueue, type Delay } from './queue.ts'
import { createControls, createRules } from './rules.ts'
import { createSegments } from './segments.ts'
import { type Call, createTurns, type Tracked } from './turns.ts'

export interface BrazeSandboxOptions extends ServiceOptions {
  /** Default: a random one. */
  apiKey?: string
  /** Delay before an accepted object is applied. Default [10, 100]. [LIMITS] */
  applyMs?: Delay
  /** The same for what identify, alias/new, alias/update, merge and delete do. Default: `applyMs`. */
  identityMs?: Delay
  /** Pause that clients should keep between two writes to a user; shorter ones are violations. Default: none. */
  settleMs?: number
  random?: Random
  /** Epoch milliseconds, for the pause between two writes. Default: the machine's clock. */
  clock?: () => number
}

export type BrazeSandbox = Awaited<ReturnType<typeof startBrazeSandbox>>

const line = 'line_id'
const maxViolations = 100
const maxCalls = 100_000

/**
 * Starts a Braze that has the endpoints of endpoints.ts, obeys the rules of docs/sources.md and can be scripted. Rejects where it cannot
 * listen.
 */
export async function startBrazeSandbox(options: BrazeSandboxOptions = {}) {
  const { applyMs = [10, 100], settleMs = 0, random = Math.random, clock = Date.now } = options
  const violations: string[] = []
  const calls: Call[] = []
  const rules = createRules(options.apiKey ?? hex(random, 32), options.identityMs ?? applyMs)
  const queue = createQueue({ random, onApplied: () => service.check() })
  const profiles = createProfiles(blame)
  const manners = createManners({ settleMs, clock, keyOf: profiles.keyOf, blame })
  const handovers = createHandovers({ settleMs, clock, profiles, blame })
  const contentBlocks = createContentBlocks({ random, clock })
  const segments = createSegments({ profiles, random, clock })
  const campaigns = createCampaigns({
    profiles,
    contentBlocks: contentBlocks.contents,
    random,
    onSent: (sent) => service.tell('sent', sent),
  })
  const onTaken = (objects: number) => {
    stats.objects += objects
  }
  const turnOf = createTurns({
    rules,
    profiles,
    queue,
    manners,
    handovers,
    contentBlocks,
    segments,
    applyMs,
    random,
    clock,
    blame,
    onTaken,
    onCall,
  })

  function blame(violation: string) {
    if (violations.length < maxViolations) violations.push(violation)
  }

  function onCall(call: Call) {
    if (options.keepRequests && calls.push(call) > maxCalls) calls.shift()
    service.tell('call', call)
    if (call.endpoint === '/users/export/ids') service.tell('export', call)
  }

  const service = await startService<Tracked, { call: Call; export: Call; sent: Sent }>(
    options,
    (arrival, takeScripted) => {
      stats.byPath[arrival.path] = (stats.byPath[arrival.path] ?? 0) + 1
      if (arrival.path === '/users/export/ids') stats.exports++
      return turnOf(arrival, takeScripted)
    },
  )
  const stats = Object.assign(service.stats, {
    /** Attribute objects taken, by Braze's own answers or by a scripted `apply`. */
    objects: 0,
    /** Requests to export users, answered or not. Nothing here but this and `byPath` counts requests to other endpoints than `/users/track`. */
    exports: 0,
    /** Requests by their path, answered or not. */
    byPath: {} as Record<string, number>,
  })

  /** The objects that were sent for somebody, one by one, oldest first. */
  const sent = (isMeant: (object: Record<string, unknown>) => boolean, { attribute = line }: Place) =>
    service.requests.flatMap(({ at, status, objects }) =>
      objects
        .filter((object) => isMeant(Object(object)))
        .map((object) => ({ at, status, value: object[attribute] })),
    )

  return {
    ...service,
    ...createControls(rules),
    ...createDashboard(profiles),
    ...contentBlocks.controls,
    ...segments.controls,
    ...campaigns.controls,
    stats,
    get apiKey() {
      return rules.apiKey
    },
    /** How many profiles there are. */
    get profiles(): number {
      return profiles.size()
    },
    /** What clients did against the rules, see manners.ts and profiles.ts, without user ids; at most a hundred. */
    violations: violations as readonly string[],
    /** Requests to other endpoints than `/users/track` that are over, oldest first; empty without `keepRequests`. */
    calls: calls as readonly Call[],
    /** What was sent for an alias name, under any label unless one is given, accepted or not; empty without `keepRequests`. */
    writesOf: (userId: string, place: Place = {}) =>
      sent(({ user_alias }) => {
        const { alias_name, alias_label } = Object(user_alias)
        return alias_name === userId && (place.label ?? alias_label) === alias_label
      }, place),
    /** The same for an external id. */
    writesOfCustomer: (externalId: string, place: Pick<Place, 'attribute'> = {}) =>
      sent(({ external_id }) => external_id === externalId, place),
    /** Resolves once nothing that was accepted waits to be applied. */
    whenApplied: () => service.until(() => queue.waiting() === 0),
    /** Applies at once what waits to be applied. */
    applyNow: queue.flush,
    /** Drops what waits to be applied, too. */
    async close(): Promise<void> {
      campaigns.close()
      await service.close()
      queue.close()
    },
  }
}
