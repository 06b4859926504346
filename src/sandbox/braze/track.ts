import { type AttributeObject, identify, isObject, readWrite, type Write } from './object.ts'

/** A body of `POST /users/track`, read but not yet judged: each object is what it asks for, or what is wrong with it. */
export interface TrackRequest {
  attributes: (Write | string)[]
  /** Events and purchases count and are checked for whom they are about; nothing keeps them. */
  events: ({ userId: string } | string)[]
  purchases: ({ userId: string } | string)[]
  /** Objects of all three lists. */
  total: number
  /** What is wrong with the body as a whole. */
  problem?: string
  /** The attribute objects as they were sent. */
  objects: AttributeObject[]
}

/** What tests may ask Braze to find wrong. User ids are alias names or external ids. */
export interface TrackRules {
  /** Users whose objects get an error of their own, and its text. */
  rejected: ReadonlyMap<string, string>
  /** Users that spoil every batch they are in, and how it is answered, without an index. */
  refused: ReadonlyMap<string, Refusal>
  /** Errors as bare strings instead of `{type, input_array, index}`. [CODE] */
  bareErrors: boolean
  /** The status of an answer in which every object has an error. */
  allRejected: number
}

/** `message` is null where no word is said. */
export interface Refusal {
  status: number
  message: string | null
}

/** What `POST /users/track` answers, and the writes that it queued. */
export interface Verdict {
  status: number
  body: Record<string, unknown>
  writes: Write[]
}

/** Most attributes, events and purchases, together, of one request. [TRACK] */
export const maxObjects = 75
const noValidData = "Valid data must be provided in the 'attributes', 'events', or 'purchases' fields."
const listNames = ['attributes', 'events', 'purchases'] as const

/** Reads a parsed body, whatever it is. */
export function readTrack(body: unknown): TrackRequest {
  const given = isObject(body) ? body : {}
  const lists = listNames.map((name) => given[name] ?? [])
  const [attributes, events, purchases] = lists.map((list) => (Array.isArray(list) ? list : [])) as [
    [],
    [],
    [],
  ]
  const request: TrackRequest = {
    attributes: attributes.map(readWrite),
    events: events.map(readOther),
    purchases: purchases.map(readOther),
    total: attributes.length + events.length + purchases.length,
    objects: attributes,
  }
  if (!isObject(body)) request.problem = 'The request body must be a JSON object'
  else if (!lists.every(Array.isArray))
    request.problem = "'attributes', 'events' and 'purchases' must be arrays"
  return request
}

/** Judges a body as Braze does; knows nothing of profiles, keys or pace. [TRACK] [ERR] */
export function judgeTrack(request: TrackRequest, rules: TrackRules): Verdict {
  if (request.problem !== undefined) return refusal(request.problem)
  if (request.total > maxObjects) return refusal(`At most ${maxObjects} objects may be sent in one request`)
  const processed: Record<string, number> = {}
  const errors: unknown[] = []
  const writes: Write[] = []
  for (const name of listNames) {
    const list = request[name]
    let count = 0
    for (const [index, object] of list.entries()) {
      const refused = typeof object === 'string' ? undefined : rules.refused.get(object.userId)
      if (refused !== undefined) return refusal(refused.message, refused.status)
      const problem = typeof object === 'string' ? object : rules.rejected.get(object.userId)
      if (problem !== undefined)
        errors.push(rules.bareErrors ? problem : { type: problem, input_array: name, index })
      else if (name === 'attributes') count = writes.push(object as Write)
      else count++
    }
    if (list.length > 0) processed[`${name}_processed`] = count
  }
  const failed = errors.length > 0 ? { errors } : {}
  if (errors.length === request.total)
    return {
      status: rules.allRejected,
      body: { message: rules.allRejected < 300 ? 'success' : noValidData, ...processed, ...failed },
      writes,
    }
  return { status: 201, body: { message: 'success', ...processed, ...failed }, writes }
}

function readOther(raw: unknown): { userId: string } | string {
  return isObject(raw) ? identify(raw) : 'Each object must be an object'
}

function refusal(message: string | null, status = 400): Verdict {
  return { status, body: message === null ? {} : { message }, writes: [] }
}
