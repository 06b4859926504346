import { MalformedWebhook } from '../line/webhook.ts'

/** A request that is not taken, with the status to answer and a sentence that may be shown to anybody. */
export class Refusal extends Error {
  readonly statusCode: number
  constructor(statusCode: number, message: string) {
    super(message)
    this.statusCode = statusCode
  }
}

export const tooLarge = () => new Refusal(413, 'The body is too large.')

/** What to answer for `error`. Only sentences written here leave the process, never those of a library. */
export function asRefusal(error: Error & { statusCode?: number }): Refusal {
  if (error instanceof Refusal) return error
  if (error instanceof MalformedWebhook) return new Refusal(400, error.message)
  const { statusCode = 500 } = error
  if (statusCode === 413) return tooLarge()
  if (statusCode < 500) return new Refusal(400, 'The request cannot be read.')
  return new Refusal(500, 'The request failed.')
}
