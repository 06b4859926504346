import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import t, { type Test } from 'tap'
import { friend, gone, messaged } from '../../src/contact/contact.ts'
import { stageChannels } from '../harness/channels.ts'
import type { CommandOptions } from '../harness/command.ts'
import { key, USER } from '../harness/people.ts'
import { lastLine, stage } from '../harness/stage.ts'

const VALIDATE = '/v2/bot/message/validate/push'
const PUSH = '/v2/bot/message/push'
const OTHER = `U${'f'.repeat(32)}`

const CAROUSEL = `altText: New this week
columns:
  - title: Tea
    text: 'For {{\${first_name} | default: "you" | truncate: 20}}'
    thumbnailImageUrl: https://example.com/tea.jpg
    actions:
      - { type: uri, label: Buy, uri: "https://example.com/tea" }
      - { type: message, label: More, text: More tea }
  - title: Coffee
    text: From the mountains
    thumbnailImageUrl: https://example.com/coffee.jpg
    actions:
      - { type: postback, label: Later, data: later }
      - { type: uri, label: Call, uri: "tel:+81300000000" }
`

/** A LINE that one friend follows, and the command line with its settings. */
async function setUp(t: Test) {
  const parts = await stage(t)
  const { line, env } = await parts.lineApi({ followers: [USER] })
  const sleep = () => new Promise(setImmediate)
  const file = (name: string, text: string) => {
    const path = join(parts.folder, name)
    writeFileSync(path, text)
    return path
  }
  async function run(
    args: readonly string[],
    more: Record<string, string> = {},
    options: CommandOptions = {},
  ) {
    return parts.command(['template', ...args], { ...env, ...more }, { sleep, ...options }).ended
  }
  return {
    ...parts,
    line,
    lineEnv: env,
    file,
    run,
    async runJson(args: readonly string[], more: Record<string, string> = {}, options: CommandOptions = {}) {
      const ended = await run([...args, '--json'], more, options)
      return { ...ended, result: ended.stdout === '' ? null : lastLine(ended.stdout) }
    },
    /** The path of a file with what `template …` prints. */
    async printed(args: readonly string[], more: Record<string, string> = {}) {
      const { code, stdout, stderr } = await run([...args, '--json'], more)
      t.equal(code, 0, stderr)
      return file(`printed-${Math.random()}.json`, stdout)
    },
  }
}

t.test('every kind of message is printed, checked, asked of LINE, and sent', async (t) => {
  const { line, file, printed, runJson } = await setUp(t)
  const flex = {
    type: 'bubble',
    body: { type: 'box', layout: 'vertical', contents: [{ type: 'text', text: '{{${first_name}}}!' }] },
  }
  const kinds = [
    ['text', '--text', 'Hi {{${first_name} | default: "you"}}, "friend"\n\\o/'],
    ['text', file('text.yaml', 'text: Hello\nsender: { name: Shop }\n')],
    ['sticker', '--package', '446', '--sticker', '1988'],
    ['image', '--original', 'https://example.com/a.jpg', '--preview', 'https://example.com/b.jpg'],
    ['carousel', file('carousel.yaml', CAROUSEL), '--unit', 'spring_1'],
    ['flex', file('flex.json', JSON.stringify({ altText: 'x', contents: flex }))],
    [
      'flex',
      file('bubble.json', JSON.stringify(flex)),
      '--alt-text',
      'Hi {{${first_name} | default: "you"}}',
    ],
  ]
  for (const args of kinds) {
    const template = await printed(args)
    const checked = await runJson(['check', template])
    t.match(checked, { code: 0, result: { status: 'ok', line: 'valid', problems: [] } }, args.join(' '))
    const sent = await runJson(['send', template, '--to', USER, '--yes'])
    t.match(sent, { code: 0, result: { status: 'accepted', answer: 200 } }, sent.stderr)
  }
  t.equal(line.received.get(USER), kinds.length)
  t.equal(line.stats.byPath[VALIDATE], kinds.length)
  t.equal(line.units.get('spring_1'), 1)
})

t.test('what is printed, for a person and for machines', async (t) => {
  const { run, runJson } = await setUp(t)
  const { code, stdout } = await run(['text', '--text', 'Hi'], {
    BRAZE_TOKEN_BLOCK: 'My_Block',
    LINE_API_BASE_URL: '',
  })
  t.equal(code, 0)
  for (const part of [
    /^Webhook URL\n-+\nhttps:\/\/api\.line\.me\/v2\/bot\/message\/push\n/,
    /\nHTTP Method\n-+\nPOST\n/,
    /\nKey: {3}Authorization\nValue: Bearer .*\{\{content_blocks\.\$\{My_Block\}\}\}/,
    /\nRequest Body: Raw Text\n-+\n\{% capture line_to %\}/,
    /\n {2}"to": "\{\{custom_attribute\.\$\{line_id\}\}\}",\n/,
  ])
    t.match(stdout, part)
  const { result } = await runJson(['text', '--text', 'Hi'], {
    LINE_API_BASE_URL: 'https://proxy.example.com',
  })
  t.strictSame(Object.keys(result), ['url', 'method', 'headers', 'body'])
  t.equal(result.url, 'https://api.line.me/v2/bot/message/push', "a proxy of ours is none of Braze's")
  t.match(
    (await run(['text', '-'], {}, { stdin: Readable.from([Buffer.from('text: piped')]) })).stdout,
    '"text": "piped"',
  )
})

t.test('docs/first-message.md: what it types runs as it is printed', async (t) => {
  const { line, known, file, run, runJson } = await setUp(t)
  await known([friend(key(USER), 5)])
  const page = readFileSync(new URL('../../docs/first-message.md', import.meta.url), 'utf8')
  const [, text] = /^npx line-braze template text --text '([^']*)' --json > hello\.json$/m.exec(page) ?? []
  t.match(page, /^npx line-braze template check hello\.json$/m)
  const { stdout } = await run(['text', '--text', text as string, '--json'])
  const hello = file('hello.json', stdout)
  t.match(await runJson(['check', hello]), {
    code: 0,
    result: { status: 'ok', line: 'valid', problems: [], warnings: [], names: ['first_name'] },
  })
  t.match(await runJson(['send', hello, '--to', USER, '--yes']), { code: 0, result: { status: 'accepted' } })
  t.match(line.pushes, [{ to: USER, received: true }])
})

t.test('carousel --help shows a file that can be printed, checked and sent', async (t) => {
  const { file, printed, command, runJson } = await setUp(t)
  const { stdout } = await command(['template', 'carousel', '--help']).ended
  const [, yaml] = /FILE is such as\n\n([\s\S]*?)\n\nwith/.exec(stdout) ?? []
  const template = await printed(['carousel', file('help.yaml', (yaml as string).replaceAll(/^ {4}/gm, ''))])
  t.match(await runJson(['check', template]), { code: 0, result: { line: 'valid', problems: [] } })
  t.match(await runJson(['send', template, '--to', USER, '--yes']), { code: 0 })
})

t.test('what is wrong with a file is told with its place', async (t) => {
  const { file, run } = await setUp(t)
  const wrong: [kind: string, text: string, message: RegExp][] = [
    [
      'carousel',
      CAROUSEL.replace('title: Coffee', `title: ${'x'.repeat(41)}`),
      /carousel:9:5: columns\[1\]\.title has 41 characters, and LINE takes 40/,
    ],
    [
      'carousel',
      CAROUSEL.replace('https://example.com/tea.jpg', 'http://example.com/tea.jpg'),
      /carousel:5:5: columns\[0\]\.thumbnailImageUrl is an http/,
    ],
    [
      'carousel',
      CAROUSEL.replace('    thumbnailImageUrl: https://example.com/coffee.jpg\n', ''),
      /carousel:\d+:\d+: columns\[1\]\.thumbnailImageUrl is missing, unlike/,
    ],
    [
      'carousel',
      CAROUSEL.replace('title: Coffee', 'titel: Coffee'),
      /carousel:9:5: columns\[1\]\.titel is no key here; perhaps title is meant/,
    ],
    [
      'carousel',
      CAROUSEL.replace('| truncate', '| trunkate'),
      /carousel:4:5: columns\[0\]\.text is no Liquid .*undefined filter: trunkate/,
    ],
    [
      'carousel',
      CAROUSEL.replace('| truncate: 20', '| json_escape'),
      /columns\[0\]\.text has json_escape; leave it out/,
    ],
    ['carousel', `${CAROUSEL}altText: again\n`, /carousel:15:1: Map keys must be unique/],
    ['carousel', 'columns: [', /carousel:1:\d+: /],
    ['carousel', 'a: &a [1]\nb: [*a, *a]', /anchors and aliases/],
    ['carousel', '', /holds no keys and values/],
    ['text', 'text: [1]', /text:1:1: text is a list/],
    ['sticker', 'packageId: 446\nstickerId: "1988"', /sticker:1:1: packageId is a number, .* in quotes/],
    ['flex', 'type: bubble\nbody: { type: bax }', /flex:2:9: contents\.body\.type .*perhaps box/],
    ['text', `# ${'x'.repeat(1_000_000)}`, /more than 1 MB/],
  ]
  for (const [kind, text, message] of wrong) {
    const more = kind === 'flex' ? ['--alt-text', 'x'] : []
    const { code, stdout, stderr } = await run([kind, file(kind, text), ...more])
    t.match({ code, stdout, stderr }, { code: 1, stdout: '', stderr: message })
  }
  t.match(await run(['carousel', 'nowhere.yaml']), { code: 1, stderr: /nowhere\.yaml is not there/ })
})

t.test('what is wrong with an option is told by its name', async (t) => {
  const { run } = await setUp(t)
  for (const [args, message] of [
    [['text'], /^--text is missing\.$/m],
    [['text', '--text', 'x'.repeat(5_001)], /^--text has 5,001 characters/],
    [['text', '--text', '{% if %}'], /^--text is no Liquid/],
    [['sticker', '--package', 'cat', '--sticker', '1'], /^--package is no number/],
    [
      ['image', '--original', 'http://a.example/', '--preview', 'https://a.example/'],
      /^--original is an http:/,
    ],
    [['text', '--text', 'x', '--unit', 'a b'], /^--unit has other characters/],
    [['text', '--text', 'x', '--unit', 'u'.repeat(31)], /^--unit has 31 characters/],
    [['text', '--text', 'x', '--channel', 'nope'], /There is no channel of that name/],
    [['carousel'], /missing required argument 'FILE'/],
    [['check', 'x', '--value', 'nothing'], /It must be such as first_name=Mia/],
    [['send', 'x'], /Say with --to or with --external-id/],
    [['send', 'x', '--to', USER, '--external-id', 'c'], /Say with --to or with --external-id/],
    [['send', 'x', '--to', `${USER},${OTHER}`], /user id of one person/],
    [['send', 'x', '--to', `C${USER.slice(1)}`], /user id of one person/],
    [['send', 'x', '--to', `R${USER.slice(1)}`], /user id of one person/],
  ] as const) {
    const { code, stdout, stderr } = await run(args)
    t.match({ code, stdout, stderr }, { code: 2, stdout: '', stderr: message }, args.join(' ').slice(0, 60))
  }
  t.match(await run(['text', '--text', 'x'], { BRAZE_ATTRIBUTE: 'a}b' }), { code: 2, stderr: /braces/ })
})

t.test('--help requires no secret, since a token does without', async (t) => {
  const { command } = await setUp(t)
  for (const args of [['template', 'check'], ['template', 'send'], ['backfill']]) {
    const { code, stdout } = await command([...args, '--help']).ended
    t.equal(code, 0)
    t.match(stdout, /^ {2}LINE_CHANNEL_SECRET .*replaced$/m, args.join(' '))
  }
  t.match((await command(['serve', '--help']).ended).stdout, /^ {2}LINE_CHANNEL_SECRET .*\(required\)$/m)
})

t.test('check works without credentials, and says that LINE was not asked', async (t) => {
  const { line, printed, run, runJson } = await setUp(t)
  const template = await printed(['text', '--text', 'Hi {{${first_name} | default: "you"}}'])
  const without = { LINE_CHANNEL_ACCESS_TOKEN: '', LINE_CHANNEL_SECRET: '' }
  t.match(await runJson(['check', template], without), {
    code: 0,
    result: { status: 'ok', line: 'not asked', problems: [], warnings: [], names: ['first_name'] },
  })
  const { stdout } = await run(['check', template], without)
  t.match(
    stdout,
    /^No value was given for first_name: all sorts were tried\.\nLINE was not asked: .*\nThe template is as it should be\.\n$/,
  )
  t.equal(line.stats.requests, 0)
})

t.test('check finds what is wrong, with its place, and fails', async (t) => {
  const { file, printed, run, runJson, line } = await setUp(t)
  const template = JSON.parse((await run(['text', '--text', 'Hi {{${first_name}}}', '--json'])).stdout)
  const edited = (edit: object) => file('edited.json', JSON.stringify({ ...template, ...edit }, null, 2))
  const { 'X-Line-Retry-Key': _, ...headers } = template.headers
  t.match(await runJson(['check', edited({ headers })]), {
    code: 1,
    result: {
      status: 'wrong',
      line: 'valid',
      problems: [{ property: 'headers.X-Line-Retry-Key', place: /edited\.json:4:3$/, message: 'is missing' }],
    },
    stderr: /^1 problem: not everybody would get the message\.$/m,
  })
  const bare = template.body.replace('{{line_text | json_escape}}', 'Hi {{${first_name}}}')
  t.match(await run(['check', edited({ body: bare })]), {
    code: 1,
    stdout:
      /^wrong: .*edited\.json:\d+:3: body is no JSON once \{\{\$\{first_name\}\}\} \(line 8, column 19\) has quotes; write/,
  })
  t.match(
    await run(['check', template.body.length > 0 ? edited({ body: bare }) : '', '--value', 'first_name=Mia']),
    { code: 1 },
  )
  t.match(await run(['check', await printed(['text', '--text', 'x']), '--value', 'first_name=Mia']), {
    code: 2,
    stderr: /^--value first_name: the template has no such name; Braze fills in nothing\.$/m,
  })
  t.match(await run(['check', file('texts.yaml', CAROUSEL)]), { code: 1, stderr: /is no webhook of Braze's/ })
  line.answerNextOf(VALIDATE, {
    status: 400,
    body: { message: 'bad', details: [{ message: 'Not so', property: 'messages[0].text' }] },
  })
  t.match(await runJson(['check', edited({})]), {
    code: 1,
    result: {
      status: 'wrong',
      line: 'invalid',
      problems: [{ property: 'messages[0].text', message: 'Not so', isOfLine: true }],
    },
  })
  line.setOutageOf(VALIDATE, { status: 500 })
  t.match(await runJson(['check', edited({})]), {
    code: 1,
    result: { status: 'failed', line: 'no answer' },
    stderr: /LINE answers 500/,
  })
})

t.test('send: whether it arrives, and what is left of the month', async (t) => {
  const { line, known, printed, run, runJson } = await setUp(t)
  await known([friend(key(USER), 5), gone(key(OTHER), 5)])
  line.setQuota(500)
  line.setQuotaUsed(123)
  const template = await printed(['text', '--text', 'Hi {{${first_name}}}'])
  t.match(await runJson(['send', template, '--to', USER, '--yes', '--value', 'first_name=Mia']), {
    code: 0,
    result: {
      status: 'accepted',
      answer: 200,
      contact: 'friend',
      quota: { limit: 500, used: 123, left: 377 },
      problems: [],
    },
  })
  const { stdout } = await run(['send', template, '--to', OTHER, '--yes'])
  t.match(
    stdout,
    /^LINE answers 200: it has taken the message\. It says so also for somebody who has blocked/,
  )
  t.match(stdout, /\nAs far as the ledger knows the person has blocked the account, or left/)
  t.match(stdout, /\n376 of 500 messages of this month are left, about\.\n$/)
  t.match(line.pushes, [
    { to: USER, received: true },
    { to: OTHER, received: false },
  ])
  t.match(await runJson(['send', template, '--to', `U${'a'.repeat(32)}`, '--yes']), {
    result: { contact: 'unknown' },
  })
  line.setQuotaUsed(500)
  const limited = await runJson(['send', template, '--to', USER, '--yes'])
  t.match(limited, { code: 1, result: { status: 'limited', answer: 429 }, stderr: /next month/ })
})

t.test('send: by external id, to the contact that Braze would send to', async (t) => {
  const { line, known, ledger, printed, run, runJson } = await setUp(t)
  await known([friend(key(OTHER), 5), messaged(key(USER), 5)])
  const [second, gone1] = [`U${'2'.repeat(32)}`, `U${'3'.repeat(32)}`]
  await known([friend(key(second), 5), gone(key(gone1), 5)])
  const link = (userId: string, externalId: string, linkedAt: number) => ({
    ...key(userId),
    externalId,
    linkedAt,
  })
  await (await ledger()).link([
    link(USER, 'c', 10),
    link(OTHER, 'c', 20),
    link(gone1, 'c', 30),
    link(gone1, 'd', 40),
  ])
  const template = await printed(['text', '--text', 'x'])
  const to = (id: string) => runJson(['send', template, '--external-id', id, '--yes'])
  t.match(await to('c'), { code: 0, result: { status: 'accepted', contact: 'friend' } })
  t.match(await to('d'), { code: 0, result: { contact: 'gone' } })
  t.match(line.pushes, [{ to: OTHER }, { to: gone1 }])
  t.equal(line.pushes.length, 2)
  t.match(await to('nobody'), { code: 1, stderr: /nobody is linked to this external id/ })
  const nowhere = { DATABASE_URL: 'file:./nowhere.db' }
  t.match(await run(['send', template, '--external-id', 'c', '--yes'], nowhere), {
    code: 1,
    stderr: /give the user id with --to/,
  })
  t.match(await runJson(['send', template, '--to', USER, '--yes'], nowhere), {
    code: 0,
    result: { contact: null },
  })
  t.equal(line.pushes.length, 3)
})

t.test('send: asks before, and never without a terminal', async (t) => {
  const { line, printed, run, runJson } = await setUp(t)
  const template = await printed(['text', '--text', 'x'])
  t.match(await run(['send', template, '--to', USER]), {
    code: 2,
    stderr: /This sends one message to one person\. Add --yes/,
  })
  for (const [answer, count] of [
    ['n\n', 0],
    ['y\n', 1],
  ] as const) {
    const stdin = Object.assign(new PassThrough(), { isTTY: true })
    stdin.write(answer)
    const { code } = await runJson(['send', template, '--to', USER], {}, { stdin })
    t.equal(code, count === 1 ? 0 : 1)
    t.equal(line.pushes.length, count)
  }
})

t.test('send: interrupted, it says whether it may have been sent', async (t) => {
  const { line, printed, command, lineEnv } = await setUp(t)
  const template = await printed(['text', '--text', 'x'])
  for (const [path, said] of [
    ['/v2/bot/message/quota', 'Interrupted; nothing was sent.\n'],
    [PUSH, 'Interrupted; whether it was sent is not known.\n'],
  ] as const) {
    line.answerNextOf(path, { kind: 'hang' })
    const count = line.stats.byPath[path] ?? 0
    const sending = command(['template', 'send', template, '--to', USER, '--yes'], {
      ...lineEnv,
      LINE_TIMEOUT_MS: '100000',
    })
    await line.until(() => (line.stats.byPath[path] ?? 0) > count)
    t.match(await sending.kill('SIGINT'), { code: 130, stderr: said })
  }
  t.equal(line.pushes.length, 0)
})

t.test('send: what LINE refuses, and nothing of it in the log', async (t) => {
  const { line, file, printed, run, runJson } = await setUp(t)
  const template = await printed(['text', '--text', 'A secret plan'])
  const send = (more: Record<string, string> = {}) =>
    runJson(['send', template, '--to', USER, '--yes'], { LOG_LEVEL: 'debug', ...more })
  line.addStranger(USER)
  const refused = await send()
  t.match(refused, {
    code: 1,
    result: { status: 'refused', answer: 400, problems: [{ isOfLine: true }] },
    stderr: /this account's provider/,
  })
  line.answerNextOf(PUSH, { status: 401, body: { message: 'Authentication failed.' } })
  t.match(await send(), {
    code: 1,
    result: { status: 'failed' },
    stderr: /LINE answers 401 .*; the token has ended or was revoked/,
  })
  line.answerNextOf(PUSH, { status: 409, body: { message: 'The retry key is already accepted' } })
  t.match(await send(), {
    code: 1,
    result: { status: 'repeated', answer: 409 },
    stderr: /Nothing new was sent/,
  })
  line.answerNextOf(PUSH, { status: 429, body: { message: 'The API rate limit has been exceeded.' } }, 3)
  const busy = await send()
  t.match(busy, {
    code: 1,
    result: { status: 'failed' },
    stderr: /LINE answers 429 .*; too many requests at once/,
  })
  for (const { stderr } of [refused, busy]) {
    t.match(stderr, '"request":"POST /v2/bot/message/push"')
    t.notMatch(stderr, USER)
    t.notMatch(stderr, 'secret plan')
    t.notMatch(stderr, line.token)
  }
  const { body, ...rest } = JSON.parse((await run(['text', '--text', 'x', '--json'])).stdout)
  const http = file('http.json', JSON.stringify({ ...rest, body, url: 'http://example.com' }))
  t.match(await runJson(['send', http, '--to', USER, '--yes']), {
    code: 1,
    stderr: /^Nothing was sent: /m,
    result: { problems: [{ property: 'url' }] },
  })
  const fixed = file(
    'fixed.json',
    JSON.stringify({ ...rest, body: body.replace(/"to": "[^"]*"/, `"to": "${OTHER}"`) }),
  )
  t.match(await runJson(['send', fixed, '--to', USER, '--yes']), {
    code: 1,
    result: { problems: [{ property: 'to' }] },
  })
  t.equal(line.pushes.length, 0)
  t.match(await run(['send', template, '--to', USER, '--yes'], { LINE_CHANNEL_ACCESS_TOKEN: '' }), {
    code: 2,
    stderr: /LINE_CHANNEL_ACCESS_TOKEN is missing/,
  })
})

t.test('several channels, each with its attribute and its block', async (t) => {
  const { list, file, command, lines, folder } = await stageChannels(t, { cafe: { followers: [USER] } })
  writeFileSync(
    file,
    JSON.stringify(list.map((channel) => ({ ...channel, tokenBlock: `${channel.name}_token` }))),
  )
  const run = (args: readonly string[]) => command(['template', ...args]).ended
  t.match(await run(['text', '--text', 'x']), {
    code: 2,
    stderr: /Say with --channel whose people it is for: shop or cafe\./,
  })
  const { stdout } = await run(['text', '--text', 'x', '--channel', 'cafe', '--json'])
  t.match(JSON.parse(stdout), {
    body: /"to": "\{\{custom_attribute\.\$\{cafe_line_id\}\}\}"/,
    headers: { Authorization: /cafe_token/ },
  })
  const template = join(folder, 'cafe.json')
  writeFileSync(template, stdout)
  t.match(await run(['check', template, '--json']), { code: 0 })
  t.match(await run(['check', template, '--channel', 'shop', '--json']), { code: 1 })
  const mixed = join(folder, 'mixed.json')
  writeFileSync(mixed, stdout.replace('cafe_token', 'shop_token'))
  t.match(
    (await run(['check', mixed])).stdout,
    /holds the token of channel shop, and the body is for channel cafe/,
  )
  t.match(await run(['send', mixed, '--to', USER, '--yes']), { code: 1 })
  t.equal(lines.cafe.pushes.length + lines.shop.pushes.length, 0)
  writeFileSync(file, JSON.stringify(list))
  t.match(await run(['text', '--text', 'x', '--channel', 'cafe']), {
    code: 2,
    stderr: /have the same tokenBlock/,
  })
})
