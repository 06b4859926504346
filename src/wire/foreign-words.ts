/** More of what others say is neither kept nor shown. */
const LIMIT = 300
/** So much is looked at: many times the limit, since names and secrets become shorter when they are taken out. */
const READ_LIMIT = 30_000

export interface Hidden {
  /** User ids and external ids that may be named. */
  readonly ids?: Iterable<string>
  /** Keys, tokens and channel secrets that may be echoed. */
  readonly secrets?: Iterable<string | undefined>
}

/**
 * Makes what somebody else said (an answer of LINE or Braze, the text of a library's error) fit to be logged, stored and
 * shown to anybody: without the ids and secrets that it may repeat, on one line, and short.
 *
 * @param said a text, or any other JSON value
 */
export function foreignWords(said: unknown, { ids = [], secrets = [] }: Hidden = {}): string {
  let words = (typeof said === 'string' ? said : (JSON.stringify(said) ?? String(said))).slice(0, READ_LIMIT)
  // Before it is cut: half an id would still tell.
  for (const secret of longestFirst(secrets)) words = words.replaceAll(secret, '<secret>')
  for (const id of longestFirst(ids)) words = words.replaceAll(id, '<user id>')
  return words
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim()
    .slice(0, LIMIT)
    .toWellFormed()
}

/** Where one begins with another, taking out the shorter first would leave the rest of the longer. */
const longestFirst = (names: Iterable<string | undefined>): string[] =>
  Array.from(names, (name) => name ?? '')
    .filter((name) => name !== '')
    .sort((a, b) => b.length - a.length)
