import t from 'tap'
import { LIMITS, type Limit, sizeOf } from '../../src/message/limits.ts'
import { pushRequest } from '../../src/message/messages.ts'
import { type Problem, problemsOf } from '../../src/message/rules.ts'

/** Eleven UTF-16 units, and one character for a person. */
const FAMILY = '👩‍👩‍👧‍👦'
/** Two units. */
const SMILE = '😀'

/** A text of exactly `size`, as LINE counts it, with an emoji at its end. */
const textOf = (size: number, { counting }: Limit) =>
  counting === 'graphemes' ? `${'x'.repeat(size - 1)}${FAMILY}` : `${'x'.repeat(size - 2)}${SMILE}`
const urlOf = (size: number) => `https://example.com/${'x'.repeat(size - 'https://example.com/'.length)}`
const listOf = <T>(size: number, entry: (index: number) => T) =>
  Array.from({ length: size }, (_, index) => entry(index))

const text = (more: object = {}) => ({ type: 'text', text: 'x', ...more })
const uri = (more: object = {}) => ({ type: 'uri', label: 'x', uri: 'https://example.com/', ...more })
const column = (more: object = {}) => ({ text: 'x', actions: [uri()], ...more })
const push = (...messages: object[]) => ({ to: 'U1', messages })
const templated = (template: object, more: object = {}) =>
  push({ type: 'template', altText: 'x', template, ...more })
const carousel = (...columns: object[]) => templated({ type: 'carousel', columns })
const buttons = (more: object) => templated({ type: 'buttons', text: 'x', actions: [uri()], ...more })
const confirm = (more: object) => templated({ type: 'confirm', text: 'x', actions: [uri(), uri()], ...more })
const imageColumns = (size: number, label?: string, imageUrl = 'https://example.com/a.jpg') =>
  templated({
    type: 'image_carousel',
    columns: listOf(size, () => ({
      imageUrl,
      action: { type: 'uri', uri: 'https://example.com/', ...(label !== undefined && { label }) },
    })),
  })
const bubble = (more: object = {}) => ({ type: 'bubble', ...more })
const box = (...contents: object[]) => ({ type: 'box', layout: 'vertical', contents })
const flex = (contents: object, more: object = {}) => push({ type: 'flex', altText: 'x', contents, ...more })
const action = (more: object) => carousel(column({ actions: [more] }))
const image = (more: object) =>
  push({ type: 'image', originalContentUrl: urlOf(30), previewImageUrl: urlOf(30), ...more })
const quickReply = (size: number, more: object = {}) =>
  push(text({ quickReply: { items: listOf(size, () => ({ type: 'action', action: uri(), ...more })) } }))

/** An object with so many bytes of JSON, of which a text takes what is missing. */
function ofBytes<T extends object>(size: number, make: (filler: string) => T): T {
  const rest = size - Buffer.byteLength(JSON.stringify(make('')))
  return make('x'.repeat(rest))
}
const bubbleOf = (size: number) =>
  ofBytes(size, (filler) => bubble({ body: box({ type: 'text', text: filler }) }))

/** For each limit, requests that take just so much of it, and where that is said to be too much. */
const CASES: Readonly<
  Record<keyof typeof LIMITS, readonly [property: string, make: (size: number, limit: Limit) => object][]>
> = {
  messages: [['messages', (size) => push(...listOf(size, () => text()))]],
  units: [
    [
      'customAggregationUnits',
      (size) => ({ ...push(text()), customAggregationUnits: listOf(size, (i) => `u${i}`) }),
    ],
  ],
  unit: [
    [
      'customAggregationUnits[0]',
      (size) => ({ ...push(text()), customAggregationUnits: ['u'.repeat(size)] }),
    ],
  ],
  request: [['', (size) => ofBytes(size, (filler) => push({ type: 'location', title: filler }))]],
  quickReplies: [['messages[0].quickReply.items', (size) => quickReply(size)]],
  senderName: [
    ['messages[0].sender.name', (size, limit) => push(text({ sender: { name: textOf(size, limit) } }))],
  ],
  url: [
    ['messages[0].originalContentUrl', (size) => image({ originalContentUrl: urlOf(size) })],
    ['messages[0].previewImageUrl', (size) => image({ previewImageUrl: urlOf(size) })],
    [
      'messages[0].template.columns[0].thumbnailImageUrl',
      (size) => carousel(column({ thumbnailImageUrl: urlOf(size) })),
    ],
    ['messages[0].sender.iconUrl', (size) => push(text({ sender: { iconUrl: urlOf(size) } }))],
    ['messages[0].quickReply.items[0].imageUrl', (size) => quickReply(1, { imageUrl: urlOf(size) })],
    ['messages[0].contents.hero.url', (size) => flex(bubble({ hero: { type: 'image', url: urlOf(size) } }))],
    [
      'messages[0].contents.hero.url',
      (size) => flex(bubble({ hero: { type: 'video', url: urlOf(size), previewUrl: urlOf(30) } })),
    ],
    [
      'messages[0].contents.hero.previewUrl',
      (size) => flex(bubble({ hero: { type: 'video', url: urlOf(30), previewUrl: urlOf(size) } })),
    ],
    [
      'messages[0].contents.body.contents[0].url',
      (size) => flex(bubble({ body: box({ type: 'icon', url: urlOf(size) }) })),
    ],
    ['messages[0].template.thumbnailImageUrl', (size) => buttons({ thumbnailImageUrl: urlOf(size) })],
    ['messages[0].template.columns[0].imageUrl', (size) => imageColumns(1, undefined, urlOf(size))],
  ],
  text: [['messages[0].text', (size, limit) => push(text({ text: textOf(size, limit) }))]],
  emojis: [
    [
      'messages[0].emojis',
      (size) =>
        push(
          text({
            text: '$'.repeat(size),
            emojis: listOf(size, (index) => ({ index, productId: 'p', emojiId: '001' })),
          }),
        ),
    ],
  ],
  altText: [
    [
      'messages[0].altText',
      (size, limit) => templated({ type: 'carousel', columns: [column()] }, { altText: textOf(size, limit) }),
    ],
    ['messages[0].altText', (size, limit) => flex(bubble(), { altText: textOf(size, limit) })],
  ],
  columns: [['messages[0].template.columns', (size) => carousel(...listOf(size, () => column()))]],
  columnActions: [
    [
      'messages[0].template.columns[0].actions',
      (size) => carousel(column({ actions: listOf(size, () => uri()) })),
    ],
  ],
  columnTitle: [
    [
      'messages[0].template.columns[0].title',
      (size, limit) => carousel(column({ title: textOf(size, limit) })),
    ],
  ],
  columnText: [
    [
      'messages[0].template.columns[0].text',
      (size, limit) => carousel(column({ text: textOf(size, limit) })),
    ],
  ],
  columnTextBeside: [
    [
      'messages[0].template.columns[0].text',
      (size, limit) => carousel(column({ text: textOf(size, limit), title: 'x' })),
    ],
    [
      'messages[0].template.columns[0].text',
      (size, limit) => carousel(column({ text: textOf(size, limit), thumbnailImageUrl: urlOf(30) })),
    ],
  ],
  buttonsActions: [
    ['messages[0].template.actions', (size) => buttons({ actions: listOf(size, () => uri()) })],
  ],
  buttonsTitle: [['messages[0].template.title', (size, limit) => buttons({ title: textOf(size, limit) })]],
  buttonsText: [['messages[0].template.text', (size, limit) => buttons({ text: textOf(size, limit) })]],
  buttonsTextBeside: [
    ['messages[0].template.text', (size, limit) => buttons({ text: textOf(size, limit), title: 'x' })],
    [
      'messages[0].template.text',
      (size, limit) => buttons({ text: textOf(size, limit), thumbnailImageUrl: urlOf(30) }),
    ],
  ],
  confirmActions: [
    ['messages[0].template.actions', (size) => confirm({ actions: listOf(size, () => uri()) })],
  ],
  confirmText: [['messages[0].template.text', (size, limit) => confirm({ text: textOf(size, limit) })]],
  imageColumns: [['messages[0].template.columns', (size) => imageColumns(size)]],
  imageLabel: [
    ['messages[0].template.columns[0].action.label', (size, limit) => imageColumns(1, textOf(size, limit))],
  ],
  label: [
    ...['confirm', 'buttons'].map((type): (typeof CASES)['label'][number] => [
      'messages[0].template.actions[0].label',
      (size, limit) => templated({ type, text: 'x', actions: [uri({ label: textOf(size, limit) }), uri()] }),
    ]),
    [
      'messages[0].template.columns[0].defaultAction.label',
      (size, limit) => carousel(column({ defaultAction: uri({ label: textOf(size, limit) }) })),
    ],
    [
      'messages[0].template.columns[0].actions[0].label',
      (size, limit) => action(uri({ label: textOf(size, limit) })),
    ],
    [
      'messages[0].quickReply.items[0].action.label',
      (size, limit) => quickReply(1, { action: uri({ label: textOf(size, limit) }) }),
    ],
  ],
  flexLabel: [
    [
      'messages[0].contents.body.action.label',
      (size, limit) => flex(bubble({ body: { ...box(), action: uri({ label: textOf(size, limit) }) } })),
    ],
    [
      'messages[0].contents.action.label',
      (size, limit) => flex(bubble({ action: uri({ label: textOf(size, limit) }) })),
    ],
    [
      'messages[0].contents.body.contents[0].action.label',
      (size, limit) =>
        flex(bubble({ body: box({ type: 'button', action: uri({ label: textOf(size, limit) }) }) })),
    ],
  ],
  uri: [
    ['messages[0].template.columns[0].actions[0].uri', (size) => action(uri({ uri: urlOf(size) }))],
    [
      'messages[0].template.columns[0].actions[0].altUri.desktop',
      (size) => action(uri({ altUri: { desktop: urlOf(size) } })),
    ],
  ],
  data: [
    [
      'messages[0].template.columns[0].actions[0].data',
      (size, limit) => action({ type: 'postback', label: 'x', data: textOf(size, limit) }),
    ],
    [
      'messages[0].template.columns[0].actions[0].data',
      (size, limit) =>
        action({ type: 'datetimepicker', label: 'x', mode: 'date', data: textOf(size, limit) }),
    ],
  ],
  messageText: [
    [
      'messages[0].template.columns[0].actions[0].text',
      (size, limit) => action({ type: 'message', label: 'x', text: textOf(size, limit) }),
    ],
  ],
  displayText: [
    ...['text', 'fillInText'].map((key): (typeof CASES)['displayText'][number] => [
      `messages[0].template.columns[0].actions[0].${key}`,
      (size, limit) => action({ type: 'postback', label: 'x', data: 'x', [key]: textOf(size, limit) }),
    ]),
    [
      'messages[0].template.columns[0].actions[0].displayText',
      (size, limit) => action({ type: 'postback', label: 'x', data: 'x', displayText: textOf(size, limit) }),
    ],
  ],
  clipboardText: [
    [
      'messages[0].template.columns[0].actions[0].clipboardText',
      (size, limit) => action({ type: 'clipboard', label: 'x', clipboardText: textOf(size, limit) }),
    ],
  ],
  bubble: [
    ['messages[0].contents', (size) => flex(bubbleOf(size))],
    ['messages[0].contents.contents[0]', (size) => flex({ type: 'carousel', contents: [bubbleOf(size)] })],
  ],
  bubbles: [
    [
      'messages[0].contents.contents',
      (size) => flex({ type: 'carousel', contents: listOf(size, () => bubble()) }),
    ],
  ],
  flexCarousel: [
    [
      'messages[0].contents',
      (size) =>
        flex(
          ofBytes(size, (filler) => ({
            type: 'carousel',
            contents: [
              bubbleOf(20_000),
              bubbleOf(20_000),
              bubble({ body: box({ type: 'text', text: filler }) }),
            ],
          })),
        ),
    ],
  ],
}

const about = (problems: readonly Problem[], property: string) =>
  problems.filter((problem) => problem.property === property)

t.test('of every limit all of it may be used, and no more', async (t) => {
  for (const [name, limit] of Object.entries(LIMITS)) {
    for (const [property, make] of CASES[name as keyof typeof LIMITS]) {
      t.strictSame(problemsOf(make(limit.most, limit), pushRequest), [], `${name}: ${limit.most}`)
      const [problem, ...others] = problemsOf(make(limit.most + 1, limit), pushRequest)
      const beyond = (limit.most + 1).toLocaleString('en')
      t.match(problem, { property, message: new RegExp(`^has ${beyond} `) }, `${name}: one beyond`)
      t.strictSame(others, [], `${name}: and nothing else`)
    }
  }
})

t.test(
  'emoji at the edge: two units where LINE counts units, one character where it counts those',
  async (t) => {
    t.equal(sizeOf(FAMILY, 'units'), 11)
    t.equal(sizeOf(FAMILY, 'graphemes'), 1)
    t.equal(sizeOf('が', 'graphemes'), 1)
    t.equal(sizeOf('🇯🇵'.repeat(2), 'graphemes'), 2)
    const long = (length: number, emoji: string) => push(text({ text: `${'x'.repeat(length)}${emoji}` }))
    t.strictSame(problemsOf(long(4_998, SMILE), pushRequest), [])
    t.equal(problemsOf(long(4_999, SMILE), pushRequest).length, 1, 'half of it would have room')
    t.strictSame(problemsOf(carousel(column({ title: FAMILY.repeat(40) })), pushRequest), [])
    t.match(problemsOf(carousel(column({ title: FAMILY.repeat(41) })), pushRequest), [{ isTooLong: true }])
  },
)

t.test('too few', async (t) => {
  const least: [request: object, property: string][] = [
    [push(), 'messages'],
    [push(text({ text: '' })), 'messages[0].text'],
    [carousel(), 'messages[0].template.columns'],
    [carousel(column({ actions: [] })), 'messages[0].template.columns[0].actions'],
    [confirm({ actions: [uri()] }), 'messages[0].template.actions'],
    [flex({ type: 'carousel', contents: [] }), 'messages[0].contents.contents'],
  ]
  for (const [request, property] of least)
    t.equal(about(problemsOf(request, pushRequest), property).length, 1, property)
})
