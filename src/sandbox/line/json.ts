import { createHmac } from 'node:crypto'

/** Gson, for one, escapes these; and the halves of everything outside the BMP (emoji) are escaped while other characters stay raw. */
const escaped = /[<>&='\ud800-\udfff]/g

/**
 * JSON as LINE writes it: some characters by their numbers (`\u` and four digits), others as raw UTF-8, so that parsing and serialising again changes the bytes. [SIG]
 * The escaped characters occur within strings only.
 */
export function toLineJson(value: unknown): string {
  return JSON.stringify(value).replace(
    escaped,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** The value of `x-line-signature`: base64 of HMAC-SHA256 over the body's bytes. [SIG] */
export function signLine(body: string | Uint8Array, secret: string): string {
  return createHmac('sha256', secret).update(body).digest('base64')
}
