/** What a route answers. */
export interface Reply {
  status: number
  body: object
  /** Set by an answered page of the follower list. */
  page?: { ids: number; isLast: boolean }
}

export function refusal(status: number, message: string): Reply {
  return { status, body: { message } }
}
