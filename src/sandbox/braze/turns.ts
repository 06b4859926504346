import type { ServerResponse } from 'node:http'
import { type Reply, refusal, type ScriptedAnswer } from '../answers.ts'
import type { Random } from '../random.ts'
import type { Arrival, Turn } from '../service.ts'
import type { createContentBlocks } from './content-blocks.ts'
import {
  type DashboardEndpoint,
  type Endpoint,
  endpoints,
  isDashboardEndpoint,
  isEndpoint,
  methodOf,
} from './endpoints.ts'
import { judgeExport } from './export.ts'
import type { Handovers } from './handovers.ts'
import { isObject } from './identifier.ts'
import { type Change, type IdentityEndpoint, judgeIdentity } from './identity.ts'
import { createJoining } from './joining.ts'
import type { Manners, Touch } from './manners.ts'
import { type AttributeObject, readWrite } from './object.ts'
import type { Profiles } from './profiles.ts'
import type { Delay, Queue } from './queue.ts'
import type { Rules } from './rules.ts'
import type { createSegments } from './segments.ts'
import { judgeTrack, maxObjects, objectsOf, type Verdict } from './track.ts'

/** What is kept of a request: its `attributes` list as it was sent; empty where the body could not be read. */
export type Tracked = { objects: AttributeObject[] }

/** A request to another endpoint than `/users/track` that is over. */
export interface Call {
  /** In epoch milliseconds. */
  at: number
  endpoint: Endpoint
  /** 0: no answer was given, or the client had gone. */
  status: number
  /** Parsed; undefined where it is no JSON. Of requests about Content Blocks, without what is in them. */
  body: unknown
}

interface Parts {
  rules: Rules
  profiles: Profiles
  queue: Queue
  manners: Manners
  handovers: Handovers
  contentBlocks: ReturnType<typeof createContentBlocks>
  segments: ReturnType<typeof createSegments>
  applyMs: Delay
  random: Random
  clock: () => number
  blame: (violation: string) => void
  onTaken: (objects: number) => void
  onCall: (call: Call) => void
}

/** How a Braze meets each request. What it takes it queues at once, so it can be applied before the answer and although the client has gone. */
export function createTurns(parts: Parts) {
  const {
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
  } = parts
  const joining = createJoining(profiles, rules, blame)

  /** Sets the headers of the endpoint's limit, and knows since when the client's pause may run. */
  function createStamp(endpoint: Endpoint) {
    let answeredAt = 0
    return {
      stamp(res: ServerResponse, status: number) {
        // Before the answer leaves.
        answeredAt = clock()
        const limiter = rules.limiters[endpoints[endpoint].pace]
        if (limiter) res.setHeaders(limiter.headers(status))
      },
      answeredAt: () => answeredAt,
    }
  }

  function track(arrival: Arrival, scripted: ScriptedAnswer | null): Turn<Tracked> {
    const body = parse(arrival.body)
    const objects = objectsOf(body)
    const read = objects.map(readWrite)
    const readable = read.filter((object) => typeof object !== 'string')
    if (objects.length > maxObjects) blame(`${objects.length} objects in one request`)
    for (const { explicit } of readable) if (!explicit) blame('an object did not say _update_existing_only')
    const sending = manners.begin(readable, arrival.isCut)
    const lost = handovers.begin(readable)
    const refused = scripted === null ? refuse(arrival, rules) : null
    const { writes, ...verdict } = isTaken(scripted, refused) ? judgeTrack(body, rules, read) : nothing
    parts.onTaken(writes.length)
    for (const write of writes) queue.take(applyMs, profiles.apply, write)
    const { stamp, answeredAt } = createStamp('/users/track')
    return {
      scripted,
      reply: () => refused ?? verdict,
      opening: '{"message":"success"',
      stamp,
      kept: { objects: objects as AttributeObject[] },
      ended(_, accepted) {
        manners.end(sending, writes, accepted ? answeredAt() : null)
        handovers.end(lost, writes, accepted ? answeredAt() : sending.at)
      },
    }
  }

  function exportUsers(arrival: Arrival, endpoint: Endpoint): Turn<Tracked> {
    const body = parse(arrival.body)
    return {
      scripted: scriptedFor(endpoint, rules),
      reply: () =>
        refuse(arrival, rules) ?? judgeExport(body, { profiles, style: rules.invalidIdsStyle, random }),
      opening: '{"message":"success","users":[]',
      stamp: createStamp(endpoint).stamp,
      kept: null,
      ended: (status) => parts.onCall({ at: arrival.at, endpoint, status, body }),
    }
  }

  /** Whom the changes touch, nobody twice for one change: an alias may be the customer's already. */
  function touchesOf(changes: readonly Change[]): Touch[] {
    return changes.flatMap(({ targets, item }) => {
      const byProfile = new Map(targets.map((target) => [profiles.keyOf(target), target]))
      return Array.from(byProfile.values(), (target) => ({ target, item }))
    })
  }

  function identify(arrival: Arrival, endpoint: IdentityEndpoint): Turn<Tracked> {
    const scripted = scriptedFor(endpoint, rules)
    const body = parse(arrival.body)
    const { changes, ...judged } = judgeIdentity(endpoint, body, joining)
    const touches = touchesOf(changes)
    const sending = manners.begin(touches, arrival.isCut)
    const refused = scripted === null ? refuse(arrival, rules) : null
    const taken = isTaken(scripted, refused)
    if (taken) for (const change of changes) queue.take(rules.identityMs, ({ apply }) => apply(), change)
    const { stamp, answeredAt } = createStamp(endpoint)
    return {
      scripted,
      reply: () => refused ?? judged,
      opening: '{"message":"success"',
      stamp,
      kept: null,
      ended(status, accepted) {
        manners.end(sending, taken ? touches : [], accepted ? answeredAt() : null)
        parts.onCall({ at: arrival.at, endpoint, status, body })
      },
    }
  }

  /** What changes a block is applied at once. With `apply` it is, although the answer says something else. */
  function dashboard(arrival: Arrival, endpoint: DashboardEndpoint): Turn<Tracked> {
    const scripted = scriptedFor(endpoint, rules)
    const body = parse(arrival.body)
    const answer = () => refuse(arrival, rules) ?? judge[endpoint](arrival.query, body)
    if (scripted?.apply === true) answer()
    return {
      scripted,
      reply: answer,
      opening: '{"message":"success"',
      stamp: createStamp(endpoint).stamp,
      kept: null,
      ended: (status) => parts.onCall({ at: arrival.at, endpoint, status, body: withoutContent(body) }),
    }
  }

  const judge: Record<DashboardEndpoint, (query: Record<string, string>, body: unknown) => Reply> = {
    '/content_blocks/list': (query) => contentBlocks.list(query),
    '/content_blocks/info': (query) => contentBlocks.info(query),
    '/content_blocks/create': (_, body) => contentBlocks.create(body),
    '/content_blocks/update': (_, body) => contentBlocks.update(body),
    '/segments/data_series': (query) => segments.dataSeries(query),
  }

  return (arrival: Arrival, takeScripted: () => ScriptedAnswer | null): Turn<Tracked> => {
    const { path } = arrival
    if (!isEndpoint(path) || path === '/users/track') return track(arrival, takeScripted())
    if (isDashboardEndpoint(path)) return dashboard(arrival, path)
    return path === '/users/export/ids' ? exportUsers(arrival, path) : identify(arrival, path)
  }
}

const nothing: Verdict = { status: 200, body: {}, writes: [] }

/** Whether Braze does what it was asked, whatever it answers. */
const isTaken = (scripted: ScriptedAnswer | null, refused: Reply | null) =>
  scripted === null ? refused === null : scripted.apply === true

const scriptedFor = (endpoint: Endpoint, { next, outages }: Rules): ScriptedAnswer | null =>
  next.get(endpoint)?.shift() ?? outages.get(endpoint) ?? null

/** What is wrong with a request whatever its body says. */
function refuse({ method, path, authorization, body }: Arrival, rules: Rules): Reply | null {
  if (!isEndpoint(path) || method !== methodOf(path)) return refusal(404, 'Not found')
  const { pace, permission } = endpoints[path]
  if (authorization !== `Bearer ${rules.apiKey}`) return refusal(401, 'Invalid API key')
  if (rules.forbidden.has(permission)) return refusal(403, `The API key lacks the permission ${permission}`)
  if (rules.limiters[pace]?.take() === false) return refusal(429, 'Rate limit exceeded')
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

/** A block may hold a token. */
function withoutContent(body: unknown): unknown {
  if (!isObject(body)) return body
  const { content: _, ...rest } = body
  return rest
}
