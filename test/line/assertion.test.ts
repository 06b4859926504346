import { createPublicKey, verify } from 'node:crypto'
import t from 'tap'
import { createAssertions, explainAssertion } from '../../src/line/assertion.ts'
import { LineError } from '../../src/line/call.ts'
import { newAssertionKey } from '../harness/assertion-key.ts'

const NOW = 1_800_000_000_500

t.test("a JWT as LINE wants it, signed with the channel's key", async (t) => {
  const { privateKey, publicKey, kid } = newAssertionKey()
  const key = JSON.stringify(privateKey)
  const assertions = createAssertions({ key, channelId: '1234567890', clock: () => NOW })
  const read = (jwt: string) => {
    const [head = '', claims = '', signature = ''] = jwt.split('.')
    const signed = Buffer.from(`${head}.${claims}`)
    const isValid = verify(
      'RSA-SHA256',
      signed,
      createPublicKey({ key: publicKey, format: 'jwk' }),
      Buffer.from(signature, 'base64url'),
    )
    t.ok(isValid, 'its signature')
    return [head, claims].map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()))
  }
  const { client_assertion_type: type, client_assertion: jwt } = assertions.fields(2_592_000)
  t.equal(type, 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
  const [head, claims] = read(jwt)
  t.strictSame(head, { alg: 'RS256', typ: 'JWT', kid })
  t.strictSame(claims, {
    iss: '1234567890',
    sub: '1234567890',
    aud: 'https://api.line.me/',
    // Our clock may be wrong by a quarter of an hour, either way.
    exp: 1_800_000_000 + 900,
    token_exp: 2_592_000,
  })
  t.notOk('token_exp' in read(assertions.fields().client_assertion)[1])
})

t.test('where LINE takes no assertion, the error says what to check', async (t) => {
  const told = (status: number | undefined, said: string) =>
    (explainAssertion(new LineError(`LINE answers ${status} to POST /x: ${said}`, status)) as LineError)
      .message
  t.match(
    told(400, 'invalid_client: Invalid exp'),
    /: Invalid exp; .* check this machine's clock, which must be set by NTP$/,
  )
  t.match(
    told(404, 'Cannot find channel key'),
    /channel key; LINE_ASSERTION_KEY and LINE_CHANNEL_ID, or assertionKey and channelId in LINE_CHANNELS_FILE, must be of one channel, with the kid that/,
  )
  t.match(told(400, 'invalid_client'), /; LINE_ASSERTION_KEY and LINE_CHANNEL_ID/)
  t.notMatch(told(500, 'later'), /LINE_ASSERTION_KEY/)
  t.notMatch(told(undefined, 'no answer'), /LINE_ASSERTION_KEY/)
  const other = new Error('else')
  t.equal(explainAssertion(other), other)
})
