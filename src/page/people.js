/** One person, as `inspect` tells it. */
import { ask } from './ask.js'
import { byId, el, empty, setText, state, table } from './elements.js'

/** @typedef {ReturnType<typeof import('./numbers.js').createMoments>} Moments */
/** @typedef {import('../desk/inspect.ts').Inspection} Person */

const STATUSES = {
  friend: { tone: 'good', word: 'friend' },
  messager: { tone: 'good', word: 'has written' },
  gone: { tone: 'quiet', word: 'can’t be reached' },
}

/** @param {Moments} moments */
export function createSearch(moments) {
  const form = byId('find-form')
  const input = /** @type {HTMLInputElement} */ (byId('find-name'))
  const result = byId('find-result')
  const said = byId('find-said')
  let turn = 0

  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    const name = input.value.trim()
    if (name === '') return input.focus()
    const mine = ++turn
    form.setAttribute('aria-busy', 'true')
    setText(said, 'Looking…')
    try {
      const { people } = await /** @type {Promise<{people: Person[]}>} */ (ask('/page/people', { name }))
      if (mine !== turn) return
      result.replaceChildren(
        ...(people.length === 0
          ? [
              empty(
                'Nobody is known by that',
                'A LINE user id is U and 32 hex digits; any other text is looked for as an external id.',
              ),
            ]
          : people.map((person) => card(person, moments))),
      )
      setText(said, people.length === 0 ? 'Nobody was found.' : people.map(({ why }) => why).join(' '))
    } catch (error) {
      if (mine !== turn) return
      result.replaceChildren(empty('That could not be looked up', /** @type {Error} */ (error).message))
      setText(said, /** @type {Error} */ (error).message)
    }
    form.removeAttribute('aria-busy')
  })
}

/** As `inspect` says them. */
const ORIGINS = {
  webhook: 'said a webhook',
  list: 'on LINE’s follower list of then',
  absence: 'missing from LINE’s follower list of then',
  import: 'by links import',
  unknown: 'by the API, a log-in, or an import',
}

/** @param {Person} person @param {Moments} moments */
function card(person, moments) {
  const { userId, channel, status, externalId, linkedAt, linkCounts, origins, profiles, why, next } = person
  const { tone, word } = STATUSES[status]
  /** @param {string | null} at @param {keyof typeof ORIGINS | null} origin */
  const when = (at, origin) =>
    at === null
      ? 'never, as far as is known'
      : el(
          'span',
          {},
          moments.full(Date.parse(at)),
          origin && el('span', { class: 'small' }, ORIGINS[origin]),
        )
  const customer =
    externalId === null
      ? 'not linked'
      : el(
          'span',
          {},
          el('code', {}, externalId),
          !linkCounts && el('span', { class: 'small' }, 'does not count yet: Braze does not know it'),
        )
  return el(
    'article',
    { class: 'person' },
    el('p', { class: 'small' }, 'In the segment of who can be reached?'),
    el('h3', {}, why),
    el(
      'dl',
      { class: 'facts' },
      ...facts([
        ['Status', state(tone, word)],
        ['LINE user id', el('code', {}, userId)],
        ['Channel', channel],
        ['Followed', when(person.friendAt, origins.friendAt)],
        ['Wrote', when(person.messagedAt, origins.messagedAt)],
        ['Gone', when(person.goneAt, origins.goneAt)],
        ['Customer', customer],
        ...(linkedAt === null ? [] : [/** @type {const} */ (['Since', when(linkedAt, origins.linkedAt)])]),
      ]),
    ),
    table(
      `Profiles in Braze of ${userId}`,
      [{ name: 'Profile in Braze' }, { name: 'Should hold' }, { name: 'Told' }],
      profiles.map((profile) => [
        'userId' in profile.address
          ? 'alias'
          : el('span', {}, 'customer ', el('code', {}, profile.address.externalId)),
        profile.value === null ? 'nothing' : 'the user id',
        toldOf(profile, moments),
      ]),
    ),
    next.length > 0 && el('h4', {}, 'What happens next'),
    ...next.map((sentence) => el('p', {}, sentence)),
  )
}

/** @param {Person['profiles'][number]} profile @param {Moments} moments */
function toldOf({ failure, pendingSince, acceptedRevision, revision }, moments) {
  if (failure !== null)
    return el('span', {}, state('bad', 'rejected'), el('span', { class: 'small' }, failure))
  if (pendingSince !== null)
    return el(
      'span',
      {},
      state('busy', 'pending'),
      el('span', { class: 'small' }, `since ${moments.full(Date.parse(pendingSince))}`),
    )
  return acceptedRevision > 0 && acceptedRevision === revision
    ? state('good', 'accepted')
    : state('quiet', 'never had to be told')
}

/** @param {readonly (readonly [string, Node | string])[]} all */
const facts = (all) => all.flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, value)])
