/** Webhook requests as LINE sends them, built and signed before anything is timed. */
import { createHash, createHmac } from 'node:crypto'

export const SECRET = '8c570fa6dd201bb328f1c1eac23a96d8'
export const BOT_USER_ID = 'U8e742f61d673b39c7fff3cecb7536ef0'

/** What to build. People are numbers; which LINE user id a number has is the same in every process. */
export type Traffic =
  /** Each of the `people` from number `first` on follows, `eventsPerBody` of them in a request. */
  | {
      readonly kind: 'follows'
      readonly first: number
      readonly people: number
      readonly eventsPerBody: number
    }
  /**
   * One event a request, as on an ordinary day: 70 % messages of people who follow and stay, 15 % of people
   * who leave (each once) and 15 % of people who are new. The first `known` people must follow already. Rounds are
   * numbered from 0, and differ in who leaves and comes.
   */
  | { readonly kind: 'day'; readonly known: number; readonly requests: number; readonly round: number }

/** LINE's ids are random, and so are the places of the database that they touch. */
export const userId = (person: number) => `U${createHash('md5').update(`person ${person}`).digest('hex')}`

/** Whole HTTP/1.1 requests. */
export function buildRequests(traffic: Traffic): Buffer[] {
  return traffic.kind === 'follows' ? buildFollows(traffic) : buildDay(traffic)
}

function buildFollows({ first, people, eventsPerBody }: Traffic & { kind: 'follows' }): Buffer[] {
  const now = Date.now()
  const requests: Buffer[] = []
  for (let person = first; person < first + people; person += eventsPerBody) {
    const count = Math.min(eventsPerBody, first + people - person)
    requests.push(request(Array.from({ length: count }, (_, i) => event('follow', person + i, now))))
  }
  return requests
}

function buildDay({ known, requests, round }: Traffic & { kind: 'day' }): Buffer[] {
  const now = Date.now()
  const changes = Math.ceil(requests * 0.15)
  // The lower half writes, the upper half leaves, one after the other.
  const half = Math.floor(known / 2)
  if (half + (round + 1) * changes > known) throw new Error('More people leave than are known.')
  return Array.from({ length: requests }, (_, i) => {
    // Every event is newer than those before it, so that none is old news that costs no write.
    const at = now - requests + i
    const nth = round * changes + Math.floor(i / 20) * 3 + ((i % 20) >> 1) - 7
    if (i % 20 < 14) return request([event('message', (i * 7_919) % half, at)])
    return request([i % 2 ? event('unfollow', half + nth, at) : event('follow', known + nth, at)])
  })
}

function event(type: 'follow' | 'unfollow' | 'message', person: number, timestamp: number) {
  const token = createHash('md5').update(`${type} ${person} ${timestamp}`).digest('hex')
  return {
    type,
    ...(type === 'message' && {
      message: {
        type: 'text',
        id: '586543128374925826',
        quoteToken: token + token,
        text: 'こんにちは、予約をお願いします 🙇',
      },
    }),
    ...(type === 'follow' && { follow: { isUnblocked: false } }),
    webhookEventId: `01${token.slice(0, 24).toUpperCase()}`,
    deliveryContext: { isRedelivery: false },
    timestamp,
    source: { type: 'user', userId: userId(person) },
    ...(type !== 'unfollow' && { replyToken: token }),
    mode: 'active',
  }
}

function request(events: readonly object[]): Buffer {
  const body = Buffer.from(JSON.stringify({ destination: BOT_USER_ID, events }))
  const signature = createHmac('sha256', SECRET).update(body).digest('base64')
  const head = [
    'POST /webhook HTTP/1.1',
    'Host: 127.0.0.1',
    'Content-Type: application/json; charset=utf-8',
    `x-line-signature: ${signature}`,
    'User-Agent: LineBotWebhook/2.0',
    `Content-Length: ${body.length}`,
    '',
    '',
  ].join('\r\n')
  return Buffer.concat([Buffer.from(head), body])
}
