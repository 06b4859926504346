import t from 'tap'
import { Aborted, LiquidError, readLiquid } from '../../src/message/liquid.ts'

const render = (source: string, values: Record<string, string> = {}) =>
  readLiquid(source).render((name) => values[name])

t.test('what Braze fills in, in each of its ways', async (t) => {
  const values = { first_name: 'Mia', 'custom_attribute.line id': 'U1', 'content_blocks.a-b': 'block' }
  t.equal(render('Hi {{${first_name}}}, {{ ${first_name} | upcase }}', values), 'Hi Mia, MIA')
  t.equal(render('{{custom_attribute.${line id}}}/{{content_blocks.${a-b}}}', values), 'U1/block')
  t.equal(render("{% if {{custom_attribute.${line id}}} == 'U1' %}yes{% endif %}", values), 'yes')
  t.equal(
    render("{% if ${first_name} == 'Mia' and custom_attribute.${none} == blank %}yes{% endif %}", values),
    'yes',
  )
  t.equal(render('{% assign a = {{${first_name}}} | append: "!" %}{{a}}', values), 'Mia!')
  t.equal(render('{% capture a %}{{${first_name}}}{% endcapture %}{{a | strip}}', values), 'Mia')
  t.equal(render('{{${none} | default: "you"}}'), 'you')
  t.equal(
    render('${first_name} outside, {% raw %}{{${first_name}}}{% endraw %}', values),
    '${first_name} outside, {{${first_name}}}',
  )
})

t.test('each name once, also where it is not reached', async (t) => {
  const { names } = readLiquid('{{${a}}}{% if false %}{{event_properties.${b}}}{% endif %}{{${a}}} ${c}')
  t.strictSame(names, ['a', 'event_properties.b'])
})

t.test("Braze's filters", async (t) => {
  for (const [source, result] of [
    ["{{'hey' | md5}}", '6057f13c496ecf7fd777ceb9e79ae285'],
    ["{{'hey' | sha1}}", '7f550a9f4c44173a37664d938f1355f0f92a47a7'],
    ["{{'hey' | sha2}}", 'fa690b82061edfd2852629aeba8a8977b57e40fcb77d1a7a28b26cba62591204'],
    ["{{'blah' | base64}}", 'YmxhaA=='],
    ["{{'hey' | hmac_sha1_hex: 'secret_key'}}", '2a3969bed25bfeefb00aca4063eb9590b4df8f0e'],
    ["{{'hey' | hmac_sha1_base64: 'secret_key'}}", 'KjlpvtJb/u+wCspAY+uVkLTfjw4='],
    [
      "{{'hey' | hmac_sha256_hex: 'secret_key'}}",
      '8df897f8da3d7992fe57c8dbc6f27578cfbf2dcc4d0fbb4000b8c924841d508e',
    ],
    ["{{'hey<>hi' | url_escape}}", 'hey%3C%3Ehi'],
    ["{{'hey<&>hi' | url_param_escape}}", 'hey%3C%26%3Ehi'],
    ['{{123456 | number_with_delimiter}}', '123,456'],
    ['{{nothing | json_escape}}', ''],
    ["{{'0123456789' | slice: 2, 3}}", '234'],
  ] as const)
    t.equal(render(source), result, source)
})

t.test('json_escape makes of any text the inside of a JSON text', async (t) => {
  for (const value of ['a"b', 'a\\b', 'a\r\nb\tc', '\u0000\u2028', '👩‍👩‍👧‍👦', '</script>', ''])
    t.equal(JSON.parse(`"${render('{{${a} | json_escape}}', { a: value })}"`), value)
})

t.test('tags that fetch or note something leave no text', async (t) => {
  t.equal(
    render(
      'a{% message_extras :key k :value {{${v}}} %}b{% connected_content https://a.example/{{${v}}} :save c %}',
    ),
    'ab',
  )
})

t.test('abort_message ends the message', async (t) => {
  for (const [source, reason] of [
    ["{% abort_message('no points') %}", 'no points'],
    ['{% abort_message("no") %}', 'no'],
    ['{% abort_message() %}', ''],
    ["{% capture a %}{% if true %}{% abort_message('deep') %}{% endif %}{% endcapture %}", 'deep'],
  ] as const)
    t.throws(() => render(source), new Aborted(reason), source)
})

t.test('Liquid that is none, with its line', async (t) => {
  for (const [source, line, message] of [
    ['a\n{{ x | nope }}', 2, /undefined filter: nope/],
    ['{% nope %}', 1, /tag "nope" not found/],
    ['a\nb\n{% if x %}', 3, /not closed/],
    ['{{ ${x', 1, /not closed/],
    ['{{ x', 1, /not closed/],
    ['{% for %}', 1, /illegal tag/],
  ] as const)
    t.throws(() => readLiquid(source), { name: 'LiquidError', line, message }, source)
})

t.test('no file of this machine comes into a message', async (t) => {
  for (const tag of ['include', 'render', 'layout'])
    t.throws(() => readLiquid(`{% ${tag} './package.json' %}`), {
      name: 'LiquidError',
      message: `tag "${tag}" not found`,
    })
})

t.test('names that every object has are names like others', async (t) => {
  const names = ['__proto__', 'constructor', '__proto__.a', 'constructor.b']
  const template = readLiquid('{{${__proto__}}}{{${constructor}}}{{__proto__.${a}}}{{constructor.${b}}}{{a}}')
  t.strictSame(template.names, names)
  t.equal(
    template.render((name) => `<${name}>`),
    names.map((name) => `<${name}>`).join(''),
  )
})

t.test('a megabyte of anything is read at once', async (t) => {
  const many = (part: string) => part.repeat(1_000_000 / part.length)
  t.throws(() => readLiquid('{{${a}}}'.repeat(10_001)), {
    message: 'it has more than 10,000 tags and outputs',
  })
  t.equal(render('{{${a}}}'.repeat(10_000)), '')
  for (const source of [
    '{% raw %}',
    '{{${a}}}',
    '${a}',
    'x',
    '{{',
    '{%',
    '{{x.${',
    '}}',
    '{% comment %}',
    ' ',
  ].map(many)) {
    const startedAt = performance.now()
    try {
      readLiquid(source)
    } catch (error) {
      if (!(error instanceof LiquidError)) throw error
    }
    t.ok(performance.now() - startedAt < 10_000, source.slice(0, 20))
  }
})

t.test('a loop that would never end, or fill the memory, ends', async (t) => {
  for (const source of [
    '{% assign a = "xxxxxxxxxx" %}{% for i in (1..90) %}{% assign a = a | base64 %}{% endfor %}{{a}}',
    `{% assign a = "${'x'.repeat(100_000)}" %}{% for i in (1..3000) %}{{a}}{% endfor %}`,
    '{% for i in (1..1000000000) %}x{% endfor %}',
    '{% assign a = "xxxxxxxxxx" %}{% for i in (1..100) %}{% assign a = a | append: a %}{% endfor %}{{a}}',
  ])
    t.throws(() => render(source), LiquidError, source)
})
