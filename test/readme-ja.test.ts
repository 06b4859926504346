import { readFileSync } from 'node:fs'
import type { Tokens } from 'marked'
import t from 'tap'
import {
  changedSince,
  confirmed,
  counterpartOf,
  ENGLISH,
  JAPANESE,
  type Section,
  sectionsOf,
  shapeOf,
  todo,
} from '../docs/translation.ts'

const [english, japanese] = [ENGLISH, JAPANESE].map((page) => readFileSync(page, 'utf8')) as [string, string]

t.test('README.ja.md has the sections of README.md, in their order', async (t) => {
  t.strictSame(
    sectionsOf(japanese).map(counterpartOf),
    sectionsOf(english).map(({ heading }) => heading),
  )
})

t.test('each section has the same lists, tables, code, links, pictures and strong words', async (t) => {
  const sections = sectionsOf(japanese)
  for (const section of sectionsOf(english)) {
    const counterpart = sections.find((one) => counterpartOf(one) === section.heading)
    t.strictSame(counterpart && shapeOf(counterpart), shapeOf(section), section.heading)
  }
})

t.test('no section of README.md has changed since it was translated', async (t) => {
  for (const heading of changedSince(english, japanese)) t.fail(todo(heading))
})

/** A break of a line inside a Japanese sentence shows as a gap. */
t.test('each paragraph and item is in Japanese, in one line', async (t) => {
  const texts = sectionsOf(japanese)
    .flatMap(({ blocks }) => blocks)
    .flatMap((block) =>
      block.type === 'list' ? block.items.flatMap(({ tokens }: Tokens.ListItem) => tokens) : [block],
    )
    .filter(({ type }) => ['paragraph', 'text'].includes(type))
    .map(({ raw }) => raw.trim())
  t.ok(texts.length > 20)
  for (const text of texts) {
    t.match(text, /[\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Han}]/u)
    t.notMatch(text, '\n')
  }
})

t.test('each names the other in its first lines', async (t) => {
  t.match(english.split('\n').slice(0, 5).join('\n'), '(README.ja.md)')
  t.match(japanese.split('\n').slice(0, 5).join('\n'), '(README.md)')
})

const ONE = [
  '# One\n\n[日本語](README.ja.md) Take `npm`, **now**, from [here](docs/a.md#b).',
  '```sh\nnpm  ci\n```',
  '## Two\n\n1. First\n2. `Second`\n\n   ```sh\n   a  b\n   ```\n\n| a | b |\n|---|---|\n| `c` | d |\n\n![A](a.png)\n',
].join('\n\n')
const ICHI = [
  '# いち\n<!-- README.md: One -->\n\n[English](README.md) [ここ](docs/a.md#b)から`npm`を**今**取得します。',
  '```sh\nnpm  ci\n```',
  '## に\n<!-- README.md: Two -->\n\n1. 一番目\n2. `Second`\n\n   ```sh\n   a  b\n   ```\n\n| あ | い |\n|---|---|\n| `c` | え |\n\n![あ](a.png)\n',
].join('\n\n')
const done = ['One', 'Two'].reduce((page, heading) => confirmed(ONE, page, heading), ICHI)

t.test('a section that changes by a word is named, until it is confirmed', async (t) => {
  t.strictSame(changedSince(ONE, ICHI), ['One', 'Two'])
  t.strictSame(changedSince(ONE, confirmed(ONE, ICHI, 'Two')), ['One'])
  t.strictSame(changedSince(ONE, done), [])
  t.strictSame(changedSince(ONE.replace('Take `npm`', 'Take\n`npm`'), done), [], 'lines may be broken anew')
  const changed = ONE.replace('First', 'Firstly')
  t.strictSame(changedSince(changed, done), ['Two'])
  t.strictSame(changedSince(changed, confirmed(changed, done, 'Two')), [])
  t.strictSame(changedSince(ONE.replace('## Two', '## 2'), done), ['2'], 'a heading is part of its section')
})

t.test('what cannot be confirmed is said', async (t) => {
  t.throws(() => confirmed(ONE, ICHI, 'Three'), { message: 'README.md has no section “Three”.' })
  t.throws(() => confirmed(`${ONE}\n## Three\n`, ICHI, 'Three'), {
    message:
      'README.ja.md has no section for “Three”: put <!-- README.md: Three --> below its heading there.',
  })
})

t.test(
  'a translation in another order of words has the same shape, and one that lacks something has not',
  async (t) => {
    const shapes = (page: string) => sectionsOf(page).map((section: Section) => shapeOf(section))
    t.strictSame(shapes(done), shapes(ONE))
    for (const [kept, lost] of [
      ['`npm`', 'npm'],
      ['`npm`', '`yarn`'],
      ['**今**', '今'],
      ['docs/a.md#b', 'docs/a.md'],
      ['(README.md)', '(CHANGELOG.md)'],
      ['npm  ci', 'npm ci'],
      ['```sh', '```'],
      ['a  b', 'a b'],
      ['## に', '### に'],
      ['1. 一番目\n', ''],
      ['1. 一番目\n2. `', '- 一番目\n- `'],
      ['`c`', '`x`'],
      ['| `c` | え |\n', ''],
      ['a.png', 'b.png'],
    ] as const) {
      t.match(done, kept)
      t.strictNotSame(shapes(done.replace(kept, lost)), shapes(ONE), `${kept} -> ${lost}`)
    }
  },
)
