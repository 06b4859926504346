import type { BrazeSandbox } from '../../src/sandbox/braze/braze.ts'
import type { LineApiSandbox } from '../../src/sandbox/line/api.ts'

/** An attribute object as line-braze sends it. */
export function object(userId: string, value: unknown, updateOnly = value === null) {
  return {
    user_alias: { alias_label: 'line_id', alias_name: userId },
    _update_existing_only: updateOnly,
    line_id: value,
  }
}

/** The same for a customer. */
export function customerObject(externalId: string, value: unknown, updateOnly = true) {
  return { external_id: externalId, _update_existing_only: updateOnly, line_id: value }
}

/** The alias of a user as Braze has it in bodies. */
export const alias = (alias_name: string, alias_label = 'line_id') => ({ alias_name, alias_label })

type Init = RequestInit & { path?: string }

/** Posts attributes to a sandbox and reads the answer. */
export function track(braze: BrazeSandbox, attributes: unknown, init: Init = {}) {
  return post(braze, { path: '/users/track', body: JSON.stringify({ attributes }), ...init })
}

/** Asks a sandbox for users and reads the answer. */
export function exportUsers(braze: BrazeSandbox, body: unknown, init: Init = {}) {
  return post(braze, { path: '/users/export/ids', body: JSON.stringify(body), ...init })
}

/** Asks any endpoint of a sandbox and reads the answer. */
export function call(braze: BrazeSandbox, path: string, body: unknown, init: Init = {}) {
  return post(braze, { path, body: JSON.stringify(body), ...init })
}

/** Hands the alias profile of a user to a customer, as often as there are pairs. */
export function identify(
  braze: BrazeSandbox,
  ...pairs: [userId: string, externalId: string, label?: string][]
) {
  const aliases_to_identify = pairs.map(([userId, external_id, label]) => ({
    external_id,
    user_alias: alias(userId, label),
  }))
  return call(braze, '/users/identify', { aliases_to_identify })
}

async function post(braze: BrazeSandbox, init: Init) {
  const headers = { authorization: `Bearer ${braze.apiKey}`, 'content-type': 'application/json' }
  return read(await fetch(braze.url + init.path, { method: 'POST', headers, ...init }))
}

/** Asks LINE's API with its long-lived token, or with another one, and reads the answer. */
export async function ask(line: LineApiSandbox, path: string, init: RequestInit & { token?: string } = {}) {
  const headers = { authorization: `Bearer ${init.token ?? line.token}` }
  return read(await fetch(line.url + path, { headers, ...init }))
}

/** An answer with its whole body; `json` is undefined where there is none. */
export async function read(response: Response) {
  const text = await response.text()
  return { status: response.status, headers: response.headers, text, json: parse(text) }
}

function parse(text: string) {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
