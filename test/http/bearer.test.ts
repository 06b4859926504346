import t from 'tap'
import { createBearer } from '../../src/http/bearer.ts'

t.test('an empty token would let everybody in', async (t) => {
  for (const tokens of [[], [''], ['good', '']]) t.throws(() => createBearer(tokens), /empty/)
})

t.test('any of the tokens, whatever its length, and nothing that is like one', async (t) => {
  const tokens = ['a', 'b'.repeat(500), '~!=/+']
  const rejectionOf = createBearer(tokens)
  const sent = (authorization?: string, url = '/api') => rejectionOf({ url, headers: { authorization } })
  for (const token of tokens) {
    t.equal(sent(`Bearer ${token}`), null)
    t.equal(sent(`BEARER ${token}`), null)
    for (const other of [`${token}${token}`, token.slice(1), `${token}\u0000`, `é${token}`, ` x${token}`])
      t.equal(sent(`Bearer ${other}`), 'wrong', other)
    for (const name of ['access_token', 'TOKEN', 'api-key', 'x[auth]', 'client_secret', '%74oken'])
      for (const url of [`/api?${name}=${token}`, `/api?a=b&${name}=`, `/api?a=?&${name}`])
        t.equal(sent(`Bearer ${token}`, url), 'in URL', url)
  }
  t.equal(sent(undefined), 'missing')
  t.equal(sent(''), 'missing')
  t.equal(sent(undefined, '/api?token=a'), 'in URL')
  t.equal(sent('Bearer a', '/api/token=b?x=token'), null, 'no parameter of that name')
})

t.test('a URL of a stranger is looked at once, however it is made', async (t) => {
  const rejectionOf = createBearer(['a'])
  // A pattern that goes back over it would take minutes, in which no webhook is answered.
  for (const part of ['?', '&', '?key', 'key', '?token', '%', '=', '&key='])
    t.ok(rejectionOf({ url: `/api?${part.repeat(16_384 / part.length)}`, headers: {} }), part)
})
