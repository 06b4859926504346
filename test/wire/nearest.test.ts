import t from 'tap'
import { nearest } from '../../src/wire/nearest.ts'

const WORDS = ['text', 'title', 'thumbnailImageUrl', 'actions', 'uri']

t.test('what was probably meant, and nothing where nothing is near', async (t) => {
  for (const [word, meant] of [
    ['txet', 'text'],
    ['texts', 'text'],
    ['Title', 'title'],
    ['action', 'actions'],
    ['thumbnailUrl', 'thumbnailImageUrl'],
    ['url', 'uri'],
    ['whatever', undefined],
    ['', undefined],
    ['x'.repeat(100_000), undefined],
  ] as const)
    t.equal(nearest(word, WORDS), meant, word.slice(0, 20))
  t.equal(nearest('text', []), undefined)
  t.equal(nearest('thumbnailUrl', WORDS, 2), undefined)
})
