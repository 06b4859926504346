/** What is renewed every two seconds. */
import { bar, byId, el, empty, renew, setText, state, table } from './elements.js'
import { ago, many, number, short, span, took } from './numbers.js'
import { createPanel } from './panel.js'
import { eventsOf, lastWhole, newest, roundUp } from './series.js'
import { countsOf, DELIVERY_STATES, headline, lastOnes, progressOf, RUN_NAMES, RUN_STATES } from './words.js'

/** @typedef {import('./words.js').View} View */
/** @typedef {ReturnType<typeof import('./numbers.js').createMoments>} Moments */

/** @param {View} view @param {string} channel */
export function showHeadline(view, channel) {
  const { tone, title, detail } = headline(view)
  byId('status').dataset.tone = tone
  setText(byId('status-title'), title)
  setText(byId('status-detail'), detail)
  setText(byId('status-last'), lastOnes(view, channel))
}

/** @param {View} view @param {string} channel */
export function showTiles(view, channel) {
  const counts = countsOf(view, channel)
  const { meter, health, failures } = view
  /** @param {string} id @param {string} value @param {string} note @param {string} [tone] */
  function tile(id, value, note, tone) {
    const place = byId(id)
    setText(/** @type {Element} */ (place.querySelector('dd.number')), value)
    setText(
      /** @type {Element} */ (place.querySelector('dd.small a') ?? place.querySelector('dd.small')),
      note,
    )
    place.dataset.tone = tone ?? ''
  }
  if (counts) {
    const { reachable, friend, messager, linked, waiting, pending, failed } = counts
    tile('tile-reachable', short(reachable), `${short(friend)} friends, ${short(messager)} who wrote`)
    tile('tile-linked', short(linked), waiting > 0 ? `${short(waiting)} unknown to Braze` : 'contacts linked')
    const { oldestPendingSeconds: oldest = 0 } = health.delivery
    tile(
      'tile-pending',
      short(pending),
      pending > 0 ? `oldest ${span(oldest * 1000)}` : 'nothing waits',
      oldest > 60 ? 'warn' : '',
    )
    const reasons = failures?.reasons.filter((each) => channel === '' || each.channel === channel).length ?? 0
    tile(
      'tile-failed',
      short(failed),
      failed > 0 ? `for ${many(reasons, 'reason')}` : 'none rejected',
      failed > 0 ? 'warn' : '',
    )
  }
  const events = eventsOf(meter, channel)
  tile(
    'tile-events',
    short(lastWhole(events)),
    `${short(events.reduce((sum, each) => sum + each, 0))} within an hour`,
  )
  const most = newest(meter.most)
  tile(
    'tile-latency',
    took(newest(meter.half)),
    most === null ? 'none within an hour' : `95 % within ${took(most)}`,
  )
}

/** @param {Moments} moments */
export function createMeters(moments) {
  const events = createPanel({
    id: 'events',
    legend: [{ name: 'Events a minute', color: 'accent' }],
    chart: {
      lines: [{ color: 'accent', kind: 'bars' }],
      xLabel: moments.time,
      yLabel: short,
      step: 60_000,
      height: 180,
      range: (_min, max) => [0, roundUp(max)],
    },
  })
  const latency = createPanel({
    id: 'latency',
    legend: [
      { name: 'Half within', color: 'accent' },
      { name: '95 % within', color: 'second' },
    ],
    chart: {
      lines: [
        { color: 'accent', kind: 'area' },
        { color: 'second', kind: 'line' },
      ],
      xLabel: moments.time,
      yLabel: took,
      height: 180,
      range: (_min, max) => [0, Math.max(1, max * 1.15)],
    },
  })
  const scope = 'Of this server, within the last hour.'
  let drawn = ''

  return (/** @type {View} */ { meter, servers }, /** @type {string} */ channel) => {
    const many = (servers?.length ?? 1) > 1
    for (const id of ['events-scope', 'latency-scope'])
      setText(byId(id), many ? `${scope} The others count their own.` : 'Within the last hour.')
    const counts = eventsOf(meter, channel)
    const key = JSON.stringify([counts, meter.half, meter.most, meter.at[0]])
    if (key === drawn) return
    drawn = key
    const { at, half, most } = meter
    const last = at.length - 2
    events.show({
      data: [[...at], counts],
      summary: `Bar chart of the last hour: ${number(lastWhole(counts))} events in the last whole minute, ${number(Math.max(...counts))} at most.`,
      look: (place) => ({
        title: place === null ? 'the last whole minute' : moments.time(at[place] ?? 0),
        values: [number(counts[place ?? last] ?? 0)],
      }),
      columns: [{ name: 'Minute' }, { name: 'Events', isNumber: true }],
      rows: () => at.map((moment, i) => [moments.time(moment), number(counts[i] ?? 0)]).reverse(),
    })
    if (newest(half) === null)
      return latency.say(
        servers?.some((server) => server.isDelivering && !server.isThis)
          ? 'Another server delivers: its own page has its times.'
          : 'Nothing was delivered within the last hour.',
      )
    latency.show({
      data: [[...at], [...half], [...most]],
      summary: `Line chart of the last hour: from a change until Braze accepted it, half took ${took(newest(half))} at most, and 95 in a hundred ${took(newest(most))}.`,
      look: (place) => ({
        title: place === null ? 'newest' : moments.time(at[place] ?? 0),
        values:
          place === null
            ? [took(newest(half)), took(newest(most))]
            : [took(half[place] ?? null), took(most[place] ?? null)],
      }),
      columns: [
        { name: 'Minute' },
        { name: 'Accepted', isNumber: true },
        { name: 'Half within', isNumber: true },
        { name: '95 % within', isNumber: true },
      ],
      rows: () =>
        at
          .map((moment, i) => [
            moments.time(moment),
            number(meter.accepted[i] ?? 0),
            took(half[i] ?? null),
            took(most[i] ?? null),
          ])
          .reverse(),
    })
  }
}

/** @param {View} view @param {string} channel */
export function showFailures({ failures, health }, channel) {
  if (!failures) return
  const chosen = failures.reasons.filter((each) => channel === '' || each.channel === channel)
  const hasChannels = (health.channels?.length ?? 1) > 1
  renew(byId('failed-list'), [chosen, failures.isPartial, hasChannels], () =>
    chosen.length === 0
      ? [
          empty(
            'Nobody was rejected',
            'What Braze rejects is here with its reason, until it changes or is tried again.',
          ),
        ]
      : [
          table(
            'Rejected profiles by reason',
            [
              { name: 'What Braze said' },
              ...(hasChannels ? [{ name: 'Channel' }] : []),
              { name: 'Profiles', isNumber: true },
            ],
            chosen.map(({ reason, channel: of, profiles }) => [
              reason,
              ...(hasChannels ? [of] : []),
              number(profiles),
            ]),
          ),
          failures.isPartial && el('p', { class: 'small' }, 'There are more than were looked at.'),
          el(
            'p',
            { class: 'small' },
            'When the reason is mended: ',
            el('code', {}, 'npx line-braze failed retry'),
          ),
        ],
  )
}

/** @param {View} view @param {string} channel */
export function showRuns({ runs, health }, channel) {
  if (!runs) return
  const chosen = runs.filter((run) => channel === '' || run.channel === channel)
  const hasChannels = (health.channels?.length ?? 1) > 1
  const shown = chosen.map((run) => {
    const open = run.state === 'listing' || run.state === 'clearing'
    const { beganMs, endedMs } = run
    const lasted = beganMs === null || endedMs === null ? '' : span(beganMs - endedMs)
    // Of the moments only what is shown of them, so that nothing is renewed while that stays the same.
    const began = beganMs === null ? '' : ago(beganMs)
    return { ...run, beganMs: null, endedMs: null, open, began, lasted }
  })
  renew(byId('runs-list'), [shown, hasChannels], () =>
    shown.length === 0
      ? [
          empty(
            'No run yet',
            'npx line-braze backfill reads the follower list, and finds the followers from before.',
          ),
        ]
      : [
          table(
            'Runs, the newest first',
            [{ name: 'Run' }, { name: 'How far' }, { name: 'State' }],
            shown.map((run) => {
              const name = RUN_NAMES[run.kind] ?? run.kind
              const { part, text } = progressOf(run)
              const { tone, word } = RUN_STATES[run.state]
              return [
                el(
                  'span',
                  {},
                  hasChannels ? `${name}, ${run.channel}` : name,
                  run.began &&
                    el(
                      'span',
                      { class: 'small' },
                      run.lasted ? `${run.began}, took ${run.lasted}` : run.began,
                    ),
                ),
                el(
                  'div',
                  { class: 'progress' },
                  (part !== null || run.open) && bar(part, `${name}: ${text || word}`, tone),
                  text && el('span', { class: 'small' }, text),
                ),
                state(tone, word),
              ]
            }),
          ),
        ],
  )
}

/** @param {View} view @param {string} channel */
export function showLine({ health, quotas }, channel) {
  const names = [...new Set([...(health.tokens ?? []), ...quotas].map((each) => each.channel))]
  const chosen = names
    .filter((name) => channel === '' || name === channel)
    .map((name) => ({
      name,
      token: health.tokens?.find((each) => each.channel === name),
      quota: quotas.find((each) => each.channel === name)?.quota ?? null,
    }))
  const rounded = chosen.map(({ name, token, quota }) => ({
    name,
    quota,
    token: token && {
      ...token,
      secondsLeft: token.secondsLeft === null ? null : span(token.secondsLeft * 1000),
    },
  }))
  renew(byId('line-list'), rounded, () =>
    rounded.length === 0
      ? [
          empty(
            'LINE is not asked',
            'With LINE_CHANNEL_ID or a token it says how many messages are left; with LINE_ASSERTION_KEY its token in Braze is kept fresh.',
          ),
        ]
      : rounded.map(({ name, token, quota }) =>
          el(
            'div',
            { class: 'line' },
            names.length > 1 && el('h3', {}, name),
            el(
              'dl',
              { class: 'facts' },
              el('dt', {}, 'Messages this month'),
              el('dd', {}, ...quotaOf(quota)),
              ...(token ? [el('dt', {}, 'Token in Braze'), el('dd', {}, ...tokenOf(token))] : []),
            ),
          ),
        ),
  )
}

/** @param {View['quotas'][number]['quota']} quota */
function quotaOf(quota) {
  if (!quota) return [el('span', { class: 'small' }, 'LINE has not said it yet, or not for three hours.')]
  const { used, limit } = quota
  if (limit === null) return [`${number(used)} sent, without a limit`]
  const part = limit === 0 ? 1 : used / limit
  const tone = part >= 1 ? 'bad' : part >= 0.9 ? 'warn' : ''
  const text = `${number(used)} of ${number(limit)} sent`
  return [
    bar(part, text, tone),
    el(
      'span',
      { class: 'small' },
      part >= 0.9 ? `${text}: ${part >= 1 ? 'none is left' : 'few are left'}` : text,
    ),
  ]
}

/** @param {{problem: string | null, secondsLeft: string | null, block: string}} token */
function tokenOf({ problem, secondsLeft, block }) {
  if (problem) return [state('warn', 'needs a look'), el('span', { class: 'small' }, problem)]
  return [
    state('good', secondsLeft === null ? 'good' : `good for ${secondsLeft}`),
    el('span', { class: 'small' }, `in the Content Block ${block}`),
  ]
}

/** @param {View} view */
export function showServers({ servers }) {
  if (!servers) return
  const shown = servers.map(({ upMs, seenMs, ...server }) => ({
    ...server,
    up: span(upMs),
    seen: server.isSilent ? `${span(seenMs)} ago` : 'now',
  }))
  renew(byId('servers-list'), shown, () =>
    shown.length === 0
      ? [empty('No server has said that it is there', 'Each does so every ten seconds.')]
      : [
          table(
            'Each server',
            [
              { name: 'Server' },
              { name: 'Delivery' },
              { name: 'Up', isNumber: true },
              { name: 'Heard', isNumber: true },
            ],
            shown.map((server) => {
              const known = DELIVERY_STATES[server.state] ?? { tone: 'quiet', word: server.state }
              return [
                el(
                  'span',
                  {},
                  el('code', { class: 'name' }, server.name),
                  el('span', { class: 'small' }, `${server.version}${server.isThis ? ', this one' : ''}`),
                ),
                server.isSilent ? state('warn', 'silent') : state(known.tone, known.word),
                server.up,
                server.seen,
              ]
            }),
          ),
        ],
  )
}
