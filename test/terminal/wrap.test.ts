import t from 'tap'
import { wrap } from '../../src/terminal/wrap.ts'

t.test('breaks between words, and nowhere else', async (t) => {
  t.strictSame(wrap('one two three', 7), ['one two', 'three'])
  t.strictSame(wrap('one two three', 13), ['one two three'])
  t.strictSame(wrap('one two three', 12), ['one two', 'three'])
  t.strictSame(wrap('health   http://127.0.0.1:3000/health', 20), ['health', 'http://127.0.0.1:3000/health'])
  t.strictSame(wrap('  kept   as it is', 20), ['  kept   as it is'])
  t.strictSame(wrap('', 10), [''])
  t.strictSame(wrap('averylongword', 5), ['averylongword'])
})
