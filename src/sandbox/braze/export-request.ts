import { answerAfter, giveScripted, sendJson } from '../answers.ts'
import type { Arrival } from '../http.ts'
import { type Random, shuffled } from '../random.ts'
import { type Asked, type ExportedProfile, exportedUser, invalidIds, readExport } from './export.ts'
import type { ExportScript } from './export-script.ts'
import type { BrazeIds } from './ids.ts'
import type { Profiles } from './profiles.ts'
import type { BrazeRecord } from './record.ts'

/** The parts of a sandbox that exports need. */
export interface ExportParts {
  script: { readonly apiKey: string }
  exportScript: ExportScript
  brazeIds: BrazeIds
  record: BrazeRecord
  profiles: Profiles
  latencyMs: number
  random: Random
}

export const exportPath = '/users/export/ids'

/** Handles one export, by the state of the profiles at its arrival. */
export function handleExport(parts: ExportParts, arrival: Arrival) {
  const { exportScript, record, latencyMs } = parts
  const { res } = arrival
  const scripted = exportScript.takeAnswer()
  const { status = 200, body } =
    scripted === null ? judge(parts, arrival) : { status: scripted.status, body: {} }
  record.exportArrived()
  answerAfter(scripted === null ? latencyMs : (scripted.delayMs ?? 0), res, give, record.waits.check)

  function give() {
    const headers = exportScript.limiter?.headers(status) ?? {}
    return scripted === null
      ? sendJson(res, status, body, headers)
      : giveScripted(res, scripted, headers, '{"message":"success","users":[]')
  }
}

interface Verdict {
  status: number
  body: object
}

function judge(parts: ExportParts, { method, authorization, body }: Arrival): Verdict {
  const { script, exportScript } = parts
  if (method !== 'POST') return refusal(404, 'Not found')
  if (authorization !== `Bearer ${script.apiKey}`) return refusal(401, 'Invalid API key')
  if (exportScript.isForbidden) return refusal(403, 'The API key lacks the permission users.export.ids')
  if (exportScript.limiter?.take() === false) return refusal(429, 'Rate limit exceeded')
  if (body === null) return refusal(413, 'Payload too large')
  const request = readExport(parse(body))
  if (typeof request === 'string') return refusal(400, request)
  const found = new Map<string, ExportedProfile>()
  const unknown: Asked[] = []
  for (const asked of request.asked) {
    const profile = find(parts, asked)
    if (profile === undefined) unknown.push(asked)
    else found.set(profile.profile, profile)
  }
  const users = shuffled(parts.random, [...found.values()]).map((one) => exportedUser(one, request.fields))
  const invalid = invalidIds(unknown, exportScript.invalidIdsStyle)
  return { status: 200, body: { message: 'success', users, ...invalid } }
}

function find({ profiles, brazeIds }: ExportParts, asked: Asked): ExportedProfile | undefined {
  const profile = asked.kind === 'braze_id' ? brazeIds.profileOf(asked.userId) : asked.profile
  const attributes = profile === undefined ? undefined : profiles.get(profile)
  if (profile === undefined || attributes === undefined) return undefined
  const brazeId = brazeIds.of(profile, attributes)
  const isGone = asked.kind === 'braze_id' && asked.userId !== brazeId
  return isGone ? undefined : { profile, brazeId, attributes }
}

function refusal(status: number, message: string): Verdict {
  return { status, body: { message } }
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}
