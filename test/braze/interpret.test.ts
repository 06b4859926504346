import t from 'tap'
import { interpret } from '../../src/braze/interpret.ts'
import type { HttpAnswer } from '../../src/wire/client.ts'
import { foreignWords } from '../../src/wire/foreign-words.ts'
import { longUsers } from '../harness/people.ts'

const NOW = 1_800_000_000_000
const meaning = (status: number, body: unknown = '', headers: HttpAnswer['headers'] = {}, items = 3) =>
  interpret({ status, headers, body: typeof body === 'string' ? body : JSON.stringify(body) }, items, NOW)
const atIndex = (index: number, type = 'bad') => ({ type, input_array: 'attributes', index })

t.test('accepted', async (t) => {
  const all = { kind: 'accepted', rejected: new Map() }
  t.strictSame(meaning(201, { message: 'success', attributes_processed: 3 }), all)
  t.strictSame(meaning(200, { message: 'success' }), all)
  t.strictSame(meaning(202, { message: 'queued' }), all)
  t.strictSame(
    meaning(201, { message: 'success', attributes_processed: 1, errors: [atIndex(0), atIndex(2, 'worse')] }),
    {
      kind: 'accepted',
      rejected: new Map([
        [0, 'bad'],
        [2, 'worse'],
      ]),
    },
    'but for those that are named',
  )
  t.strictSame(
    meaning(201, { message: 'success', attributes_processed: 3, errors: ['something is deprecated'] }),
    all,
    'a warning, since all were processed',
  )
})

t.test('a 2xx that proves nothing is sent again', async (t) => {
  const proofless = [
    '',
    '<html>ok</html>',
    '{',
    'null',
    '"success"',
    '[]',
    {},
    { message: 'ok' },
    { message: 'queued' },
  ]
  for (const body of proofless) t.equal(meaning(201, body).kind, 'retry', JSON.stringify(body))
  t.equal(meaning(201, '').kind, 'retry')
})

t.test('errors that do not say which item make it two halves', async (t) => {
  const vague = [
    ['bad user'],
    [{ type: 'bad' }],
    [{ index: 0 }, 'bad'],
    [atIndex(3)],
    [atIndex(-1)],
    [atIndex(0.5)],
    'bad',
    [null],
  ]
  for (const errors of vague) {
    t.equal(
      meaning(201, { message: 'success', attributes_processed: 1, errors }).kind,
      'split',
      JSON.stringify(errors),
    )
  }
  t.equal(
    meaning(201, { message: 'success', errors: [{ type: 'bad', input_array: 'events', index: 0 }] }).kind,
    'split',
  )
})

t.test('refused as a whole', async (t) => {
  t.strictSame(
    meaning(400, {
      message: 'Valid data must be provided in the …',
      errors: [atIndex(0), atIndex(1), atIndex(2)],
    }),
    {
      kind: 'refused',
      rejected: new Map([
        [0, 'bad'],
        [1, 'bad'],
        [2, 'bad'],
      ]),
    },
  )
  t.strictSame(meaning(400, { message: 'no' }), { kind: 'split', reason: 'Braze answers 400: no' })
  t.strictSame(meaning(400, { message: 'no', errors: ['really'] }), {
    kind: 'split',
    reason: 'Braze answers 400: no; really',
  })
  t.strictSame(meaning(400, { message: { not: 'text' } }), {
    kind: 'split',
    reason: 'Braze answers 400: {"not":"text"}',
  })
  const { reason } = meaning(400, { message: 'x'.repeat(5_000) }) as { reason: string }
  t.ok(reason.length < 400, 'words are kept short')
})

t.test(
  'a refusal without a word of Braze proves nothing against a contact: a proxy answers so, too',
  async (t) => {
    for (const status of [400, 413, 422]) {
      for (const body of ['', '<html>', 'null', '[]', '{}', '{"errors":[]}']) {
        t.equal(meaning(status, body, {}, 1).kind, 'retry', `${status} ${body}`)
      }
    }
    t.equal(meaning(400, '<html>').kind, 'retry')
    t.equal(meaning(413, '<html>').kind, 'split', 'a smaller body may pass')
  },
)

t.test('what a person must mend', async (t) => {
  for (const status of [401, 403, 404]) {
    const { kind, reason } = meaning(status, { message: 'x' }) as { kind: string; reason: string }
    t.equal(kind, 'pause')
    t.match(reason, `${status}`)
    t.match(reason, /BRAZE_|users\.track/)
  }
})

t.test('anything else is tried again', async (t) => {
  for (const status of [100, 301, 302, 307, 402, 405, 408, 409, 418, 500, 502, 503, 504, 599]) {
    t.equal(meaning(status, { message: 'success' }).kind, 'retry', String(status))
  }
})

t.test('429 in every dialect', async (t) => {
  const waits = (headers: HttpAnswer['headers']) => (meaning(429, '', headers) as { forMs?: number }).forMs
  const epoch = NOW / 1000 + 30
  t.equal(waits({ 'retry-after': '7', 'x-ratelimit-reset': String(epoch) }), 7_000, 'the standard first')
  t.equal(waits({ 'retry-after': new Date(NOW + 9_000).toUTCString() }), 9_000)
  t.equal(waits({ 'x-ratelimit-retry-after': '3', 'x-ratelimit-reset': '60' }), 3_000)
  t.equal(waits({ 'x-ratelimit-reset': String(epoch) }), 30_000, 'an epoch')
  t.equal(waits({ 'x-ratelimit-reset': '40' }), 40_000, 'seconds that remain')
  t.equal(waits({ 'x-ratelimit-reset': ['40', '50'] }), 40_000)
  for (const past of [String(NOW / 1000 - 10), '0', '-5']) {
    t.equal(waits({ 'x-ratelimit-reset': past }), undefined, 'the clocks differ: back off on our own')
  }
  t.equal(
    waits({ 'retry-after': 'soon', 'x-ratelimit-reset': '5' }),
    5_000,
    'what makes no sense is passed over',
  )
  for (const silly of ['86400', '1e12', '-5e99x', 'NaN', '']) {
    t.equal(waits({ 'x-ratelimit-reset': silly }), undefined, silly)
  }
  t.equal(waits({}), undefined)
})

t.test('thousands of errors are a short reason, and cost as little as a few', async (t) => {
  const errors = Array.from({ length: 3_000 }, (_, i) => `${'x'.repeat(100)} ${i}`)
  let calls = 0
  const words = (said: unknown) => {
    calls += 1
    return foreignWords(said)
  }
  const say = (status: number, errors: unknown[]) =>
    interpret(
      { status, headers: {}, body: JSON.stringify({ message: 'success', attributes_processed: 0, errors }) },
      75,
      NOW,
      words,
    )
  for (const status of [201, 400]) {
    const { kind, reason } = say(status, errors) as { kind: string; reason: string }
    t.equal(kind, 'split')
    t.equal(reason.length, 300)
  }
  t.equal(calls, 2, 'once for a reason')
  const named = errors.map((type, i) => atIndex(i % 75, type))
  const { rejected } = say(201, named) as { rejected: ReadonlyMap<number, string> }
  t.equal(rejected.size, 75)
  t.ok([...rejected.values()].every((failure) => failure.length <= 300))
  t.equal(calls, 2 + 75, 'once for an item')
})

t.test('all that Braze says goes through `words`, whole', async (t) => {
  const [user = ''] = longUsers(1)
  const hidden = { ids: [user], secrets: ['the-api-key'] }
  const told = `${'x'.repeat(280)}${user} the-api-key\n`
  const say = (status: number, body: object) =>
    interpret({ status, headers: {}, body: JSON.stringify(body) }, 2, NOW, (said) =>
      foreignWords(said, hidden),
    )
  const meanings = [
    say(400, { message: told }),
    say(400, { message: { [told]: told }, errors: [told, { type: told }] }),
    say(201, { message: 'success', attributes_processed: 0, errors: [told] }),
    say(201, { message: 'success', attributes_processed: 1, errors: [atIndex(0, told)] }),
    say(400, { message: 'no', errors: [{ index: 1, of: told }] }),
    say(413, { message: told }),
    ...[401, 403, 404, 429, 500].map((status) => say(status, { message: told })),
  ]
  for (const meaning of meanings) {
    const all = [
      ...('rejected' in meaning ? meaning.rejected.values() : []),
      'reason' in meaning ? meaning.reason : '',
    ].join()
    t.notMatch(all, /f{4}|the-api|[\n]/, all)
  }
  t.match(meanings[0], { reason: /^Braze answers 400: x{280}<$/ })
})
