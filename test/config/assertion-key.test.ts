import { generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import { loadSettings, SettingsError } from '../../src/config/load.ts'
import { newAssertionKey } from '../harness/assertion-key.ts'

/** The line of the error that such a key brings; undefined where it is taken. */
function complaint(key: unknown): string | undefined {
  try {
    const text = typeof key === 'string' ? key : JSON.stringify(key)
    loadSettings({ LINE_ASSERTION_KEY: text }, '', ['LINE_ASSERTION_KEY'])
    return undefined
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error
    return error.message
  }
}

t.test('a private JWK of an RSA key with its kid is taken, with or without its algorithm', async (t) => {
  const { privateKey } = newAssertionKey()
  const { alg: _, ...without } = privateKey
  t.equal(complaint(privateKey), undefined)
  t.equal(complaint(JSON.stringify(without, null, 2)), undefined)
  // As LINE's documentation makes one in a browser.
  t.equal(complaint({ ...privateKey, ext: true, key_ops: ['sign'] }), undefined)
})

t.test('each other key is refused with what is wrong, and nothing of it is shown', async (t) => {
  const { privateKey, publicKey } = newAssertionKey()
  const { kid: _, ...nameless } = privateKey
  const elliptic = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  const pem = generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey
  const cases: [unknown, RegExp][] = [
    ['hunter2', /is no JWK;/],
    ['[1]', /is no JWK;/],
    ['null', /is no JWK;/],
    [pem.export({ format: 'pem', type: 'pkcs8' }), /is no JWK;/],
    [{ ...elliptic.export({ format: 'jwk' }), kid: 'a' }, /is no RSA key;/],
    [{ kty: 'oct', k: 'hunter2', kid: 'a' }, /is no RSA key;/],
    [{ ...publicKey, kid: 'a' }, /is the public half of a key;/],
    [newAssertionKey(1_024).privateKey, /is an RSA key of 1024 bits;/],
    [nameless, /has no kid, which the LINE Developers Console shows/],
    [{ ...privateKey, kid: ' ' }, /has no kid/],
    [{ ...privateKey, kid: 5 }, /has no kid/],
    [{ ...privateKey, alg: 'RS512' }, /is a key for another algorithm than RS256;/],
    [{ ...privateKey, p: undefined, q: undefined }, /is a JWK whose numbers make no private key;/],
    [{ ...privateKey, d: 'hunter2', n: '' }, /is a JWK whose numbers make no private key;/],
  ]
  for (const [key, pattern] of cases) {
    const line = complaint(key) ?? ''
    t.match(line, pattern)
    t.match(
      line,
      /^LINE_ASSERTION_KEY .*; it must be the private JWK, with kid, of an RSA key of 2048 bits or more/,
    )
    t.notMatch(line, /hunter2/)
    t.notOk(line.includes(String(privateKey.d)))
  }
})
