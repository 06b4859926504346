const NUMBER = /^-?\d{1,10}(\.\d{1,3})?$/
const BOOLEAN = /^(true|false|yes|no|on|off)$/i
/** Of LINE or Braze, and not long enough for a key within. */
const HOST = /^(https?:\/\/)?([a-z0-9-]{1,12}\.){1,3}(braze\.com|braze\.eu|line\.me)\/?$/i

/**
 * Whether a value may be shown in an error. Somebody may have put a secret into the wrong variable, so that the shape of
 * the value decides, and not what the variable is for.
 *
 * @param words those that the setting may be
 */
export const isHarmless = (value: string, words: readonly string[] = []): boolean =>
  NUMBER.test(value) || BOOLEAN.test(value) || HOST.test(value) || words.includes(value.toLowerCase())
