/** The operator's page: what is renewed, what was, and one person. */
import { byId, el, setText } from './elements.js'
import { createGrowth, createReach } from './history.js'
import { listen } from './live.js'
import { createMoments } from './numbers.js'
import { createSearch } from './people.js'
import {
  createMeters,
  showFailures,
  showHeadline,
  showLine,
  showRuns,
  showServers,
  showTiles,
} from './sections.js'

/** @typedef {import('../http/page/view.ts').View} View */

const moments = createMoments()
const select = /** @type {HTMLSelectElement} */ (byId('channel'))
const channel = () => select.value
/** @type {View | undefined} */
let newest

const showMeters = createMeters(moments)
const reach = createReach(moments, channel)
const growth = createGrowth(channel)
createSearch(moments)
setText(byId('zone'), `Times are of ${moments.zone.replaceAll('_', ' ')}.`)

/** @param {View} view */
function show(view) {
  newest = view
  fillChannels(view)
  showHeadline(view, channel())
  showTiles(view, channel())
  showMeters(view, channel())
  showFailures(view, channel())
  showRuns(view, channel())
  showLine(view, channel())
  showServers(view)
  document.body.classList.remove('is-loading')
}

/** @param {View} view */
function fillChannels({ health }) {
  const names = health.channels?.map((each) => each.channel) ?? []
  const known = new Set(Array.from(select.options, ({ value }) => value))
  for (const name of names) if (!known.has(name)) select.append(el('option', { value: name }, name))
  byId('channel-choice').hidden = select.options.length <= 2
}

select.addEventListener('change', () => {
  if (newest) show(newest)
  reach.again()
  growth.again()
})

const STATES = { connecting: 'Connecting', live: 'Live', lost: 'Connection lost' }

listen({
  onView: show,
  onState(state) {
    const place = byId('connection')
    place.dataset.state = state
    setText(byId('connection-state'), STATES[state])
    const banner = byId('lost')
    const isLost = state === 'lost'
    if (isLost && newest) setText(byId('lost-since'), `What is here is from ${moments.clock(newest.at)}.`)
    if (state === 'connecting') return
    if (banner.hidden === isLost) banner.hidden = !isLost
  },
})
