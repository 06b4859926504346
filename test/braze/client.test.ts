import t from 'tap'
import { createBrazeClient } from '../../src/braze/client.ts'

t.test('what Braze said, without the ids of the request and the key', async (t) => {
  const braze = createBrazeClient({
    endpoint: 'http://127.0.0.1:1',
    apiKey: 'the-api-key',
    concurrency: 1,
    timeoutMs: 100,
    channels: new Map([['default', { attribute: 'line_id', aliasLabel: 'line_id' }]]),
    createProfiles: 'true',
  })
  t.teardown(braze.close)
  const words = braze.hide(['Uone', 'Utwo'])
  t.equal(words('Uone and Utwo with the-api-key\n'), '<user id> and <user id> with <secret>')
  t.equal(braze.hide([])({ key: 'the-api-key' }), '{"key":"<secret>"}')
  t.notMatch(JSON.stringify(Object.entries(braze)), 'the-api-key', 'the key is not handed around')
})
