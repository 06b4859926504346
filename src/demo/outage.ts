import type { ScriptedAnswer } from '../sandbox/answers.ts'
import type { BrazeSandbox } from '../sandbox/braze/braze.ts'

/** The parts of the traffic that have been sent when Braze goes down and when it comes back. */
const FROM = 0.2
const UNTIL = 0.6

/**
 * How requests fail, one after the other; the last one stays. Of two of them Braze has taken the objects and only the
 * answer is lost, which a sender cannot know.
 */
const FAULTS: readonly ScriptedAnswer[] = [
  { status: 503 },
  { kind: 'reset', apply: true },
  { kind: 'hang', apply: true },
  { status: 503 },
]

/** A Braze that is down while the middle of the traffic is sent. */
export function createOutage(
  braze: BrazeSandbox,
  { webhooks, say }: { webhooks: number; say: (sentence: string) => void },
) {
  const from = Math.floor(webhooks * FROM)
  const until = Math.floor(webhooks * UNTIL)
  let state: 'ahead' | 'on' | 'over' = 'ahead'
  let stopFailing = () => {}

  function begin() {
    state = 'on'
    let turn = 0
    const fail = () => braze.setOutage(FAULTS[Math.min(turn++, FAULTS.length - 1)] ?? null)
    fail()
    stopFailing = braze.on('request', fail)
    say('Braze goes down: it answers 503, cuts connections, or hangs.')
  }

  function end() {
    state = 'over'
    stopFailing()
    braze.setOutage(null)
    say('Braze is back; the server finds out when it tries next.')
  }

  return {
    isOn: () => state === 'on',
    /** The webhook of that place, counted from 0, is about to be sent. */
    advance(place: number) {
      if (state === 'ahead' && place >= from) begin()
      if (state === 'on' && place >= until) end()
    },
  }
}
