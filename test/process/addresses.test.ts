import t from 'tap'
import { addressesOf } from '../../src/process/addresses.ts'

const partsAt = (settings: object) =>
  addressesOf({ HOST: '0.0.0.0', PORT: 3_000, ...settings }).map(
    ({ host, port, parts }) => `${host}:${port} ${parts}`,
  )

t.test('one address for all, unless the private pages are to be apart', async (t) => {
  for (const same of [{}, { PRIVATE_HOST: '0.0.0.0' }, { PRIVATE_PORT: 3_000 }])
    t.strictSame(partsAt(same), ['0.0.0.0:3000 webhooks,private'])
  t.strictSame(partsAt({ PRIVATE_PORT: 9_000 }), ['0.0.0.0:3000 webhooks', '0.0.0.0:9000 private'])
  t.strictSame(partsAt({ HOST: '10.0.0.1', PRIVATE_HOST: '127.0.0.1' }), [
    '10.0.0.1:3000 webhooks',
    '127.0.0.1:3000 private',
  ])
  t.strictSame(partsAt({ PORT: 0, PRIVATE_PORT: 0 }), ['0.0.0.0:0 webhooks', '0.0.0.0:0 private'])
  t.strictSame(partsAt({ PORT: 0 }), ['0.0.0.0:0 webhooks,private'])
})
