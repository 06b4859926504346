import type { Arrival } from '../service.ts'

/** The fields of a form; none where it is no form. */
export function formOf({ contentType, body }: Arrival): URLSearchParams {
  const isForm = contentType.startsWith('application/x-www-form-urlencoded')
  return new URLSearchParams(isForm ? (body ?? '') : '')
}
