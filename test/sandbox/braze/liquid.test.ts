import t from 'tap'
import { type LiquidValues, readLiquid } from '../../../src/sandbox/braze/liquid.ts'

const render = (source: string, values: Partial<LiquidValues> = {}) =>
  readLiquid(source)({ attributes: {}, contentBlocks: {}, campaign: {}, ...values })
const textOf = (source: string, values: Partial<LiquidValues> = {}) => {
  const rendered = render(source, values)
  return 'text' in rendered ? rendered.text : rendered
}
const attributes = { line_id: 'U1', 'zip code': '104-0061', quote: 'a"b\\c\nd', vip: 'yes' }

t.test("Braze's names", async (t) => {
  t.equal(textOf('{{custom_attribute.${line_id}}}', { attributes }), 'U1')
  t.equal(textOf('{{ custom_attribute.${zip code} | slice: 0, 3 }}', { attributes }), '104')
  t.equal(textOf('{{campaign.${dispatch_id}}}', { campaign: { dispatch_id: 'd1' } }), 'd1')
  t.equal(textOf('[{{custom_attribute.${none}}}{{${first_name}}}]', { attributes }), '[]')
  t.equal(textOf("{{${first_name} | default: 'you'}}"), 'you')
  t.equal(textOf("{% if {{custom_attribute.${vip}}} == 'yes' %}VIP{% endif %}", { attributes }), 'VIP')
})

t.test('what stands outside of tags is text', async (t) => {
  for (const text of ['${line_id}', 'a.${b}', '{ } %} }}', '{"a":{"b":1}}', '100 %'])
    t.equal(textOf(text, { attributes }), text)
})

t.test('Content Blocks, with Liquid of their own, one level deep', async (t) => {
  const contentBlocks = {
    token: ' abc\n',
    hello: 'Hello {{custom_attribute.${line_id}}}',
    outer: '[{{content_blocks.${hello}}}]',
    outmost: '<{{content_blocks.${outer}}}>',
  }
  const captured = '{% capture t %}{{content_blocks.${token}}}{% endcapture %}Bearer {{t | strip}}'
  t.equal(textOf(captured, { contentBlocks }), 'Bearer abc')
  t.equal(textOf('{{content_blocks.${hello}}}', { contentBlocks, attributes }), 'Hello U1')
  t.equal(textOf('{{content_blocks.${outer}}}', { contentBlocks, attributes }), '[]')
  t.equal(textOf('{{content_blocks.${none}}}', { contentBlocks }), '')
  t.equal(textOf('{{content_blocks.${constructor}}}', { contentBlocks }), '')
})

t.test('filters', async (t) => {
  t.equal(
    JSON.parse(textOf('{"x":"{{custom_attribute.${quote} | json_escape}}"}', { attributes }) as string).x,
    'a"b\\c\nd',
  )
  t.equal(textOf("{{'hey' | md5}}"), '6057f13c496ecf7fd777ceb9e79ae285')
  t.equal(textOf("{{'hey' | sha1}}"), '7f550a9f4c44173a37664d938f1355f0f92a47a7')
  t.equal(textOf("{{'hey' | sha2}}"), 'fa690b82061edfd2852629aeba8a8977b57e40fcb77d1a7a28b26cba62591204')
  t.equal(textOf("{{'hey' | hmac_sha1_hex: 'secret_key'}}"), '2a3969bed25bfeefb00aca4063eb9590b4df8f0e')
  t.equal(
    textOf("{{'hey' | hmac_sha256_base64: 'secret_key'}}"),
    'jfiX+No9eZL+V8jbxvJ1eM+/LcxND7tAALjJJIQdUI4=',
  )
  t.equal(textOf("{{'hey<&>hi' | url_param_escape}}"), 'hey%3C%26%3Ehi')
  t.equal(textOf('{{custom_attribute.${none} | md5 | slice: 0, 8}}'), 'd41d8cd9')
})

t.test('aborting', async (t) => {
  const guard = (words: string) =>
    `{% if custom_attribute.\${line_id} == blank %}{% abort_message(${words}) %}{% endif %}x`
  t.equal(textOf(guard("'no id'"), { attributes }), 'x')
  for (const line_id of [undefined, null, '', ' '])
    t.same(render(guard("'no id'"), { attributes: { line_id } }), { aborted: 'no id' })
  t.same(render(guard('')), { aborted: '' })
  t.same(render(guard('"a \'quoted\' word"')), { aborted: "a 'quoted' word" })
})

t.test('extras leave no text', async (t) => {
  t.equal(textOf('a{% message_extras :key k :value v %}b'), 'ab')
})

t.test('malformed', async (t) => {
  for (const source of ['{{ x | nope }}', '{% foo %}', '{% if x %}', '{{ x', '{% capture %}', '{{ ${x }}'])
    t.throws(() => render(source), source)
  t.throws(() => render("{% include 'package.json' %}"), 'no file of this machine')
})
