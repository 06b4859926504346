import { createHash } from 'node:crypto'
import { number } from '../terminal/numbers.ts'
import { frameOf, lineOf, type MessageProgress } from './message-progress.ts'
import { patienceMs, withPatience } from './patience.ts'
import { type Expected, recipientsOf } from './places.ts'
import { printTemplate, rotateToken } from './processes.ts'
import { type Means, type Stage, TOKEN_BLOCK } from './stage.ts'

/** Needs its quotes and its line break escaped. */
const TEXT = 'Hello from the "demo" 😀\nNice to meet you.'
const MOST_AT_A_TIME = 100
const PUSH_PATH = '/v2/bot/message/push'
/** The parts that are sent when the rotation begins, and when the rest waits for its end. */
const ROTATE = 1 / 4
const HOLD = 1 / 2
/** How long a second of Braze's waiting takes: its first retry comes ten of them later. */
const SECOND_MS = 50

/**
 * Braze sends one message to everybody who has a LINE id there, by the template that the product prints; in the middle LINE is
 * overloaded for some, and the token is rotated. Whom LINE was asked to send to, how often, and who got it.
 */
export async function playFourthAct(expected: Expected, stage: Stage, means: Means) {
  const { braze, lineApi } = stage
  const { interruption, display } = means
  const people = recipientsOf(expected).size
  // So few that many still have their turn when the token is another one.
  const concurrency = Math.min(MOST_AT_A_TIME, Math.ceil(people / 4))
  const asked = new Map<string, number>()
  const done = { sent: 0, byOldToken: 0, byNewToken: 0, late: 0 }
  const token = () => braze.contentBlock(TOKEN_BLOCK)?.content ?? ''
  const progress = (): MessageProgress => ({ ...done, people, got: lineApi.received.size })

  /** Counts what LINE accepts, and what Braze is done with. The function returned ends it. */
  function count(oldToken: string) {
    const oldHash = createHash('sha256').update(oldToken).digest('hex')
    const stopPushes = lineApi.on('push', ({ to, tokenHash }) => {
      asked.set(to, (asked.get(to) ?? 0) + 1)
      const isOld = tokenHash === oldHash
      done[isOld ? 'byOldToken' : 'byNewToken']++
      if (isOld && token() !== oldToken) done.late++
    })
    const stopSent = braze.on('sent', () => {
      done.sent++
    })
    return () => {
      stopPushes()
      stopSent()
    }
  }

  async function send() {
    await braze.until(() => token() !== '')
    const webhook = await printTemplate(TEXT, stage, means)
    const middle = Promise.withResolvers<void>()
    const rotated = middle.promise.then(() => rotateToken(stage, means))
    let requests = 0
    async function beforeRequest() {
      requests++
      if (requests === Math.floor(people * ROTATE)) {
        lineApi.answerNextOf(PUSH_PATH, { status: 503 }, Math.ceil(concurrency / 4))
        middle.resolve()
      }
      if (requests > people * HOLD) await rotated
    }
    const stop = count(token())
    display.show({ frame: () => frameOf(progress()), line: () => lineOf(progress()) })
    const options = { concurrency, secondMs: SECOND_MS, beforeRequest }
    // It ends without its middle where Braze has far fewer people than it should.
    const sending = braze.sendCampaign(webhook, options).finally(middle.resolve)
    const [{ retries }] = await Promise.all([sending, rotated])
    stop()
    display.end()
    return { ...done, retries, asked, got: lineApi.received }
  }

  // The strictest that LINE might be.
  lineApi.demandUuidVersions(true)
  return withPatience(
    patienceMs(people),
    interruption,
    () => `${number(done.sent)} of ${number(people)} messages are sent`,
    async () => {
      display.say(
        `Fourth act: Braze sends one message to ${number(people)} people, everybody whom it can reach.`,
        'template text has printed what to paste into Braze, and the server has put the token there.',
      )
      return interruption.race(send())
    },
  )
}

/** What was done in it. */
export type Sending = Awaited<ReturnType<typeof playFourthAct>>
