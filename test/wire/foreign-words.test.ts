import t from 'tap'
import { foreignWords } from '../../src/wire/foreign-words.ts'
import { longUsers } from '../harness/people.ts'

t.test('ids and secrets are taken out before the text is cut', async (t) => {
  const id = `U${'0'.repeat(32)}`
  const said = `${'x'.repeat(290)}${id} and ${id}`
  t.equal(foreignWords(said, { ids: [id] }), `${'x'.repeat(290)}<user id> `)
  t.equal(
    foreignWords(`Bearer tok-en is wrong`, { secrets: ['tok-en', undefined, ''] }),
    'Bearer <secret> is wrong',
  )
})

t.test('many ids in a long text leave no half of one', async (t) => {
  const ids = longUsers(3_000, 'f')
  t.notMatch(foreignWords(ids.join(), { ids }), /f/)
})

t.test('an id or secret that begins with another one is taken out whole', async (t) => {
  const ids = ['c1', 'c12', 'c123']
  t.equal(foreignWords('c123, c12 and c1', { ids }), '<user id>, <user id> and <user id>')
  t.equal(foreignWords('tok-2', { secrets: ['tok', undefined, 'tok-2'] }), '<secret>')
})

t.test('one line, and short', async (t) => {
  t.equal(foreignWords('a\r\nb\u0000\u001b[31mc\u2028d'), 'a b [31mc d')
  t.equal(foreignWords('x'.repeat(5_000)).length, 300)
  t.ok(foreignWords(`${'x'.repeat(299)}😀`).isWellFormed())
})

t.test('whatever was said', async (t) => {
  t.equal(foreignWords({ code: 5 }), '{"code":5}')
  t.equal(foreignWords(undefined), 'undefined')
  t.equal(foreignWords(null), 'null')
})
