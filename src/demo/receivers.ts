import { number } from '../terminal/numbers.ts'
import type { Sending } from './fourth-act.ts'
import { type Expected, recipientsOf } from './places.ts'

/** Compares who has got the message with who should have: each once, and nobody else may have been sent any. */
export function judgeReceivers(expected: Expected, sending: Sending) {
  const { asked, got, byOldToken, byNewToken, late, retries } = sending
  const recipients = recipientsOf(expected)
  const timesOf = (userId: string) => got.get(userId) ?? 0
  const none = [...recipients].filter((userId) => timesOf(userId) === 0)
  const more = [...recipients].filter((userId) => timesOf(userId) > 1)
  const others = [...asked.keys()].filter((userId) => !recipients.has(userId))
  const sends = [...asked.values()].reduce((total, times) => total + times, 0)
  const wrongs = [
    many(none, 'who can be reached and got no message'),
    many(more, 'who got the message more than once'),
    many(others, 'to whom no message belongs and was sent'),
    (byOldToken === 0 || byNewToken === 0) &&
      `the token was not rotated in the middle: ${number(byOldToken)} messages went with the old one, ${number(byNewToken)} with the new one`,
  ].filter((wrong) => wrong !== false)
  return {
    numbers: {
      /** Messages that LINE has accepted. */
      messages: sends,
      byOldToken,
      byNewToken,
      /** Those with the old one after another was in Braze. */
      lateByOldToken: late,
      /** Requests that Braze repeated. */
      messageRetries: retries,
      recipients: recipients.size,
      gotOnce: recipients.size - none.length - more.length,
      gotNone: none.length,
      gotMore: more.length,
      /** People who should get none and to whom one was sent; LINE gives none to those who blocked. */
      sentWrongly: others.length,
    },
    wrongs,
  }
}

export type Receivers = ReturnType<typeof judgeReceivers>

const many = (people: readonly string[], what: string) =>
  people.length > 0 && `${number(people.length)} people ${what} (first: ${people[0]})`
