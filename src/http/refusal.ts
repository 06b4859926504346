import type { Rejection } from '../line/signature.ts'
import { MalformedWebhook } from '../line/webhook.ts'

/** A request that is not taken, with the status to answer and a sentence that may be shown to anybody. */
export class Refusal extends Error {
  readonly statusCode: number
  /** For the log, and not for who sent it. */
  readonly about: About
  constructor(statusCode: number, message: string, about: About = {}) {
    super(message)
    this.statusCode = statusCode
    this.about = about
  }
}

/** What is known of a webhook request when it ends. */
export interface About {
  readonly events?: number
  readonly rejection?: Rejection
}

export const unsupported = () => new Refusal(415, 'The content type must be application/json.')

export const unreadable = () => new Refusal(400, 'The request cannot be read.')

/** What to answer for `error`. Only sentences written here leave the process, never those of a library. */
export function asRefusal(error: Error & { statusCode?: number }): Refusal {
  if (error instanceof Refusal) return error
  if (error instanceof MalformedWebhook) return new Refusal(400, error.message)
  const { statusCode = 500 } = error
  if (statusCode === 413) return new Refusal(413, 'The body is too large.')
  if (statusCode === 415) return unsupported()
  if (statusCode < 500) return unreadable()
  return new Refusal(500, 'The request failed.')
}
