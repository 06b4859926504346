/** How one thing stands. `warning`: it works, and somebody may want it otherwise. */
export type CheckStatus = 'ok' | 'warning' | 'wrong' | 'not checked'

/** One line of what `doctor` says. */
export interface Check {
  /** As `line.webhook`; scripts go by it. */
  readonly name: string
  /** Of which of several channels. */
  readonly channel?: string
  readonly status: CheckStatus
  /** A sentence for a person: what is so, and what to do about it. No secret, and no user id. */
  readonly message: string
}

const as =
  (status: CheckStatus) =>
  (name: string, message: string): Check => ({ name, status, message })

export const ok = as('ok')
export const warning = as('warning')
export const wrong = as('wrong')
export const notChecked = as('not checked')

/** A sentence, with its full stop. */
export const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`)

/** What to say of what was thrown. */
export const said = (error: unknown): string =>
  sentence(error instanceof Error ? error.message : String(error))
