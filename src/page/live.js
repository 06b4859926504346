/** What the server tells while the page is looked at. */
import { isSignedIn, signIn } from './ask.js'

/** @typedef {import('../http/page/view.ts').View} View */

/** The server says something every two seconds. */
const SILENCE_MS = 10_000
const RETRY_MS = 3_000

/**
 * Tells `onView` what the server says, until the page is left, and `onState` whether it still does. A page that nobody looks
 * at asks for nothing: a browser has six connections for all of them.
 *
 * @param {{onView: (view: View) => void, onState: (state: 'connecting' | 'live' | 'lost') => void}} listeners
 */
export function listen({ onView, onState }) {
  /** @type {EventSource | undefined} */
  let source
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer

  function open() {
    close()
    source = new EventSource('/page/events')
    source.addEventListener('message', ({ data }) => {
      wait(SILENCE_MS)
      onState('live')
      onView(JSON.parse(data))
    })
    source.addEventListener('error', lose)
    wait(SILENCE_MS)
  }

  /** @param {number} ms */
  function wait(ms) {
    clearTimeout(timer)
    timer = setTimeout(lose, ms)
  }

  async function lose() {
    close()
    onState('lost')
    if ((await isSignedIn()) === false) return signIn()
    if (source || document.hidden) return
    clearTimeout(timer)
    timer = setTimeout(open, RETRY_MS)
  }

  function close() {
    clearTimeout(timer)
    source?.close()
    source = undefined
  }

  document.addEventListener('visibilitychange', () => {
    if (document.hidden) return close()
    onState('connecting')
    open()
  })
  // A page that is kept for the way back holds no connection.
  addEventListener('pagehide', close)
  addEventListener('pageshow', ({ persisted }) => persisted && open())
  onState('connecting')
  open()
}
