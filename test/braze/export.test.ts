import t, { type Test } from 'tap'
import type { Place } from '../../src/braze/attributes.ts'
import { type Profiles, readExport } from '../../src/braze/export.ts'
import type { HttpAnswer } from '../../src/wire/client.ts'

const NOW = 1_800_000_000_000
const channels = new Map([
  ['default', { attribute: 'line_id', aliasLabel: 'line_id' }],
  ['shop', { attribute: 'line_id_shop', aliasLabel: 'line_id' }],
  ['other', { attribute: 'line_id_other', aliasLabel: 'other' }],
])
const customer = (externalId: string): Place => ({ channel: 'default', address: { externalId } })
const alias = (userId: string, channel = 'default'): Place => ({ channel, address: { userId } })

const read = (answer: Partial<HttpAnswer>, places: readonly Place[] = []) =>
  readExport({ status: 200, headers: {}, body: '', ...answer }, places, { channels, now: NOW, words: String })

function found(t: Test, places: readonly Place[], users: unknown[], more: object = {}): Profiles {
  const said = read({ body: JSON.stringify({ message: 'success', users, ...more }) }, places)
  t.equal(said.kind, 'done')
  return (said as Extract<typeof said, { kind: 'done' }>).value
}

t.test('customers, alias profiles, and customers behind aliases', async (t) => {
  const places = [customer('c1'), customer('c2'), alias('Ua'), alias('Ub'), alias('Uc')]
  const profiles = found(t, places, [
    { external_id: 'c1', custom_attributes: { line_id: 'U1', line_id_shop: 'U2' } },
    { user_aliases: [{ alias_name: 'Ua', alias_label: 'line_id' }], custom_attributes: { other: 1 } },
    {
      external_id: 'c3',
      user_aliases: [
        { alias_name: 'Ub', alias_label: 'line_id' },
        { alias_name: 'Ux', alias_label: 'other' },
      ],
    },
    { user_aliases: [{ alias_name: 'Uc', alias_label: 'another' }] },
    null,
    7,
    {},
  ])
  const known = profiles.at(customer('c1'))
  t.match(known, { externalId: 'c1' })
  t.strictSame(
    [known?.valueIn('default'), known?.valueIn('shop'), known?.valueIn('other')],
    ['U1', 'U2', null],
  )
  t.equal(known?.aliasIn('default'), undefined)
  t.equal(profiles.at(customer('c2')), undefined)
  t.match(profiles.at(alias('Ua')), { externalId: null })
  t.equal(profiles.at(alias('Ua'))?.valueIn('default'), null)
  t.match(profiles.at(alias('Ub')), { externalId: 'c3' }, 'whose it is')
  t.strictSame(
    [profiles.at(alias('Ub'))?.aliasIn('shop'), profiles.at(alias('Ub'))?.aliasIn('other')],
    ['Ub', 'Ux'],
  )
  t.equal(profiles.at(alias('Uc')), undefined, 'an alias of another label')
  t.match(profiles.at(alias('Ux', 'other')), { externalId: 'c3' })
})

t.test('names that objects have by themselves are no attributes', async (t) => {
  const names = new Map([['default', { attribute: 'constructor', aliasLabel: 'line_id' }]])
  const body = JSON.stringify({ users: [{ external_id: 'c1', custom_attributes: {} }] })
  const options = { channels: names, now: NOW, words: String }
  const said = readExport({ status: 200, headers: {}, body }, [customer('c1')], options)
  t.equal(said.kind === 'done' && said.value.at(customer('c1'))?.valueIn('default'), null)
})

t.test('whether Braze knows them', async (t) => {
  const places = [customer('c1'), customer('c2'), customer('c3')]
  for (const [invalid, third] of [
    [undefined, false],
    [['c2', 'c3'], false],
    ['nonsense', false],
  ] as const) {
    const profiles = found(t, places, [{ external_id: 'c1' }], { invalid_user_ids: invalid })
    t.strictSame(places.map(profiles.knows), [true, false, third])
  }
})

t.test('an external id that was renamed leads to the profile under its new one', async (t) => {
  const places = [customer('c1'), customer('c2'), customer('c3')]
  const users = [{ external_id: 'c1' }, { external_id: 'new' }]
  const profiles = found(t, places, users, { invalid_user_ids: ['c3'] })
  t.strictSame(places.map(profiles.knows), [true, undefined, false])
  const alone = found(t, [customer('c2')], [{ external_id: 'new' }])
  t.equal(alone.knows(customer('c2')), true)
  t.match(alone.at(customer('c2')), { externalId: 'new' })
  t.equal(found(t, [customer('c2')], []).knows(customer('c2')), false)
  const named = found(t, [customer('c2'), alias('Ua')], [{ external_id: 'new' }], {
    invalid_user_ids: [{ alias_name: 'Ua', alias_label: 'line_id' }, 'c2'],
  })
  t.strictSame([customer('c2'), alias('Ua')].map(named.knows), [false, false])
})

t.test('what is no answer to it', async (t) => {
  for (const answer of [
    { body: '<html>' },
    { body: '{"users":{}}' },
    { body: '[]' },
    { status: 500 },
    { status: 302 },
  ])
    t.equal(read(answer).kind, 'retry')
  t.match(read({ status: 429, headers: { 'retry-after': '7' } }), { kind: 'wait', forMs: 7_000 })
  t.match(read({ status: 403 }), { kind: 'forbidden', reason: /users\.export\.ids/ })
  t.match(read({ status: 401 }), { kind: 'pause', reason: /BRAZE_API_KEY/ })
  t.match(read({ status: 404 }), { kind: 'pause', reason: /BRAZE_REST_ENDPOINT/ })
  t.match(read({ status: 400, body: '{"message":"bad"}' }), {
    kind: 'refused',
    reason: 'Braze answers 400: bad',
  })
  t.match(read({ status: 400, body: '<html>' }), { kind: 'retry' }, 'a proxy answers so, too')
  t.match(read({ status: 413 }), { kind: 'refused' })
})
