import t from 'tap'
import { readIdentify, readRename } from '../../src/braze/identity.ts'
import type { HttpAnswer } from '../../src/wire/client.ts'
import { foreignWords } from '../../src/wire/foreign-words.ts'

const options = { now: 1_800_000_000_000, words: (said: unknown) => foreignWords(said, { ids: ['Uone'] }) }
const answer = (status: number, body: object | string = {}, headers = {}): HttpAnswer => ({
  status,
  headers,
  body: typeof body === 'string' ? body : JSON.stringify(body),
})

for (const [name, read, permission] of [
  ['identify', readIdentify, /users\.identify/],
  ['alias/update', readRename, /users\.alias\.update/],
] as const) {
  t.test(name, async (t) => {
    const success = { message: 'success', aliases_processed: 1 }
    t.match(read(answer(201, success), options), { kind: 'done', value: { errors: 0 }, restMs: 3 })
    t.match(read(answer(202, { message: 'queued' }), options), { kind: 'done' })
    t.match(read(answer(201, { ...success, errors: [{ type: 'x', index: 0 }] }), options), {
      kind: 'done',
      value: { errors: 1 },
    })
    t.match(
      read(answer(201, success, { 'x-ratelimit-limit': '20000' }), options),
      { restMs: 0 },
      'the pace is what Braze says',
    )
    const usedUp = { 'x-ratelimit-limit': '2', 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '30' }
    t.match(read(answer(201, success, usedUp), options), { restMs: 30_000 })
    for (const nothing of [answer(200, '<html>'), answer(201), answer(500), answer(302)])
      t.equal(read(nothing, options).kind, 'retry')
    t.match(read(answer(429), options), { kind: 'wait', forMs: undefined })
    t.match(read(answer(403), options), { kind: 'forbidden', reason: permission })
    t.match(read(answer(401), options), { kind: 'pause', reason: /BRAZE_API_KEY/ })
    t.match(read(answer(404), options), { kind: 'pause', reason: /BRAZE_REST_ENDPOINT/ })
    t.match(read(answer(400, { message: 'Uone is\nbad' }), options), {
      kind: 'refused',
      reason: 'Braze answers 400: <user id> is bad',
    })
  })
}
