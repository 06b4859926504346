import { type Reply, refusal } from '../answers.ts'
import { isObject } from './identifier.ts'
import { readWrite, type Write } from './object.ts'
import type { Rules } from './rules.ts'

/** What `POST /users/track` answers, and the writes that it queued. */
export interface Verdict extends Reply {
  writes: Write[]
}

/** Most objects of one request. [TRACK] */
export const maxObjects = 75
const noValidData = "Valid data must be provided in the 'attributes', 'events', or 'purchases' fields."

/** The attribute objects of a parsed body, whatever it is. */
export function objectsOf(body: unknown): unknown[] {
  return isObject(body) && Array.isArray(body.attributes) ? body.attributes : []
}

/** Judges a parsed body as Braze does; knows nothing of profiles, keys or pace. `read` are its objects. [TRACK] [ERR] */
export function judgeTrack(body: unknown, rules: Rules, read = objectsOf(body).map(readWrite)): Verdict {
  if (!isObject(body) || !Array.isArray(body.attributes ?? []))
    return none(refusal(400, "The request body must be a JSON object, and 'attributes' an array"))
  if (read.length > maxObjects)
    return none(refusal(400, `At most ${maxObjects} objects may be sent in one request`))
  const errors: unknown[] = []
  const writes: Write[] = []
  for (const [index, object] of read.entries()) {
    const refused = typeof object === 'string' ? undefined : rules.refused.get(object.target.name)
    if (refused !== undefined) return none(refused)
    const problem = typeof object === 'string' ? object : rules.rejected.get(object.target.name)
    if (problem === undefined) writes.push(object as Write)
    else errors.push(rules.bareErrors ? problem : { type: problem, input_array: 'attributes', index })
  }
  const status = writes.length > 0 ? 201 : rules.allRejected
  const message = status < 300 ? 'success' : noValidData
  const failed = errors.length > 0 ? { errors } : {}
  return { status, body: { message, attributes_processed: writes.length, ...failed }, writes }
}

const none = (reply: Reply): Verdict => ({ ...reply, writes: [] })
