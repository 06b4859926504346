import { type Call, type Caller, LineError } from './call.ts'
import type { TokenSource } from './tokens.ts'

export interface AskOptions {
  readonly call: Caller
  readonly tokens: TokenSource
}

/** What asks LINE with a token of the channel. */
export function createAsk({ call, tokens }: AskOptions) {
  /**
   * Where LINE does not take the token any more, it is asked once again with a new one.
   *
   * @param refused what an error of this very request means, and not one of a request for a token
   */
  return async function ask<T>(
    request: Omit<Call<T>, 'headers'> & { readonly headers?: Call<T>['headers'] },
    refused = (error: LineError) => error,
  ): Promise<T> {
    for (let isRenewed = false; ; isRenewed = true) {
      const token = await tokens.get(request.signal)
      const headers = { ...request.headers, authorization: `Bearer ${token}` }
      try {
        return await call({ ...request, headers })
      } catch (error) {
        if (!(error instanceof LineError)) throw error
        const isOver = error.status === 401 && !isRenewed && tokens.expire(token)
        if (!isOver) throw refused(error)
      }
    }
  }
}
