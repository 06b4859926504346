import t from 'tap'
import { misspelt } from '../../src/config/misspelt.ts'

t.test('a slip in the name of a setting is told, wherever it stands', async (t) => {
  t.strictSame(misspelt({ API_TOKEN: 'secret', BRAZE_SETLE_MS: '1', HOME: '/root' }), [
    'API_TOKEN is no setting and is ignored; API_TOKENS is one',
    'BRAZE_SETLE_MS is no setting and is ignored; BRAZE_SETTLE_MS is one',
  ])
  t.match(misspelt({}, 'BRAZE_MERGE_PROFILE=true\n'), [
    /^BRAZE_MERGE_PROFILE is .*; BRAZE_MERGE_PROFILES is one$/,
  ])
  t.match(misspelt({ BRAZE_API_KEY_FLIE: '/a' }), [/; BRAZE_API_KEY_FILE is one$/])
})

t.test('what is set, what is short, and what other programs read is no slip', async (t) => {
  t.strictSame(misspelt({ API_TOKEN: 'a', API_TOKENS: 'b' }), [])
  t.strictSame(misspelt({ API_TOKEN: 'a' }, 'API_TOKENS_FILE=/b\n'), [])
  const others = ['HOSTS', 'HOSTNAME', 'PORTS', 'BRAZE_API_URL', 'BRAZE_SDK_KEY', 'LINE_LOGIN_CHANNEL_SECRET']
  t.strictSame(misspelt(Object.fromEntries(others.map((name) => [name, 'a']))), [])
})
