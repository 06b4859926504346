import t from 'tap'
import { attributeObject } from '../../src/braze/attributes.ts'

const options = { attribute: 'line_id', aliasLabel: 'line', createProfiles: true }
const alias = { alias_name: 'U1', alias_label: 'line' }

t.test('a reachable user gets the id, and a profile where that is wanted', async (t) => {
  const write = { userId: 'U1', reachable: true }
  t.strictSame(attributeObject(write, options), {
    line_id: 'U1',
    user_alias: alias,
    _update_existing_only: false,
  })
  t.strictSame(attributeObject(write, { ...options, createProfiles: false }), {
    line_id: 'U1',
    user_alias: alias,
    _update_existing_only: true,
  })
})

t.test('clearing never makes a profile', async (t) => {
  const write = { userId: 'U1', reachable: false }
  for (const createProfiles of [true, false]) {
    t.strictSame(attributeObject(write, { ...options, createProfiles }), {
      line_id: null,
      user_alias: alias,
      _update_existing_only: true,
    })
  }
})
