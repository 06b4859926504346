import type { ScriptedAnswer } from '../sandbox/answers.ts'
import type { BrazeSandbox } from '../sandbox/braze/braze.ts'

/** The parts of the traffic that have been sent when Braze goes down and when it comes back. */
const FROM = 0.2
const UNTIL = 0.6

/**
 * How the first requests fail, one after the other. Of two of them Braze has taken the objects and only the answer is
 * lost, which a sender cannot know.
 */
const FAULTS: readonly ScriptedAnswer[] = [
  { status: 503 },
  { kind: 'reset', apply: true },
  { kind: 'hang', apply: true },
]

/** A Braze that is down while the middle of so many `webhooks` is sent. */
export function createOutage(braze: BrazeSandbox, webhooks: number, say: (sentence: string) => void) {
  let isOn = false
  let stopFailing = () => {}

  function begin() {
    isOn = true
    let turn = 0
    const fail = () => braze.setOutage(FAULTS[turn++] ?? { status: 503 })
    fail()
    stopFailing = braze.on('request', fail)
    say('Braze goes down: it answers 503, cuts connections, or hangs.')
  }

  function end() {
    isOn = false
    stopFailing()
    braze.setOutage(null)
    say('Braze is back; the server finds out when it tries next.')
  }

  return {
    isOn: () => isOn,
    /** The webhook of that place, counted from 0, is about to be sent. Each is, once, in their order. */
    advance(place: number) {
      if (place === Math.floor(webhooks * FROM)) begin()
      if (place === Math.floor(webhooks * UNTIL)) end()
    },
  }
}
