import t from 'tap'
import { fieldsOf, headerOf, outcomeOf, parseJson } from '../../src/wire/answer.ts'

t.test('a status', async (t) => {
  for (const [outcome, statuses] of Object.entries({
    success: [200, 201, 299],
    limited: [429],
    failed: [500, 503, 599],
    refused: [302, 400, 401, 428, 499],
  })) {
    for (const status of statuses) t.equal(outcomeOf(status), outcome, String(status))
  }
})

t.test('a header, also where there are several', async (t) => {
  const headers = { one: 'a', two: ['b', 'c'] }
  t.strictSame(
    ['one', 'two', 'three'].map((name) => headerOf(headers, name)),
    ['a', 'b', undefined],
  )
})

t.test('JSON, and what is none', async (t) => {
  t.strictSame(parseJson('{"a":1}'), { a: 1 })
  t.equal(parseJson('null'), null)
  for (const text of ['', '<html>', '{"a":']) t.equal(parseJson(text), undefined, text)
})

t.test('only objects have fields', async (t) => {
  t.strictSame(fieldsOf({ a: 1 }), { a: 1 })
  for (const value of [undefined, null, 7, 'text', ['a']]) t.strictSame(fieldsOf(value), {})
})
