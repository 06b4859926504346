import { once } from 'node:events'
import { get } from 'node:http'
import t from 'tap'
import { FORM } from '../harness/page.ts'
import { stage } from '../harness/stage.ts'

const TOKEN = 'the-token-of-the-operator'

t.test('serve has the page at the private address alone, live, until SIGTERM', async (t) => {
  const { serve, line: connect, braze } = await stage(t)
  const server = await serve({ API_TOKENS: TOKEN, PRIVATE_PORT: '0', LOG_LEVEL: 'info' })
  const listening = await server.logged((entry) => entry.msg === 'listening')
  const url = String(listening.privateUrl)
  t.equal((await fetch(server.url)).status, 404, 'not where LINE posts to')
  t.match(await (await fetch(url)).text(), '<h1>Sign in</h1>')

  const answer = await fetch(`${url}/page/sign-in`, {
    method: 'POST',
    redirect: 'manual',
    headers: { 'content-type': FORM },
    body: new URLSearchParams({ token: TOKEN }),
  })
  t.equal(answer.status, 303)
  const cookie = answer.headers.getSetCookie()[0]?.split(';')[0] ?? ''
  const [stream] = await once(get(`${url}/page/events`, { headers: { cookie } }), 'response')
  stream.setEncoding('utf8')
  let said = ''
  const { promise: seen, resolve } = Promise.withResolvers<void>()
  stream.on('data', (piece: string) => {
    said += piece
    const views = Array.from(said.matchAll(/^data: (.*)$/gm), ([, json = '']) => JSON.parse(json))
    const view = views.at(-1)
    if (view?.health.ledger.friend === 1 && view.meter.accepted.some((count: number) => count > 0)) resolve()
  })
  const line = connect(server.url)
  const userId = line.events.user()
  await line.post([line.events.follow(userId)])
  await braze.until(() => braze.attribute(userId) === userId)
  await seen
  t.match(said, '"isDelivering":true')
  t.notMatch(said, userId)

  const find = await fetch(`${url}/page/people`, {
    method: 'POST',
    headers: { cookie },
    body: JSON.stringify({ name: userId }),
  })
  t.match(await find.json(), { people: [{ userId, status: 'friend', why: /^Yes/ }] })

  const ended = once(stream, 'end')
  t.strictSame(await server.stop(), { code: 0, signal: null })
  await ended
  const log = JSON.stringify(server.lines)
  for (const secret of [TOKEN, userId, cookie.split('=')[1] ?? '']) t.notOk(log.includes(secret))
})

t.test('serve without API_TOKENS has no page', async (t) => {
  const { serve } = await stage(t)
  const server = await serve()
  for (const path of ['/', '/page/sign-in', '/page/files/desk.js'])
    t.equal((await fetch(server.url + path)).status, 404, path)
})
