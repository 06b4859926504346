import type { BrazeSandbox } from '../../src/sandbox/braze.ts'

/** An attribute object as line-braze sends it. */
export function object(userId: string, value: unknown, updateOnly = value === null) {
  return {
    user_alias: { alias_label: 'line_id', alias_name: userId },
    _update_existing_only: updateOnly,
    line_id: value,
  }
}

/** Posts to a sandbox and reads the answer; `json` is undefined where there is none. */
export async function track(
  braze: BrazeSandbox,
  attributes: unknown,
  init: RequestInit & { path?: string } = {},
) {
  const body = JSON.stringify({ attributes })
  const headers = { authorization: `Bearer ${braze.apiKey}`, 'content-type': 'application/json' }
  const response = await fetch(braze.url + (init.path ?? '/users/track'), {
    method: 'POST',
    headers,
    body,
    ...init,
  })
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
