import t from 'tap'
import { pushRequest } from '../../src/message/messages.ts'
import { problemsOf } from '../../src/message/rules.ts'

const push = (message: object) => problemsOf({ to: 'U1', messages: [message] }, pushRequest)
const uri = (more: object = {}) => ({ type: 'uri', label: 'x', uri: 'https://example.com/', ...more })
const column = (more: object = {}) => ({ text: 'x', actions: [uri()], ...more })
const carousel = (...columns: object[]) =>
  push({ type: 'template', altText: 'x', template: { type: 'carousel', columns } })
const image = (url: string) =>
  push({ type: 'image', originalContentUrl: url, previewImageUrl: 'https://example.com/p.jpg' })
const flex = (body: object) => push({ type: 'flex', altText: 'x', contents: { type: 'bubble', body } })

t.test('images are fetched by https', async (t) => {
  t.strictSame(image('https://example.com/%E3%81%82.jpg?a=1&b=2#c'), [])
  for (const [url, message] of [
    ['http://example.com/a.jpg', /http:\/\/.* https/],
    ['HTTP://example.com/a.jpg', /http:\/\/.* https/],
    ['ftp://example.com/a.jpg', /no https/],
    ['example.com/a.jpg', /no https/],
    ['https:example.com', /no https/],
    ['https://', /no https/],
    ['https://example.com/あ.jpg', /percent-encoded/],
    ['https://example.com/a b.jpg', /percent-encoded/],
    ['https://example.com/a\n.jpg', /percent-encoded/],
    ['https://example.com/"a"', /percent-encoded/],
  ] as const)
    t.match(image(url), [{ property: 'messages[0].originalContentUrl', message }], url)
})

t.test('what opens is http, https, line or tel', async (t) => {
  for (const good of ['https://example.com', 'http://example.com', 'line://nv/settings', 'tel:+81300000000'])
    t.strictSame(carousel(column({ actions: [uri({ uri: good })] })), [], good)
  for (const bad of ['javascript:alert(1)', 'mailto:a@example.com', 'example.com', 'https:a', ''])
    t.equal(carousel(column({ actions: [uri({ uri: bad })] })).length, 1, bad)
})

t.test('columns agree', async (t) => {
  const pictured = { thumbnailImageUrl: 'https://example.com/a.jpg' }
  t.strictSame(carousel(column({ title: 'a', ...pictured }), column({ title: 'b', ...pictured })), [])
  t.match(carousel(column(), column({ actions: [uri(), uri()] })), [
    {
      property: 'messages[0].template.columns[1].actions',
      message: 'has 2 entries and the first column 1; all must have as many',
    },
  ])
  t.match(carousel(column({ title: 'a' }), column()), [
    { property: 'messages[0].template.columns[1].title', message: /^is missing, unlike on the first column/ },
  ])
  t.match(carousel(column(), column(), column(pictured)), [
    {
      property: 'messages[0].template.columns[2].thumbnailImageUrl',
      message: /^is there, unlike on the first column/,
    },
  ])
})

t.test('a text that is far too long is told once', async (t) => {
  t.match(carousel(column({ text: 'x'.repeat(130), title: 'x' })), [
    { message: /LINE takes 60 at most beside an image or a title$/ },
  ])
  t.equal(carousel(column({ text: 'x'.repeat(130), title: 'x' })).length, 1)
})

t.test('unknown keys and types, and what was meant', async (t) => {
  t.match(push({ type: 'text', text: 'x', txet: 'y' }), [
    { property: 'messages[0].txet', message: 'is no key here; perhaps text is meant' },
  ])
  t.match(push({ type: 'text', text: 'x', whatever: 'y' }), [
    { message: /^is no key here; there are type, quickReply, sender, text, / },
  ])
  t.match(push({ type: 'imgae' }), [{ property: 'messages[0].type', message: /perhaps image is meant/ }])
  t.match(push({ type: 7 }), [{ message: /^is none of text, sticker, image/ }])
  t.match(push({}), [{ property: 'messages[0].type', message: /^is missing/ }])
  t.match(carousel(column({ actions: [{ type: 'url', label: 'x' }] })), [{ message: /perhaps uri is meant/ }])
  t.match(carousel(column({ imageUrl: 'https://example.com' })), [
    { property: 'messages[0].template.columns[0].imageUrl' },
  ])
})

t.test('values of the wrong kind', async (t) => {
  t.match(push({ type: 'sticker', packageId: 446, stickerId: '1988' }), [
    {
      property: 'messages[0].packageId',
      message: 'is a number, and must be a text; in YAML, put it in quotes',
    },
  ])
  t.match(push({ type: 'sticker', packageId: 'cat', stickerId: '1988' }), [{ message: 'is no number' }])
  t.match(push({ type: 'text', text: null }), [{ message: /^is empty, and must be a text/ }])
  t.match(push({ type: 'text', text: ['x'] }), [{ message: /^is a list/ }])
  t.match(carousel('x' as unknown as object), [
    { property: 'messages[0].template.columns[0]', message: 'is no object' },
  ])
  t.match(problemsOf([], pushRequest), [{ message: 'is no object' }])
  t.match(problemsOf({ to: 'U1', messages: {}, notificationDisabled: 'yes' }, pushRequest), [
    { property: 'messages', message: 'is no list' },
    { property: 'notificationDisabled', message: 'is neither true nor false' },
  ])
  t.match(
    problemsOf(
      { to: 'U1', messages: [{ type: 'text', text: 'x' }], customAggregationUnits: ['a b'] },
      pushRequest,
    ),
    [{ property: 'customAggregationUnits[0]', message: /other characters/ }],
  )
})

t.test('emoji of LINE stand where a $ stands', async (t) => {
  const emoji = (index: number) => ({ index, productId: '5ac1bfd5040ab15980c9b435', emojiId: '001' })
  t.strictSame(push({ type: 'text', text: '😀 $ x', emojis: [emoji(3)] }), [])
  t.match(push({ type: 'text', text: '😀 $ x', emojis: [emoji(2)] }), [
    { property: 'messages[0].emojis[0].index', message: 'is not where a $ stands in the text' },
  ])
})

t.test('what opens only in places of its own', async (t) => {
  const camera = { type: 'camera', label: 'x' }
  t.strictSame(
    push({ type: 'text', text: 'x', quickReply: { items: [{ type: 'action', action: camera }] } }),
    [],
  )
  for (const [action, where] of [
    [camera, 'quick replies'],
    [{ type: 'richmenuswitch', label: 'x', richMenuAliasId: 'a', data: 'b' }, 'rich menus'],
  ] as const)
    t.match(carousel(column({ actions: [action] })), [{ message: `works in ${where} only` }])
})

t.test('Flex: components, their addresses and what opens', async (t) => {
  const box = (...contents: object[]) => ({ type: 'box', layout: 'vertical', contents })
  t.strictSame(
    flex(
      box(
        { type: 'text', text: 'x', contents: [{ type: 'span', text: 'y' }] },
        { type: 'button', action: uri() },
        {
          type: 'image',
          url: 'https://example.com/a.png',
          action: { type: 'uri', uri: 'https://example.com' },
        },
        box({ type: 'separator' }),
      ),
    ),
    [],
  )
  t.match(flex(box(box({ type: 'image', url: 'http://example.com/a.png' }))), [
    { property: 'messages[0].contents.body.contents[0].contents[0].url', message: /https/ },
  ])
  t.match(flex(box({ type: 'buton', action: uri() })), [
    { property: 'messages[0].contents.body.contents[0].type', message: /perhaps button is meant/ },
  ])
  t.match(flex(box({ type: 'button' })), [
    { property: 'messages[0].contents.body.contents[0].action', message: 'is missing' },
  ])
  t.match(flex(box({ type: 'button', action: { type: 'uri', uri: 'https://example.com' } })), [
    { property: 'messages[0].contents.body.contents[0].action.label', message: 'is missing' },
  ])
})

t.test('what nothing here makes is left to LINE', async (t) => {
  t.strictSame(push({ type: 'location', title: 'x', address: 'y', latitude: 1, longitude: 2 }), [])
})
