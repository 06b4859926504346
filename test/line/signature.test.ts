import { createHmac } from 'node:crypto'
import t from 'tap'
import { createVerifier } from '../../src/line/signature.ts'

/** The worked example of LINE's documentation. */
const SECRET = '8c570fa6dd201bb328f1c1eac23a96d8'
const BODY = Buffer.from('{"destination":"U8e742f61d673b39c7fff3cecb7536ef0","events":[]}')
const SIGNATURE = 'GhRKmvmHys4Pi8DxkF4+EayaH0OqtJtaZxgTD9fMDLs='

const sign = (secret: string, body = BODY) => createHmac('sha256', secret).update(body).digest('base64')

t.test("LINE's worked example is genuine, and nothing like it", async (t) => {
  const verify = createVerifier([SECRET])
  t.strictSame(verify(BODY, SIGNATURE), { genuine: true, secret: 0 })
  t.strictSame(verify(Buffer.concat([BODY, Buffer.from(' ')]), SIGNATURE), {
    genuine: false,
    reason: 'wrong',
  })
  for (let i = 0; i < BODY.length; i++) {
    const changed = Buffer.from(BODY)
    changed[i] = (changed[i] ?? 0) ^ 1
    t.equal(verify(changed, SIGNATURE).genuine, false, `byte ${i}`)
  }
})

t.test('each of several secrets may have signed', async (t) => {
  const verify = createVerifier(['new', 'old'])
  t.strictSame(verify(BODY, sign('new')), { genuine: true, secret: 0 })
  t.strictSame(verify(BODY, sign('old')), { genuine: true, secret: 1 })
  t.strictSame(verify(BODY, sign('older')), { genuine: false, reason: 'wrong' })
})

t.test('missing and malformed signatures', async (t) => {
  const verify = createVerifier([SECRET])
  for (const missing of [undefined, ''])
    t.strictSame(verify(BODY, missing), { genuine: false, reason: 'missing' })
  const malformed = [
    'x',
    SIGNATURE.slice(0, -1),
    `${SIGNATURE}=`,
    ` ${SIGNATURE}`,
    `${SIGNATURE}, ${SIGNATURE}`,
  ]
  const urlSafe = SIGNATURE.replace('+', '-')
  for (const signature of [...malformed, urlSafe, [SIGNATURE], 5, null]) {
    t.strictSame(verify(BODY, signature), { genuine: false, reason: 'malformed' }, String(signature))
  }
})

t.test('an empty key signs for anybody: it is never accepted, and never configured', async (t) => {
  t.equal(createVerifier([SECRET])(BODY, sign('')).genuine, false)
  t.throws(() => createVerifier(['']))
  t.throws(() => createVerifier([SECRET, '']))
  t.throws(() => createVerifier([]))
})
