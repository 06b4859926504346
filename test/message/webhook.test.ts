import { mock } from 'node:test'
import type { messagingApi } from '@line/bot-sdk'
import t from 'tap'
import { messageOf } from '../../src/message/kinds.ts'
import { UNSENT, webhookFor } from '../../src/message/webhook.ts'
import { readLiquid } from '../../src/sandbox/braze/liquid.ts'
import { USER } from '../harness/people.ts'

const OPTIONS = { url: 'https://api.line.me/v2/bot/message/push', attribute: 'line_id', tokenBlock: 'Token' }
const text = (text: string): messagingApi.TextMessage => ({ type: 'text', text })

/** By the sandbox Braze, which has a Liquid of its own. */
const renderAs = (
  source: string,
  more: { attributes?: object; dispatchId?: string; messageId?: string } = {},
) =>
  readLiquid(source)({
    attributes: { line_id: USER, ...more.attributes },
    contentBlocks: { Token: '\n secret \n' },
    campaign: { dispatch_id: more.dispatchId ?? 'd1', api_id: 'c1', message_api_id: more.messageId ?? 'm1' },
  })
const textOf = (rendered: ReturnType<typeof renderAs>) => (rendered as { text: string }).text

t.test('what LINE gets is the request, whatever the values are', async (t) => {
  const webhook = webhookFor(
    text('"{{custom_attribute.${name}}}"\n\\ {% if {{custom_attribute.${vip}}} %}VIP{% endif %}'),
    {
      ...OPTIONS,
      unit: 'spring_1',
    },
  )
  t.match(webhook, { url: OPTIONS.url, method: 'POST', headers: { 'Content-Type': 'application/json' } })
  for (const name of ['Mia', '"Mia"', 'a\\b', 'a\r\nb\tc\u2028', '👩‍👩‍👧‍👦', '{{x}}', '']) {
    const request = JSON.parse(textOf(renderAs(webhook.body, { attributes: { name, vip: true } })))
    t.strictSame(request, {
      to: USER,
      messages: [{ type: 'text', text: `"${name}"\n\\ VIP` }],
      customAggregationUnits: ['spring_1'],
    })
  }
})

t.test('every text with Liquid is escaped, in whatever depth, and the others stay as they are', async (t) => {
  const message = messageOf('carousel', {
    altText: 'For {{custom_attribute.${name}}}',
    columns: [
      {
        title: 'Plain "title"',
        text: '{{custom_attribute.${name}}} and {{custom_attribute.${name}}}',
        actions: [
          {
            type: 'uri',
            label: 'Buy',
            uri: 'https://example.com/?name={{custom_attribute.${name} | url_param_escape}}',
          },
        ],
      },
    ],
  })
  const { body } = webhookFor(message, OPTIONS)
  const request = JSON.parse(textOf(renderAs(body, { attributes: { name: '"あ"' } })))
  t.strictSame(request.messages, [
    {
      type: 'template',
      altText: 'For "あ"',
      template: {
        type: 'carousel',
        columns: [
          {
            title: 'Plain "title"',
            text: '"あ" and "あ"',
            actions: [{ type: 'uri', label: 'Buy', uri: 'https://example.com/?name=%22%E3%81%82%22' }],
          },
        ],
      },
    },
  ])
  t.match(body, '{% capture line_template_columns_1_text %}')
})

t.test('the token comes from the block, without its line breaks', async (t) => {
  const { headers } = webhookFor(text('x'), OPTIONS)
  t.equal(textOf(renderAs(headers.Authorization as string)), 'Bearer secret')
})

t.test('nothing is sent to who has no user id', async (t) => {
  const { body } = webhookFor(text('x'), OPTIONS)
  for (const line_id of ['', null, undefined, ' '])
    t.strictSame(renderAs(body, { attributes: { line_id } }), { aborted: 'This person has no LINE user id.' })
  const other = webhookFor(text('x'), { ...OPTIONS, attribute: 'cafe line_id' })
  t.equal(JSON.parse(textOf(renderAs(other.body, { attributes: { 'cafe line_id': 'U7' } }))).to, 'U7')
})

t.test('the retry key is one for each message, dispatch and person', async (t) => {
  const keyOf = (
    message: messagingApi.Message,
    more: Parameters<typeof renderAs>[1] = {},
    options: object = {},
  ) =>
    textOf(
      renderAs(webhookFor(message, { ...OPTIONS, ...options }).headers['X-Line-Retry-Key'] as string, more),
    )
  const key = keyOf(text('x'))
  t.match(key, /^[0-9a-f]{8}-[0-9a-f]{4}-3[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/)
  t.equal(keyOf(text('x')), key)
  const others = [
    keyOf(text('y')),
    keyOf(text('{{custom_attribute.${a}}}')),
    keyOf(text('{{custom_attribute.${b}}}')),
    keyOf(text('x'), { dispatchId: 'd2' }),
    keyOf(text('x'), { messageId: 'm2' }),
    keyOf(text('x'), { attributes: { line_id: 'U2' } }),
    keyOf(text('x'), {}, { unit: 'u' }),
  ]
  t.equal(new Set([key, ...others]).size, others.length + 1)
})

t.test('a test has no dispatch, and is no repetition of the test before', async (t) => {
  const source = webhookFor(text('x'), OPTIONS).headers['X-Line-Retry-Key'] as string
  mock.timers.enable({ apis: ['Date'], now: 1_800_000_000_000 })
  t.teardown(() => mock.timers.reset())
  const keys = [UNSENT, ''].flatMap((dispatchId) => {
    const keyOf = () => textOf(renderAs(source, { dispatchId }))
    const [first, again] = [keyOf(), keyOf()]
    t.equal(first, again)
    mock.timers.tick(1_000)
    return [first, keyOf()]
  })
  t.equal(new Set(keys).size, 4)
  const sent = () => textOf(renderAs(source))
  const before = sent()
  mock.timers.tick(1_000)
  t.equal(sent(), before)
})
