import t from 'tap'
import { attributeObject, type CreateProfiles } from '../../src/braze/attributes.ts'

const channels = new Map([
  ['default', { attribute: 'line_id', aliasLabel: 'line' }],
  ['shop', { attribute: 'shop_line_id', aliasLabel: 'line' }],
])
const CHOICES: CreateProfiles[] = ['true', 'always', 'false']
const user_alias = { alias_name: 'U1', alias_label: 'line' }

/** The object, and for each choice whether it makes a profile that Braze does not have. */
const objectOf = (
  address: { userId: string } | { externalId: string },
  value: string | null,
  channel = 'default',
) => {
  const objects = CHOICES.map((createProfiles) =>
    attributeObject({ channel, address, value }, { channels, createProfiles }),
  )
  return {
    object: objects.map(({ _update_existing_only: _, ...rest }) => rest)[0],
    makes: CHOICES.filter((_, i) => objects[i]?._update_existing_only === false),
  }
}

t.test(
  'a reachable user has the id on a profile of an alias, which is made where that is wanted',
  async (t) => {
    t.strictSame(objectOf({ userId: 'U1' }, 'U1'), {
      object: { line_id: 'U1', user_alias },
      makes: ['true', 'always'],
    })
  },
)

t.test('a customer has it by the external id alone, and a wrong one makes no customer', async (t) => {
  t.strictSame(objectOf({ externalId: 'customer 1' }, 'U1'), {
    object: { line_id: 'U1', external_id: 'customer 1' },
    makes: ['always'],
  })
})

t.test('clearing never makes a profile', async (t) => {
  t.strictSame(objectOf({ userId: 'U1' }, null), { object: { line_id: null, user_alias }, makes: [] })
  t.strictSame(objectOf({ externalId: 'c' }, null), {
    object: { line_id: null, external_id: 'c' },
    makes: [],
  })
})

t.test('each channel has its attribute', async (t) => {
  t.match(objectOf({ userId: 'U1' }, 'U1', 'shop'), { object: { shop_line_id: 'U1', user_alias } })
  t.throws(() => objectOf({ userId: 'U1' }, 'U1', 'gone'), /no channel gone/)
})
