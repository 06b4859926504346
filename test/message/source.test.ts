import t from 'tap'
import { MOST_BYTES, readSource } from '../../src/message/source.ts'

const read = (text: string | Uint8Array) =>
  readSource(typeof text === 'string' ? Buffer.from(text) : text, 'a.yaml')

t.test('YAML and JSON, and where each thing stands', async (t) => {
  const yaml = read(
    '\ufeffaltText: あ\ncolumns:\n  - text: a\n    actions: [ { label: b } ]\n  - text: |\n      two\n      lines\n',
  )
  t.strictSame(yaml.value, {
    altText: 'あ',
    columns: [{ text: 'a', actions: [{ label: 'b' }] }, { text: 'two\nlines\n' }],
  })
  for (const [property, place] of [
    ['altText', '1:1'],
    ['columns[0].text', '3:5'],
    ['columns[0].actions[0].label', '4:18'],
    ['columns[1].text', '5:5'],
    ['columns[1]', '5:5'],
    ['columns[1].title', '5:5'],
    ['columns[7].text', '2:1'],
    ['nothing', '1:1'],
  ] as const)
    t.equal(yaml.placeOf(property), place, property)
  const json = read('{\n  "text": "a\\nb",\n  "sender": { "name": "x" }\n}')
  t.strictSame(json.value, { text: 'a\nb', sender: { name: 'x' } })
  t.equal(json.placeOf('sender.name'), '3:15')
})

t.test('texts are texts: no dates, no yes and no', async (t) => {
  t.strictSame(read('a: yes\nb: 2026-01-01\nc: 0x10\nd: ~\n').value, {
    a: 'yes',
    b: '2026-01-01',
    c: 16,
    d: null,
  })
})

t.test('what is no template, with the place and what to do', async (t) => {
  for (const [text, message] of [
    ['a: [1', /^a\.yaml:1:6: /],
    ['a: b: c', /^a\.yaml:1:4: /],
    ['a: 1\na: 2\n', /^a\.yaml:2:1: Map keys must be unique/],
    ['{"a":1,\n"a":2}', /^a\.yaml:2:1: Map keys must be unique/],
    ['text: For {{${name} | default: "you"}}', /^a\.yaml:1:\d+: .* Put a text with Liquid in quotes/],
    ['a: &x [1]\nb: 2\n', /^a\.yaml:1:7: anchors and aliases/],
    ['a: 1\n---\nb: 2\n', /document/],
    ['a: !!js/function "x"\n', /^a\.yaml:1:4: .*tag/],
    ['a: !Secret x\n', /^a\.yaml:1:4: .*tag/],
    ['', /holds no keys and values/],
    ['- a\n- b\n', /holds no keys and values/],
    ['just words', /holds no keys and values/],
    ['? [a]\n: b\n', /keys/],
    ['\u0000', /a\.yaml/],
    [Buffer.from([0x61, 0x3a, 0x20, 0xff]), /is not UTF-8/],
    [Buffer.alloc(MOST_BYTES + 1, 'a'), /more than 1 MB/],
    [`a: ${'['.repeat(10_000)}`, /^a\.yaml:1:\d+: it is nested too deeply\.$/],
    [`a: ${'{a: '.repeat(10_000)}`, /^a\.yaml:1:\d+: it is nested too deeply\.$/],
    [`{"a":${'{"a":'.repeat(10_000)}1${'}'.repeat(10_001)}`, /^a\.yaml:1:\d+: it is nested too deeply\.$/],
  ] as const)
    t.throws(() => read(text), { name: 'SourceError', message }, String(text).slice(0, 30))
})

t.test('where everything is wrong, the first things are told', async (t) => {
  const lines = Array.from({ length: 30 }, () => 'a: 1')
  t.throws(() => read(lines.join('\n')), { message: /^(a\.yaml:.*\n){10}… and 19 more\.$/ })
})

t.test('a few lines that stand for gigabytes', async (t) => {
  const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x]']
  for (let i = 1; i < 10; i++)
    lines.push(
      `a${i}: &a${i} [${Array(9)
        .fill(`*a${i - 1}`)
        .join(', ')}]`,
    )
  t.throws(() => read(lines.join('\n')), {
    name: 'SourceError',
    message: /^a\.yaml:1:9: anchors and aliases/,
  })
})
