import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { friend } from '../../src/contact/contact.ts'
import { LOOK_MS } from '../../src/http/page/live.ts'
import { DAY_MS } from '../../src/ledger/ledger.ts'
import { TOKENS } from '../harness/api.ts'
import { saidBy, setUp, until } from '../harness/http.ts'
import { FORM, setUpPage } from '../harness/page.ts'
import { key, USER } from '../harness/people.ts'
import { turns } from '../harness/time.ts'

/** What only who has signed in may ask for. */
const DATA = [
  '/page/session',
  '/page/events',
  '/page/reach?days=31',
  '/page/growth?days=30',
  '/page/growth.csv',
]

t.test('there is no page without API_TOKENS, and none where only webhooks are taken', async (t) => {
  const without = await setUp(t)
  const apart = await setUpPage(t, TOKENS, ['webhooks'])
  for (const { url } of [without, apart])
    for (const path of ['/', '/page/sign-in', '/page/files/page.css', '/page/people', ...DATA])
      for (const method of ['GET', 'POST'])
        t.equal((await fetch(url + path, { method, redirect: 'manual' })).status, 404, `${method} ${path}`)
})

t.test('a stranger gets a form and nothing else', async (t) => {
  const { ask } = await setUpPage(t)
  const { status, text, headers } = await ask('/')
  t.equal(status, 200)
  t.equal(headers.get('content-type'), 'text/html; charset=utf-8')
  t.match(text, /<form method="post" action="\/page\/sign-in">/)
  t.match(text, 'type="password"')
  for (const cookie of [
    '',
    'line-braze-session=',
    'line-braze-session=x',
    `line-braze-session=${TOKENS[0]}`,
  ]) {
    for (const path of DATA) t.equal((await ask(path, { cookie })).status, 401, path)
    t.equal((await ask('/page/people', { method: 'POST', cookie, body: '{"name":"a"}' })).status, 401)
    t.match((await ask('/', { cookie })).text, '<h1>Sign in</h1>')
  }
})

t.test(
  'every answer says that it runs, shows and asks only what is from here, and is framed nowhere',
  async (t) => {
    const { ask, signIn } = await setUpPage(t)
    const answers = [
      await ask('/'),
      await signIn(TOKENS[0]),
      await ask('/page/session'),
      await ask('/page/files/page.css'),
      await ask('/page/sign-out', { method: 'POST' }),
    ]
    for (const { headers } of answers) {
      const policy = new Map(
        headers
          .get('content-security-policy')
          ?.split('; ')
          .map((part) => [part.split(' ')[0], part.split(' ').slice(1).join(' ')]),
      )
      t.equal(policy.get('default-src'), "'none'")
      for (const name of ['script-src', 'style-src', 'connect-src', 'img-src', 'form-action'])
        t.equal(policy.get(name), "'self'", name)
      t.equal(policy.get('frame-ancestors'), "'none'")
      t.equal(policy.get('base-uri'), "'none'")
      t.equal(headers.get('x-content-type-options'), 'nosniff')
      t.equal(headers.get('referrer-policy'), 'same-origin')
      t.equal(headers.get('x-frame-options'), 'DENY')
    }
    const PAGE = new URL('../../src/page/', import.meta.url)
    const files = readdirSync(PAGE).filter((name) => /\.(html|css|js|svg)$/.test(name))
    t.ok(files.length > 10)
    for (const name of files) {
      const text = readFileSync(new URL(name, PAGE), 'utf8').replace('xmlns="http://www.w3.org/2000/svg"', '')
      t.notMatch(
        text,
        /https?:\/\/|\bstyle=|\son\w+=|<script>|<style|innerHTML|insertAdjacentHTML|localStorage/,
        name,
      )
    }
  },
)

t.test('a token signs in: 303, and a cookie that scripts and other sites do not see', async (t) => {
  const { signIn, ask, lines } = await setUpPage(t)
  for (const token of TOKENS) {
    const { status, headers, text } = await signIn(` ${token}\n`)
    t.equal(status, 303)
    t.equal(headers.get('location'), '/')
    const [cookie = ''] = headers.getSetCookie()
    t.match(
      cookie,
      /^line-braze-session=\d{13}\.[\w-]+\.[\w-]+; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/,
    )
    t.notMatch(cookie + text + JSON.stringify(lines), token)
    const session = cookie.split(';')[0] ?? ''
    t.match((await ask('/', { cookie: `other=1; ${session}; more=2` })).text, 'id="status"')
    t.equal((await ask('/page/session', { cookie: session })).status, 204)
  }
})

t.test('by https the cookie is Secure, and its name is one that no other host can set', async (t) => {
  const { signIn, ask } = await setUpPage(t)
  const https = { 'x-forwarded-proto': 'https, http' }
  const [cookie = ''] = (await signIn(TOKENS[0], https)).headers.getSetCookie()
  t.match(cookie, /^__Host-line-braze-session=.*; HttpOnly; SameSite=Strict; Secure$/)
  const [session = ''] = cookie.split(';')
  t.equal((await ask('/page/session', { cookie: session, headers: https })).status, 204)
  // Set by another host of the domain, perhaps.
  const plain = session.replace('__Host-', '')
  t.equal((await ask('/page/session', { cookie: plain, headers: https })).status, 401)
})

t.test('a wrong token is answered after a second, told of, and printed nowhere', async (t) => {
  const { signIn, time, lines } = await setUpPage(t)
  const timers = time.timers()
  const answers = ['wrong-token-of-some-length', '', `${TOKENS[0]}x`].map((token) => signIn(token))
  let isAnswered = false
  void Promise.race(answers).then(() => {
    isAnswered = true
  })
  // One more for the lines of a kind that rest.
  await until(() => time.timers() >= timers + 3 + 2)
  t.notOk(isAnswered)
  time.pass(1_000)
  for (const { status, headers, text } of await Promise.all(answers)) {
    t.equal(status, 401)
    t.strictSame(headers.getSetCookie(), [])
    t.match(text, /role="alert">[^<]*none of the tokens/)
    t.notMatch(text, 'wrong-token')
  }
  t.match(lines, [
    { level: 'warn', message: 'somebody could not sign in to the page', fields: { token: /wrong|missing/ } },
  ])
  t.notMatch(JSON.stringify(lines), /wrong-token-of|new-api/)
})

t.test('many wrong tokens at once keep neither connections nor who has the right one', async (t) => {
  const { signIn, time } = await setUpPage(t)
  const timers = time.timers()
  const waiting = Array.from({ length: 8 }, (_, i) => signIn(`wrong ${i}`))
  await until(() => time.timers() >= timers + 8)
  const { status, headers } = await signIn('one more')
  t.equal(status, 429)
  t.equal(headers.get('retry-after'), '1')
  t.equal((await signIn(TOKENS[1])).status, 303)
  time.pass(1_000)
  for (const answer of waiting) t.equal((await answer).status, 401)
})

t.test('what another page makes a browser send is refused', async (t) => {
  const { ask, session, url, find } = await setUpPage(t)
  const cookie = await session()
  const { host } = new URL(url)
  const foreign = [
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site', origin: url },
    { 'sec-fetch-site': 'none' },
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: `http://evil.${host}` },
  ]
  for (const headers of foreign)
    for (const path of ['/page/sign-in', '/page/sign-out', '/page/people'])
      t.match(
        await ask(path, {
          method: 'POST',
          cookie,
          headers: { ...headers, 'content-type': FORM },
          body: `token=${TOKENS[0]}`,
        }),
        { status: 403 },
        `${path} ${JSON.stringify(headers)}`,
      )
  t.equal((await find('somebody', cookie)).status, 200, 'it is still signed in')
  for (const headers of [
    { origin: url },
    { 'sec-fetch-site': 'same-origin', origin: 'https://proxy.example' },
  ])
    t.equal(
      (await ask('/page/sign-out', { method: 'POST', headers: headers as Record<string, string> })).status,
      303,
    )
})

t.test('who signs out is out, whoever has a copy of the cookie', async (t) => {
  const server = await setUpPage(t)
  const { ask, session } = server
  const [cookie, other] = [await session(), await session()]
  const [viewer, others] = [await watch(server, cookie), await watch(server, other)]
  await until(() => [viewer, others].every(({ views }) => views().length > 0))
  const ended = once(viewer.socket, 'close')
  const { status, headers } = await ask('/page/sign-out', { method: 'POST', cookie })
  t.equal(status, 303)
  t.match(headers.getSetCookie()[0], /^line-braze-session=; Path=\/; Max-Age=0; HttpOnly; SameSite=Strict$/)
  await ended
  t.equal((await ask('/page/session', { cookie })).status, 401)
  t.equal((await ask('/page/session', { cookie: other })).status, 204)
  t.ok(await others.next(), 'the other session goes on')
})

t.test('a session is known by every server that has its token, and by none that has not', async (t) => {
  const first = await setUpPage(t)
  const cookie = await first.session(TOKENS[1])
  const restarted = await setUpPage(t, [...TOKENS].reverse())
  t.equal((await restarted.ask('/page/session', { cookie })).status, 204)
  const without = await setUpPage(t, [TOKENS[0], 'another-token'])
  t.equal((await without.ask('/page/session', { cookie })).status, 401)
  t.match((await without.ask('/', { cookie })).text, '<h1>Sign in</h1>')
})

t.test('files are kept by browsers and asked for again, and there are no others', async (t) => {
  const { ask } = await setUpPage(t)
  for (const [name, type] of [
    ['desk.js', 'text/javascript'],
    ['page.css', 'text/css'],
    ['icon.svg', 'image/svg+xml'],
    ['lib/uPlot.js', 'text/javascript'],
    ['lib/uPlot.css', 'text/css'],
  ] as const) {
    const { status, headers, text } = await ask(`/page/files/${name}`)
    t.equal(status, 200, name)
    t.equal(headers.get('content-type'), `${type}; charset=utf-8`)
    t.equal(headers.get('cache-control'), 'no-cache')
    t.ok(text.length > 100)
    const again = await ask(`/page/files/${name}`, {
      headers: { 'if-none-match': headers.get('etag') ?? '' },
    })
    t.strictSame([again.status, again.text], [304, ''])
  }
  for (const name of [
    'desk.html',
    'tsconfig.json',
    '..%2fhttp%2fpage%2fpage.ts',
    'lib/',
    'lib/uPlot.iife.js',
    '%2e%2e/cli.ts',
  ])
    t.equal((await ask(`/page/files/${name}`)).status, 404, name)
})

/** What a stream has said so far, by looks. */
async function watch(
  { open, time }: Pick<Awaited<ReturnType<typeof setUpPage>>, 'open' | 'time'>,
  cookie: string,
) {
  const socket = await open()
  socket.write(`GET /page/events HTTP/1.1\r\nhost: x\r\ncookie: ${cookie}\r\n\r\n`)
  let said = ''
  socket.on('data', (piece) => {
    said += piece
  })
  const views = () => Array.from(said.matchAll(/^data: (.*)$/gm), ([, json = '']) => JSON.parse(json))
  return {
    socket,
    said: () => said,
    views,
    async next() {
      const before = views().length
      while (views().length === before) {
        time.passToNext()
        await turns(5)
      }
      return views().at(-1)
    },
  }
}

t.test('who looks is told at once, and again every two seconds', async (t) => {
  const server = await setUpPage(t)
  const { store, meter, session, asked, time, delivery } = server
  await store.record([friend(key(USER), 1_000)])
  await store.report({
    id: 'this',
    version: '1',
    upMs: 5_000,
    state: 'delivering',
    reason: null,
    activity: [],
  })
  await store.beginRun('backfill', 'default', 5)
  meter.stored('default', 3)
  const viewer = await watch(server, await session())
  await until(() => viewer.views().length === 1)
  t.match(viewer.said(), /^HTTP\/1.1 200 OK\r\n[\s\S]*content-type: text\/event-stream/i)
  t.match(viewer.said(), 'retry: 2000\n')
  const [view] = viewer.views()
  t.match(view, {
    health: { status: 'degraded', delivery: { state: 'delivering', pending: 4, failed: 5 }, channels: [{}] },
    servers: [{ name: 'this', isThis: true, isSilent: false, state: 'delivering' }],
    delivery: { state: 'nobody' },
    runs: [{ kind: 'backfill', state: 'listing' }],
    failures: { reasons: [], isPartial: false },
    quotas: [{ channel: 'default', quota: { limit: 500, used: 20 } }],
    meter: { events: { default: [] } },
  })
  t.equal(view.meter.events.default.at(-1), 3)
  t.notMatch(viewer.said(), USER, 'no user id is in it')
  delivery.state = 'paused'
  t.match(await viewer.next(), { health: { delivery: { state: 'paused' } } })
  t.equal(asked.looks, 2)

  const watching = time.timers()
  viewer.socket.destroy()
  // The next look, and the end of the session.
  await until(() => time.timers() === watching - 2)
  time.pass(LOOK_MS * 5)
  await turns(50)
  t.equal(asked.looks, 2, 'nobody looks, and nobody is asked')
})

t.test('a hundred viewers cost the ledger what one does, and one more is asked to come later', async (t) => {
  const server = await setUpPage(t)
  const { session, asked, ask } = server
  const cookie = await session()
  const viewers = await Promise.all(Array.from({ length: 100 }, () => watch(server, cookie)))
  await until(() => viewers.every(({ views }) => views().length > 0))
  t.ok(asked.looks <= 2, `${asked.looks} looks`)
  const more = await ask('/page/events', { cookie })
  t.equal(more.status, 503)
  const before = asked.looks
  await viewers[0]?.next()
  await until(() => viewers.every(({ views }) => views().length > 1))
  t.equal(asked.looks, before + 1)
  // Whoever leaves makes room.
  viewers[0]?.socket.destroy()
  const next = await watch(server, cookie)
  await until(() => next.views().length > 0)
})

t.test('a ledger that hangs or fails leaves the rest to be seen', async (t) => {
  const server = await setUpPage(t)
  const { session, state, ledger } = server
  state.isHanging = true
  const viewer = await watch(server, await session())
  t.match(await viewer.next(), { servers: null, runs: null, delivery: null, health: { status: 'degraded' } })
  state.isHanging = false
  state.failure = ledger.failure = new Error('The disk is full.')
  let view = await viewer.next()
  while (!view.health.ledger.error) view = await viewer.next()
  t.match(view, { servers: null, health: { ledger: { error: 'The disk is full.' } } })
})

t.test('a stop ends all streams at once', async (t) => {
  const server = await setUpPage(t)
  const cookie = await server.session()
  const viewers = await Promise.all([watch(server, cookie), watch(server, cookie)])
  await until(() => viewers.every(({ views }) => views().length > 0))
  const ended = viewers.map(({ socket }) => once(socket, 'close'))
  await server.app.close()
  await Promise.all(ended)
  t.equal(
    viewers.every(({ said }) => said().endsWith('0\r\n\r\n')),
    true,
    'to their last byte',
  )
})

t.test('a stream ends with its session', async (t) => {
  const server = await setUpPage(t)
  const viewer = await watch(server, await server.session())
  await until(() => viewer.views().length > 0)
  const ended = saidBy(viewer.socket)
  server.time.pass(12 * 3_600_000)
  await ended
})

t.test('people over time, and growth, are read once for all who look, as JSON and CSV', async (t) => {
  const server = await setUpPage(t)
  const { ask, session, store, asked, state, time } = server
  await store.record([friend(key('u1'), Date.now()), friend(key('u2'), Date.now())])
  await store.keepSample()
  const cookie = await session()
  const [reach, again] = await Promise.all([
    ask('/page/reach?days=31', { cookie }),
    ask('/page/reach?days=31', { cookie }),
  ])
  t.match(JSON.parse(reach.text), [
    { channel: 'default', friend: [2], messager: [0], gone: [0], linked: [0] },
  ])
  t.equal(again.text, reach.text)
  t.equal(asked.samples, 1)
  const today = new Date(Date.now() + 9 * 3_600_000).toISOString().slice(0, 10)
  const growth = JSON.parse((await ask('/page/growth?days=30', { cookie })).text)
  t.match(growth.at(-1), { channel: 'default', day: today, followed: 2, listed: 0, blocked: 0, reachable: 2 })
  const { headers, text } = await ask('/page/growth.csv?days=30', { cookie })
  t.equal(headers.get('content-type'), 'text/csv; charset=utf-8')
  t.match(headers.get('content-disposition'), 'attachment')
  t.match(text, /^day,channel,followed,listed,returned,blocked,lapsed,reachable/)
  t.match(text, `\n${today},default,2,0,0,0,0,2`)
  for (const days of ['0', '5', '-1', 'x', '1000000'])
    t.equal((await ask(`/page/reach?days=${days}`, { cookie })).status, 400, days)
  time.pass(DAY_MS)
  state.failure = new Error('/secret/path is full')
  const failed = await ask('/page/growth?days=30', { cookie })
  t.equal(failed.status, 503)
  t.notMatch(failed.text, 'secret')
})

t.test('a person is found by user id and by external id, and the log says neither', async (t) => {
  const { store, session, find, lines, state, time } = await setUpPage(t)
  await store.record([friend(key(USER), 1_700_000_000_000)])
  await store.link([{ ...key(USER), externalId: 'customer 1', linkedAt: 1_700_000_000_001 }])
  const cookie = await session()
  for (const name of [USER, ` ${USER} `, 'customer 1']) {
    const { status, text } = await find(name, cookie)
    t.equal(status, 200)
    t.match(JSON.parse(text).people, [
      { userId: USER, channel: 'default', externalId: 'customer 1', why: /./ },
    ])
  }
  t.strictSame(JSON.parse((await find('nobody', cookie)).text), { people: [] })
  for (const name of ['', '  ', 5, null, undefined, ['a']]) t.equal((await find(name, cookie)).status, 400)
  state.failure = new Error('PostgreSQL takes no such text.')
  for (const name of ['customer\u0000 1', '\ud800', 'a\nb']) {
    const { status, text } = await find(name, cookie)
    t.strictSame(
      [status, JSON.parse(text)],
      [200, { people: [] }],
      'the ledger is not asked for what is no id',
    )
  }
  state.failure = undefined
  state.isHanging = true
  const late = find('customer 1', cookie)
  await turns(50)
  await until(() => time.passToNext())
  t.equal((await late).status, 503)
  t.notMatch(JSON.stringify(lines), /customer 1|U0123/)
})
