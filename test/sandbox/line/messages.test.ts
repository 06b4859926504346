import t from 'tap'
import { refuseMessages } from '../../../src/sandbox/line/messages.ts'
import type { Fault } from '../../../src/sandbox/line/shape.ts'

/** What LINE would say of one message: `place: words`, one after another; '' where it would send it. */
function faultsOf(message: unknown): string {
  const reply = refuseMessages([message])
  if (reply === null) return ''
  const { details } = reply.body as { details: Fault[] }
  return details.map(({ message, property }) => `${property}: ${message}`).join('\n')
}

const https = 'https://example.com/'
/** An address of so many characters. */
const address = (length: number) => https.padEnd(length, 'x')
const long = (length: number) => 'x'.repeat(length)
/** One character for a person, eleven for UTF-16. */
const family = '👨‍👩‍👧‍👦'
const graphemes = (count: number) => family.repeat(count)

const uri = { type: 'uri', label: 'Open', uri: https }
const column = { text: 'Text', actions: [uri] }
const template = (template: object) => ({ type: 'template', altText: 'Alt', template })
const carousel = (columns: unknown, more: object = {}) => template({ type: 'carousel', columns, ...more })
const withAction = (action: object) => carousel([{ text: 'Text', actions: [action] }])
const buttons = (more: object) => template({ type: 'buttons', text: 'Text', actions: [uri], ...more })
const flex = (contents: unknown, altText = 'Alt') => ({ type: 'flex', altText, contents })
const bubble = (...contents: object[]) => ({
  type: 'bubble',
  body: { type: 'box', layout: 'vertical', contents },
})
const image = (length: number) => ({
  type: 'image',
  originalContentUrl: address(length),
  previewImageUrl: address(length),
})
const quickReply = (count: number) => ({
  type: 'text',
  text: 'x',
  quickReply: { items: Array(count).fill({ type: 'action', action: { ...uri, label: long(20) } }) },
})

/** Bytes of a bubble as JSON. */
function bubbleOf(bytes: number) {
  const empty = Buffer.byteLength(JSON.stringify(bubble({ type: 'text', text: '' })))
  return bubble({ type: 'text', text: long(bytes - empty) })
}
function flexCarouselOf(bytes: number) {
  const [third, two] = [Math.floor(bytes / 3), { type: 'carousel', contents: [] as object[] }]
  two.contents = [bubbleOf(third), bubbleOf(third), bubble({ type: 'text', text: '' })]
  const rest = bytes - Buffer.byteLength(JSON.stringify(two))
  two.contents[2] = bubble({ type: 'text', text: long(rest) })
  return two
}

/** What stands at the limit, and what LINE says one beyond it. */
const limits: [name: string, at: (n: number) => unknown, limit: number, fault: string][] = [
  [
    'text',
    (n) => ({ type: 'text', text: long(n) }),
    5000,
    'messages[0].text: Length must be between 0 and 5000',
  ],
  [
    'text of emoji, in UTF-16 units',
    (n) => ({ type: 'text', text: `${'🎉'.repeat(2499)}${long(n - 4998)}` }),
    5000,
    'messages[0].text: Length must be between 0 and 5000',
  ],
  [
    'emojis',
    (n) => ({ type: 'text', text: '$', emojis: Array(n).fill({ index: 0, productId: 'p', emojiId: '1' }) }),
    20,
    'messages[0].emojis: must not be more than 20 items',
  ],
  [
    'sender name',
    (n) => ({ type: 'text', text: 'x', sender: { name: long(n) } }),
    20,
    'messages[0].sender.name: Length must be between 0 and 20',
  ],
  ['quick replies', quickReply, 13, 'messages[0].quickReply.items: must not be more than 13 items'],
  [
    'altText of a template',
    (n) => ({ ...carousel([column]), altText: long(n) }),
    1500,
    'messages[0].altText: Length must be between 0 and 1500',
  ],
  [
    'altText of flex',
    (n) => flex(bubble(), long(n)),
    1500,
    'messages[0].altText: Length must be between 0 and 1500',
  ],
  ['columns', (n) => carousel(Array(n).fill(column)), 10, 'template/columns: must not be more than 10 items'],
  [
    'text of a column',
    (n) => carousel([{ ...column, text: graphemes(n) }]),
    120,
    'template/columns/0/text: Length must be between 0 and 120',
  ],
  [
    'text of a column with a title',
    (n) => carousel([{ ...column, title: 'T', text: graphemes(n) }]),
    60,
    'template/columns/0/text: Length must be between 0 and 60',
  ],
  [
    'text of a column with an image',
    (n) => carousel([{ ...column, thumbnailImageUrl: https, text: graphemes(n) }]),
    60,
    'template/columns/0/text: Length must be between 0 and 60',
  ],
  [
    'title of a column',
    (n) => carousel([{ ...column, title: graphemes(n) }]),
    40,
    'template/columns/0/title: Length must be between 0 and 40',
  ],
  [
    'image of a column',
    (n) => carousel([{ ...column, thumbnailImageUrl: address(n) }]),
    2000,
    'template/columns/0/thumbnailImageUrl: Length must be between 0 and 2000',
  ],
  [
    'actions of a column',
    (n) => carousel([{ text: 'x', actions: Array(n).fill(uri) }]),
    3,
    'template/columns/0/actions: must not be more than 3 items',
  ],
  [
    'label',
    (n) => withAction({ ...uri, label: graphemes(n) }),
    20,
    'template/columns/0/actions/0/label: Length must be between 0 and 20',
  ],
  [
    'uri',
    (n) => withAction({ ...uri, uri: address(n) }),
    1000,
    'template/columns/0/actions/0/uri: Length must be between 0 and 1000',
  ],
  [
    'data of a postback',
    (n) => withAction({ type: 'postback', label: 'x', data: long(n) }),
    300,
    'template/columns/0/actions/0/data: Length must be between 0 and 300',
  ],
  [
    'text of a message action',
    (n) => withAction({ type: 'message', label: 'x', text: graphemes(n) }),
    300,
    'template/columns/0/actions/0/text: Length must be between 0 and 300',
  ],
  [
    'label of a default action',
    (n) => carousel([{ ...column, defaultAction: { ...uri, label: graphemes(n) } }]),
    20,
    'template/columns/0/defaultAction/label: Length must be between 0 and 20',
  ],
  [
    'text of buttons',
    (n) => buttons({ text: graphemes(n) }),
    160,
    'template/text: Length must be between 0 and 160',
  ],
  [
    'text of buttons with a title',
    (n) => buttons({ text: graphemes(n), title: 'T' }),
    60,
    'template/text: Length must be between 0 and 60',
  ],
  [
    'actions of buttons',
    (n) => buttons({ actions: Array(n).fill(uri) }),
    4,
    'template/actions: must not be more than 4 items',
  ],
  [
    'text of confirm',
    (n) => template({ type: 'confirm', text: graphemes(n), actions: [uri, uri] }),
    240,
    'template/text: Length must be between 0 and 240',
  ],
  [
    'actions of confirm',
    (n) => template({ type: 'confirm', text: 'x', actions: Array(n).fill(uri) }),
    2,
    'template/actions: must not be more than 2 items',
  ],
  [
    'label in an image carousel',
    (n) =>
      template({
        type: 'image_carousel',
        columns: [{ imageUrl: https, action: { ...uri, label: graphemes(n) } }],
      }),
    12,
    'template/columns/0/action/label: Length must be between 0 and 12',
  ],
  ['bubble', (n) => flex(bubbleOf(n)), 30 * 1024, ': must not be larger than 30720 bytes'],
  ['flex carousel', (n) => flex(flexCarouselOf(n)), 50 * 1024, ': must not be larger than 51200 bytes'],
  [
    'bubbles',
    (n) => flex({ type: 'carousel', contents: Array(n).fill(bubble()) }),
    12,
    '/contents: must not be more than 12 items',
  ],
]

t.test('at each limit, and one beyond', async (t) => {
  for (const [name, at, limit, fault] of limits) {
    t.equal(faultsOf(at(limit)), '', `${name}: ${limit}`)
    t.equal(faultsOf(at(limit + 1)), fault, `${name}: ${limit + 1}`)
  }
  t.equal(faultsOf(image(2000)), '')
  t.equal(
    faultsOf(image(2001)),
    ['originalContentUrl', 'previewImageUrl']
      .map((field) => `messages[0].${field}: Length must be between 0 and 2000`)
      .join('\n'),
  )
})

t.test('too few', async (t) => {
  t.equal(faultsOf(carousel([])), 'template/columns: must not be less than 1 items')
  t.equal(
    faultsOf(carousel([{ text: 'x', actions: [] }])),
    'template/columns/0/actions: must not be less than 1 items',
  )
  t.match(faultsOf(template({ type: 'confirm', text: 'x', actions: [uri] })), 'must not be less than 2')
  t.match(faultsOf(quickReply(0)), 'messages[0].quickReply.items: must not be less than 1')
})

t.test('nothing may be empty', async (t) => {
  for (const text of ['', ' ', '\n', null, undefined, 7])
    t.equal(faultsOf({ type: 'text', text }), 'messages[0].text: May not be empty')
  t.equal(faultsOf({ type: 'sticker', packageId: 1, stickerId: '' }).split('\n').length, 2)
  t.equal(faultsOf({ type: 'sticker', packageId: '446', stickerId: '1988' }), '')
  t.equal(
    faultsOf(withAction({ type: 'uri', uri: https })),
    'template/columns/0/actions/0/label: May not be empty',
  )
  t.equal(faultsOf(carousel([{ ...column, text: '' }])), 'template/columns/0/text: May not be empty')
  t.equal(faultsOf(flex(bubble({ type: 'text', text: '' }))), '/body/contents/0/text: must be non-empty text')
  t.equal(faultsOf(null), 'messages[0]: May not be empty')
})

t.test('kinds that LINE does not know', async (t) => {
  const known = 'text, textV2, sticker, image, video, audio, location, imagemap, template, flex'
  for (const type of ['Text', 'carousel', undefined, 'constructor'])
    t.equal(faultsOf({ type }), `messages[0].type: Must be one of the following values: [${known}]`)
  t.match(faultsOf(template({ type: 'list' })), /^template\/type: Must be one of/)
  t.match(faultsOf(withAction({ type: 'call' })), /^template\/columns\/0\/actions\/0\/type: Must be one of/)
  t.match(faultsOf(flex({ type: 'box' })), /^\/type: Must be one of/)
  t.match(faultsOf(flex(bubble({ type: 'list' }))), /^\/body\/contents\/0\/type: Must be one of/)
})

t.test('addresses', async (t) => {
  for (const uri of [https, 'http://example.com', 'line://app/1', 'tel:+81312345678'])
    t.equal(faultsOf(withAction({ type: 'uri', label: 'x', uri })), '', uri)
  for (const uri of [
    '/path',
    'example.com',
    'ftp://example.com',
    'javascript:alert(1)',
    'mailto:a@example.com',
  ])
    t.match(faultsOf(withAction({ type: 'uri', label: 'x', uri })), 'invalid uri scheme', uri)
  for (const uri of ['https://example.com/日本', 'https://example.com/a b', 'https://'])
    t.match(faultsOf(withAction({ type: 'uri', label: 'x', uri })), 'invalid uri', uri)
  for (const url of ['http://example.com/a.png', 'line://x', 'data:image/png;base64,AA'])
    t.match(
      faultsOf({ ...image(100), previewImageUrl: url }),
      'messages[0].previewImageUrl: invalid uri scheme',
    )
})

t.test('columns that differ', async (t) => {
  const [titled, pictured] = [
    { ...column, title: 'T' },
    { ...column, thumbnailImageUrl: https },
  ]
  t.equal(faultsOf(carousel([titled, titled])), '')
  t.equal(
    faultsOf(carousel([titled, column])),
    'template/columns: all columns must have a title, or none may have one',
  )
  t.match(faultsOf(carousel([column, pictured])), 'all columns must have a thumbnailImageUrl')
  t.equal(
    faultsOf(carousel([column, { ...column, actions: [uri, uri] }])),
    'template/columns: all columns must have the same number of actions',
  )
})

t.test('looks of a carousel', async (t) => {
  t.equal(
    faultsOf(
      carousel([{ ...column, imageBackgroundColor: '#FFFFFF' }], {
        imageAspectRatio: 'square',
        imageSize: 'contain',
      }),
    ),
    '',
  )
  t.equal(
    faultsOf(carousel([{ ...column, imageBackgroundColor: 'white' }])),
    'template/columns/0/imageBackgroundColor: invalid property',
  )
  t.match(
    faultsOf(carousel([column], { imageSize: 'fill' })),
    /^template\/imageSize: Must be one of .*cover, contain/,
  )
  t.match(faultsOf(carousel([column], { imageAspectRatio: '1:1' })), /^template\/imageAspectRatio/)
})

t.test('flex: what lies deep', async (t) => {
  const button = { type: 'button', action: { ...uri, label: long(40) } }
  const picture = { type: 'image', url: https, action: { type: 'uri', uri: https } }
  const spans = { type: 'text', contents: [{ type: 'span', text: 'x' }] }
  const inner = {
    type: 'box',
    layout: 'baseline',
    contents: [{ type: 'icon', url: https }, { type: 'filler' }],
  }
  t.equal(faultsOf(flex({ ...bubble(button, inner, spans, { type: 'separator' }), hero: picture })), '')
  t.equal(
    faultsOf(flex(bubble({ ...inner, contents: [{ ...button, action: { ...uri, label: long(41) } }] }))),
    '/body/contents/0/contents/0/action/label: Length must be between 0 and 40',
  )
  t.match(
    faultsOf(flex({ type: 'bubble', hero: { ...picture, url: 'http://example.com' } })),
    '/hero/url: invalid uri scheme',
  )
  t.match(
    faultsOf(flex({ type: 'bubble', body: { type: 'box', layout: 'grid', contents: [] } })),
    '/body/layout: Must be one of',
  )
  t.match(faultsOf(flex({ type: 'bubble', body: { type: 'text', text: 'x' } })), '/body/type: Must be one of')
})

t.test('LINE says which message, in one way or the other', async (t) => {
  const good = { type: 'text', text: 'x' }
  const first = refuseMessages([good, { type: 'text' }, { type: 'image' }])
  const [one, two, three] = ['[1].text', '[2].originalContentUrl', '[2].previewImageUrl'].map((place) => ({
    property: `messages${place}`,
  }))
  t.match(first, {
    status: 400,
    body: { message: 'The request body has 3 error(s)', details: [one, two, three] },
  })
  t.match(refuseMessages([good, carousel([])]), {
    body: { message: 'A message (messages[1]) in the request body is invalid' },
  })
})

t.test('the other kinds', async (t) => {
  const place = { type: 'location', title: 'x', address: 'y', latitude: 35.6, longitude: 139.7 }
  t.equal(faultsOf(place), '')
  t.equal(faultsOf({ ...place, latitude: 91 }), 'messages[0].latitude: Must be between -90 and 90')
  t.equal(faultsOf({ type: 'video', originalContentUrl: https, previewImageUrl: https }), '')
  t.equal(faultsOf({ type: 'audio', originalContentUrl: https, duration: 1000 }), '')
  t.match(faultsOf({ type: 'audio', originalContentUrl: https, duration: 0 }), 'messages[0].duration')
  const map = { type: 'imagemap', baseUrl: https, altText: 'x', baseSize: { width: 1040, height: 520 } }
  t.equal(
    faultsOf({
      ...map,
      actions: [{ type: 'uri', linkUri: https, area: { x: 0, y: 0, width: 9, height: 9 } }],
    }),
    '',
  )
  t.match(faultsOf({ ...map, actions: [] }), 'messages[0].actions')
})
