import type { messagingApi } from '@line/bot-sdk'
import t from 'tap'
import { checkWebhook } from '../../src/message/check.ts'
import { messageOf } from '../../src/message/kinds.ts'
import { type Webhook, webhookFor } from '../../src/message/webhook.ts'

const URL = 'https://api.line.me/v2/bot/message/push'
const SHOP = { name: 'shop', attribute: 'line_id', tokenBlock: 'Shop_Token' }
const CAFE = { name: 'cafe', attribute: 'cafe_line_id', tokenBlock: 'Cafe_Token' }

const { signal } = new AbortController()

const text = (text: string): messagingApi.TextMessage => ({ type: 'text', text })
const webhook = (message: messagingApi.Message = text('x'), where = SHOP) =>
  webhookFor(message, { ...where, url: URL })
const carousel = (title: string, uri = 'https://example.com/') =>
  webhook(
    messageOf('carousel', {
      altText: 'x',
      columns: [{ title, text: 'x', actions: [{ type: 'uri', label: 'x', uri }] }],
    }),
  )
const check = (given: unknown, values: Record<string, string> = {}, channels = [SHOP, CAFE]) =>
  checkWebhook(given, { channels, url: URL, values: new Map(Object.entries(values)), signal })
const withBody = (edit: (body: string) => string, given: Webhook = webhook(text('{{${name}}}'))) => ({
  ...given,
  body: edit(given.body),
})
const withHeader = (name: string, value: string | undefined) => {
  const { [name]: _, ...headers } = webhook().headers
  return { ...webhook(), headers: value === undefined ? headers : { ...headers, [name]: value } }
}

t.test('what template prints is as it should be, for each channel', async (t) => {
  for (const where of [SHOP, CAFE]) {
    const checked = await check(webhook(text('Hi {{${name} | default: "you"}}'), where))
    t.match(checked, { problems: [], warnings: [], channel: where.name, names: ['name'] })
    t.match(checked.request, { messages: [{ type: 'text', text: 'Hi Sample' }] })
    t.match(checked.retryKey, /^[0-9a-f-]{36}$/)
  }
  t.match((await check(webhook(text('Hi {{${name}}}')), { name: 'Mia' })).request, {
    messages: [{ text: 'Hi Mia' }],
  })
})

t.test('a value that nothing escapes is found, by name and place', async (t) => {
  const given = withBody(
    (body) => body.replace('{{line_text | json_escape}}', 'Hi {{${name}}}'),
    webhook(text('{{${name}}}')),
  )
  const { problems } = await check(given)
  t.equal(problems.length, 1)
  t.match(problems[0], {
    property: 'body',
    message:
      /^is no JSON once \{\{\$\{name\}\}\} \(line 8, column 19\) has quotes; write \{\{\$\{name\} \| json_escape\}\}$/,
  })
  t.match((await check(given, { name: 'Mia' })).problems, problems, 'also with a value that does no harm')
  t.match((await check(given, { name: 'the "cat"' })).problems, [
    { property: 'body', message: /^is no JSON once it is rendered/ },
  ])
  const escapedByHand = withBody((body) =>
    body.replace('{{line_text | json_escape}}', 'Hi {{${name} | json_escape}}'),
  )
  t.strictSame((await check(escapedByHand)).problems, [])
})

t.test('what only some people have is a warning', async (t) => {
  const long = await check(carousel('Tea for {{${name} | default: "you"}}'))
  t.strictSame(long.problems, [])
  t.match(long.warnings, [
    {
      property: 'messages[0].template.columns[0].title',
      message:
        /^has 263 characters, and LINE takes 40 at most, where \{\{\$\{name\}\}\} has 255 characters; cut it with \| truncate$/,
    },
  ])
  const blank = await check(webhook(text('{{${name}}}')))
  t.match(blank, {
    problems: [],
    warnings: [
      { property: 'messages[0].text', message: /^is empty, where .* has no value; give it a default$/ },
    ],
  })
  t.match(await check(webhook(text('{{${name} | default: "you" | truncate: 20}}'))), {
    problems: [],
    warnings: [],
  })
})

t.test('limits hold for the rendered text', async (t) => {
  t.match((await check(carousel('{{${name}}}'), { name: '👩‍👩‍👧‍👦'.repeat(40) })).problems, [])
  t.match((await check(carousel('{{${name}}}'), { name: '👩‍👩‍👧‍👦'.repeat(41) })).problems, [
    { property: 'messages[0].template.columns[0].title', message: /^has 41 characters/ },
  ])
  t.match(
    (await check(carousel('x{% if ${name} == "a" %}{% else %}y{% endif %}'), { name: 'a' })).problems,
    [],
  )
})

t.test('values in addresses', async (t) => {
  t.match((await check(carousel('x', 'https://example.com/?n={{${name}}}'))).problems, [
    {
      property: 'messages[0].template.columns[0].actions[0].uri',
      message: /percent-encoded, as \| url_param_escape does, where .* has quotes/,
    },
  ])
  t.match((await check(carousel('x', 'https://example.com/?n={{${name} | url_param_escape}}'))).problems, [])
  const whole = carousel('x', '{{custom_attribute.${link}}}')
  t.match((await check(whole)).problems, [{ message: /no address/ }])
  t.match((await check(whole, { 'custom_attribute.link': 'https://example.com/a' })).problems, [])
})

t.test('where it is sent', async (t) => {
  t.match((await check({ ...webhook(), url: URL.replace('https', 'http') })).problems, [
    { property: 'url', message: /^is an http:\/\/ address/ },
  ])
  t.match((await check({ ...webhook(), url: 'https://example.com/' })).problems, [
    { property: 'url', message: `must be ${URL}` },
  ])
  t.match((await check({ ...webhook(), method: 'PUT' })).problems, [
    { property: 'method', message: 'must be POST' },
  ])
  t.match((await check(withBody((body) => body.replaceAll('line_id', 'other')))).problems, [
    { property: 'to', message: /^is not \{\{custom_attribute/ },
  ])
})

t.test('the address is one for everybody, since the token goes there', async (t) => {
  const some = `{% if \${name} == 'Sample' or \${name} == blank %}${URL}{% else %}https://example.com/{% endif %}`
  for (const url of [some, `${URL}{{\${name}}}`, ` ${URL}`, `${URL}/`, `${URL}@example.com`])
    t.match(
      (await check({ ...webhook(), url })).problems,
      [{ property: 'url', message: new RegExp(`^must be ${URL}`) }],
      url,
    )
})

t.test('the token is in its own header, and nowhere else', async (t) => {
  const token = '{{content_blocks.${Shop_Token}}}'
  const fetching = `{% connected_content https://example.com/?t=${token} %}`
  const shown =
    /^has the token of \{\{content_blocks\.\$\{Shop_Token\}\}\}, which belongs in headers\.Authorization alone$/
  t.match((await check(webhook(text(token)))).problems, [{ property: 'body', message: shown }])
  t.match((await check(withBody((body) => `${fetching}${body}`))).problems, [
    { property: 'body', message: shown },
  ])
  t.match((await check(withHeader('X-Other', token))).problems, [
    { property: 'headers.X-Other', message: shown },
  ])
  const { Authorization } = webhook().headers
  t.match((await check(withHeader('Authorization', `${Authorization}${fetching}`))).problems, [
    { property: 'headers.Authorization', message: /^has connected_content, which must not know the token$/ },
  ])
})

t.test('with many names the check can be ended', async (t) => {
  const names = Array.from({ length: 2_000 }, (_, index) => `{{\${n${index}}}}`)
  const ending = new AbortController()
  const checking = checkWebhook(webhook(text(names.join(''))), {
    channels: [SHOP],
    url: URL,
    values: new Map(),
    signal: ending.signal,
  })
  setImmediate(() => ending.abort(new Error('ended')))
  await t.rejects(checking, { message: 'ended' })
})

t.test('nesting that is too deep', async (t) => {
  const box = '{"type":"box","layout":"vertical","contents":['
  const deep = `${box.repeat(8_000)}${']}'.repeat(8_000)}`
  const given = withBody((body) =>
    body.replace(
      /"messages": \[[\s\S]*$/,
      `"messages":[{"type":"flex","altText":"x","contents":{"type":"bubble","body":${deep}}}]}`,
    ),
  )
  t.match(await check(given), {
    problems: [{ property: 'body', message: 'is nested too deeply' }],
    request: undefined,
  })
})

t.test('the token, from the block of the channel', async (t) => {
  for (const [value, message] of [
    [undefined, /^is missing$/],
    ['Bearer {{content_blocks.${Shop_Token}}}', /^keeps the line breaks/],
    ['{{content_blocks.${Shop_Token} | strip}}', /^must be Bearer/],
    [
      'Bearer {{content_blocks.${Cafe_Token} | strip}}',
      /^holds the token of channel cafe, and the body is for channel shop/,
    ],
    ['Bearer {{content_blocks.${Other} | strip}}', /^does not hold the token of/],
    ['Bearer abcdef', /^holds a token itself/],
    ["{% abort_message('x') %}", /^fails, or ends the message/],
  ] as const) {
    const { problems } = await check(withHeader('Authorization', value))
    t.match(problems, [{ property: 'headers.Authorization', message }], `${value}`)
    t.equal(problems.length, 1, `${value}`)
    t.notMatch(problems[0]?.message, 'abcdef')
  }
  t.strictSame(
    (await check(withHeader('Authorization', 'Bearer {{content_blocks.${Shop_Token} | strip}}'))).problems,
    [],
  )
})

t.test('a block that channels share has the token of one of them', async (t) => {
  const shared = { ...CAFE, tokenBlock: SHOP.tokenBlock }
  t.match((await check(webhook(), {}, [SHOP, shared])).problems, [
    {
      property: 'headers.Authorization',
      message:
        /^has the token of .*Shop_Token\}\}\}, which the channels shop and cafe share; it is the token of one of them$/,
    },
  ])
})

t.test('the retry key', async (t) => {
  const slices =
    '{{k | slice: 0, 8}}-{{k | slice: 8, 4}}-{{k | slice: 12, 4}}-{{k | slice: 16, 4}}-{{k | slice: 20, 12}}'
  const keyOf = (liquid: string) =>
    `{% capture k %}${liquid}{% endcapture %}{% assign k = k | md5 %}${slices}`
  for (const [value, message] of [
    [undefined, /^is missing$/],
    ['abc', /^is no UUID/],
    ['{{campaign.${dispatch_id}}}', /^is no UUID/],
    ['123e4567-e89b-32d3-8456-426614174000', /^does not depend on the dispatch id/],
    [keyOf('{{campaign.${dispatch_id}}}'), /^does not depend on \{\{custom_attribute\.\$\{line_id/],
    [keyOf('{{custom_attribute.${line_id}}}'), /^does not depend on the dispatch id/],
  ] as const)
    t.match(
      (await check(withHeader('X-Line-Retry-Key', value))).problems,
      [{ property: 'headers.X-Line-Retry-Key', message }],
      `${value}`,
    )
  t.strictSame(
    (
      await check(
        withHeader('X-Line-Retry-Key', keyOf('{{campaign.${dispatch_id}}}{{custom_attribute.${line_id}}}')),
      )
    ).problems,
    [],
  )
})

t.test('a header that is there twice', async (t) => {
  t.match((await check(withHeader('authorization', 'Bearer other'))).problems, [
    { property: 'headers.authorization', message: 'is there twice' },
  ])
})

t.test('the content type', async (t) => {
  for (const value of [undefined, 'text/plain', 'application/jsonp'])
    t.match((await check(withHeader('Content-Type', value))).problems, [{ property: 'headers.Content-Type' }])
  t.strictSame((await check(withHeader('Content-Type', 'application/json; charset=utf-8'))).problems, [])
  const { 'Content-Type': type, ...headers } = webhook().headers
  t.strictSame(
    (await check({ ...webhook(), headers: { ...headers, 'content-type': type } })).problems,
    [],
    'in whatever case',
  )
})

t.test('who has no user id must be left out', async (t) => {
  const { problems } = await check(withBody((body) => body.replace(/\{% if .*?%\}.*?\{% endif %\}/, '')))
  t.match(problems, [
    {
      property: 'body',
      message: /^goes on where \{\{custom_attribute\.\$\{line_id\}\}\} is blank; end it there/,
    },
  ])
})

t.test('bodies that are none', async (t) => {
  t.match((await check(withBody((body) => body.replace('"messages"', 'messages')))).problems, [
    { property: 'body', message: /^is no JSON once it is rendered( \(line \d+ column \d+\))?$/ },
  ])
  t.match((await check(withBody(() => '{% if %}'))).problems, [
    { property: 'body', message: /^is no Liquid that Braze takes, line 1/ },
  ])
  t.match((await check(withBody(() => "{% abort_message('never') %}"))).problems, [
    { property: 'body', message: 'ends the message (never) with these values; give others with --value' },
  ])
  t.match((await check(withBody(() => '[]'))).problems, [{ property: '', message: 'is no object' }])
})

t.test('what is no webhook', async (t) => {
  t.match((await check({ url: URL, body: '{}', bodi: 1, headers: { a: 1 } })).problems, [
    { property: 'bodi', message: /perhaps body/ },
    { property: 'method', message: 'is missing' },
    { property: 'headers.a', message: 'is no text' },
  ])
  t.match((await check('x')).problems, [{ message: 'is no object' }])
})
