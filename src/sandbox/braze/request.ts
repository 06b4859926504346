import { answerAfter, giveScripted, sendJson } from '../answers.ts'
import type { Arrival } from '../http.ts'
import { type ExportParts, exportPath, handleExport } from './export-request.ts'
import type { Manners } from './manners.ts'
import type { Profiles } from './profiles.ts'
import type { BrazeRecord } from './record.ts'
import type { BrazeScript, TrackAnswer } from './script.ts'
import { judgeTrack, readTrack, type TrackRequest, type Verdict } from './track.ts'

/** The parts of one sandbox. */
export interface Parts extends ExportParts {
  script: BrazeScript
  record: BrazeRecord
  manners: Manners
  profiles: Profiles
  latencyMs: number
  clock: () => number
}

/** Exports are a world of their own; all else is judged as `POST /users/track`. */
export function handle(parts: Parts, arrival: Arrival) {
  if (arrival.path === exportPath) handleExport(parts, arrival)
  else handleTrack(parts, arrival)
}

/**
 * Handles one request: judges it, takes what is valid, answers after the latency, and keeps the record. What is taken is queued at once, so it
 * can be applied before the answer and although the client has gone.
 */
function handleTrack(parts: Parts, arrival: Arrival) {
  const { script, record, manners, profiles, clock } = parts
  const { at, res, socket } = arrival
  const track = parse(arrival.body)
  const sending = manners.begin(
    track?.attributes.filter((object) => typeof object !== 'string') ?? [],
    track?.total ?? 0,
    () => socket.destroyed || socket.readableEnded,
  )
  const scripted = script.takeAnswer()
  const { status, body, writes } =
    scripted === null ? judge(arrival, track, script) : judgeScripted(scripted, track, script)
  let answeredAt = 0
  record.arrived()
  record.stats.objects += writes.length
  profiles.take(writes)
  answerAfter(scripted === null ? parts.latencyMs : (scripted.delayMs ?? 0), res, give, conclude)
  record.waits.check()

  function give() {
    const headers = script.limiter?.headers(status) ?? {}
    answeredAt = clock()
    return scripted === null ? sendJson(res, status, body, headers) : giveScripted(res, scripted, headers)
  }

  function conclude(sent: number) {
    const accepted = scripted === null && sent >= 200 && sent < 300
    manners.end(sending, writes, accepted, answeredAt)
    record.answered({ at, status: sent, objects: track?.objects ?? [] }, accepted)
  }
}

function judge(
  { method, path, authorization, body }: Arrival,
  track: TrackRequest | null,
  script: BrazeScript,
): Verdict {
  if (method !== 'POST' || path !== '/users/track') return refusal(404, 'Not found')
  if (authorization !== `Bearer ${script.apiKey}`) return refusal(401, 'Invalid API key')
  if (script.limiter?.take() === false) return refusal(429, 'Rate limit exceeded')
  if (body === null) return refusal(413, 'Payload too large')
  if (track === null) return refusal(400, 'Error parsing request body')
  return judgeTrack(track, script.rules)
}

/** A scripted answer says nothing of its own; with `apply` the objects are taken all the same. */
function judgeScripted(answer: TrackAnswer, track: TrackRequest | null, { rules }: BrazeScript): Verdict {
  const writes = answer.apply && track !== null ? judgeTrack(track, rules).writes : []
  return { status: answer.status ?? 200, body: {}, writes }
}

function refusal(status: number, message: string): Verdict {
  return { status, body: { message }, writes: [] }
}

function parse(body: string | null): TrackRequest | null {
  try {
    return body === null ? null : readTrack(JSON.parse(body))
  } catch {
    return null
  }
}
