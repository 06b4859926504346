import type { HttpAnswer } from './client.ts'

/**
 * What a status says of a request, whoever answers it: taken, too many of them, a failure that may have passed the next
 * time, or a request that is no better the next time.
 */
export function outcomeOf(status: number): 'success' | 'limited' | 'failed' | 'refused' {
  if (status >= 200 && status < 300) return 'success'
  if (status === 429) return 'limited'
  return status >= 500 ? 'failed' : 'refused'
}

/** The header `name`, in lower case; the first where there are several. */
export function headerOf(headers: HttpAnswer['headers'], name: string): string | undefined {
  const value = headers[name]
  return Array.isArray(value) ? value[0] : value
}

/** What the text says, if it is JSON; else undefined, which no JSON says. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The fields of what should be an object; none where it is something else. */
export const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> => (isObject(value) ? value : {})
