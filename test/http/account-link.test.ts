import t from 'tap'
import { CUSTOMER, setUpApi } from '../harness/api.ts'
import { follow, NOW, until } from '../harness/http.ts'
import { bodyOf, USER } from '../harness/people.ts'
import { turns } from '../harness/time.ts'

const MINUTE_MS = 60_000

/** The event that LINE sends when somebody has come through its account link. */
const linked = (nonce: string, { userId = USER, timestamp = NOW + MINUTE_MS, ...more } = {}) => ({
  type: 'accountLink',
  timestamp,
  source: { type: 'user', userId },
  link: { result: 'ok', nonce },
  ...more,
})
const failed = (nonce: string) => ({ type: 'accountLink', timestamp: NOW, link: { result: 'failed', nonce } })

/** Somebody who was sent to LINE's account link, and the webhooks that tell of it. */
async function setUp(t: Parameters<typeof setUpApi>[0]) {
  const server = await setUpApi(t)
  return {
    ...server,
    async offer(linkToken = 'link-token', externalId = CUSTOMER) {
      const { status, body } = await server.ask('/api/channels/default/account-links', {
        body: { linkToken, externalId },
      })
      t.equal(status, 200)
      const url = new URL(body.url)
      return { url, nonce: url.searchParams.get('nonce') as string, expiresAt: body.expiresAt }
    },
  }
}

t.test("somebody is sent to LINE's account link, and linked when LINE says who it was", async (t) => {
  const { offer, post, customerOf, told, lines, counted, onDisk } = await setUp(t)
  const { url, nonce, expiresAt } = await offer('a+b/c=&?#')
  t.equal(url.origin + url.pathname, 'https://access.line.me/dialog/bot/accountLink')
  t.strictSame([...url.searchParams.keys()], ['linkToken', 'nonce'])
  t.equal(url.searchParams.get('linkToken'), 'a+b/c=&?#')
  t.notMatch(url.search, 'a+b/c=', 'percent-encoded')
  t.match(nonce, /^[\w-]{43}$/, '256 bits')
  t.equal(Date.parse(expiresAt), NOW + 15 * MINUTE_MS)
  t.notMatch(onDisk(), nonce, 'it is kept nowhere')
  t.not((await offer()).nonce, nonce)

  t.match(await post(bodyOf(linked(nonce), follow())), { status: 200 })
  t.equal(await customerOf(USER), CUSTOMER)
  t.match(await post(bodyOf(linked(nonce))), { status: 200 }, 'sent again')
  t.equal(await customerOf(USER), CUSTOMER)
  t.strictSame(told(), [
    'default account_link offered',
    'default account_link offered',
    'default account_link linked',
    'default account_link unchanged',
  ])
  t.equal(await counted('account_link', 'linked'), 1)
  t.notMatch(JSON.stringify(lines), new RegExp(`${USER}|${CUSTOMER}|${nonce}|link-token`))
})

t.test('a nonce that is used, unknown or over, and a link that failed, link nobody', async (t) => {
  const { offer, post, customerOf, told, time, counted } = await setUp(t)
  const { nonce } = await offer()
  const other = 'Uother'
  t.match(await post(bodyOf(linked(nonce))), { status: 200 })
  t.match(await post(bodyOf(linked(nonce, { userId: other }))), { status: 200 })
  t.match(await post(bodyOf(linked('x'.repeat(43), { userId: other }))), { status: 200 })
  const { nonce: late } = await offer()
  const timestamp = NOW + 16 * MINUTE_MS
  t.match(await post(bodyOf(linked(late, { userId: other, timestamp }))), { status: 200 })
  t.match(await post(bodyOf(failed(late), failed('never made'))), { status: 200 })
  t.equal(await customerOf(other), undefined)
  time.pass(1_000)
  for (const [outcome, count] of Object.entries({ linked: 1, used: 1, unknown: 1, expired: 1, failed: 2 })) {
    t.equal(await counted('account_link', outcome), count, outcome)
    t.ok(told().includes(`default account_link ${outcome}`), outcome)
  }
})

t.test('503 while a nonce cannot be redeemed, and the same webhook links later', async (t) => {
  const { offer, post, customerOf, ledger, recorded, lines, redeemNonce } = await setUp(t)
  const { nonce } = await offer()
  ledger.redeemNonce = async () => {
    throw new Error('the disk is full')
  }
  t.match(await post(bodyOf(linked(nonce))), { status: 503 })
  t.match(
    lines.filter(({ level }) => level === 'error'),
    [{ message: 'webhook not stored', fields: { error: /full/ } }],
  )
  t.match(await post(bodyOf(follow())), { status: 200 }, 'others have no part in it')
  t.equal(recorded.length, 2)
  ledger.redeemNonce = redeemNonce
  t.match(await post(bodyOf(linked(nonce))), { status: 200 })
  t.equal(await customerOf(USER), CUSTOMER)
})

t.test('the same where redeeming hangs, and it is counted when it is done', async (t) => {
  const { offer, post, customerOf, ledger, time, counted, redeemNonce } = await setUp(t)
  const { nonce } = await offer()
  time.pass(2_000)
  const idle = time.timers()
  const done = Promise.withResolvers<void>()
  ledger.redeemNonce = async (...args) => {
    await done.promise
    return redeemNonce(...args)
  }
  const answer = post(bodyOf(linked(nonce)))
  await until(() => time.timers() > idle)
  time.pass(1_800)
  t.match(await answer, { status: 503 })
  t.equal(await counted('account_link', 'linked'), 0)
  done.resolve()
  while ((await customerOf(USER)) !== CUSTOMER) await turns(1)
  time.pass(1_000)
  t.equal(await counted('account_link', 'linked'), 1)
})

t.test(
  'an unsigned body redeems nothing, and one without such events asks nothing of the ledger',
  async (t) => {
    const { offer, post, customerOf, ledger } = await setUp(t)
    const { nonce } = await offer()
    const body = bodyOf(linked(nonce))
    t.match(await post(body, { 'x-line-signature': `${'x'.repeat(43)}=` }), { status: 401 })
    ledger.redeemNonce = () => {
      throw new Error('was asked')
    }
    t.match(await post(bodyOf(follow())), { status: 200 })
    t.equal(await customerOf(USER), undefined)
  },
)
