import { spawn, spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { lastLine, stage } from '../harness/stage.ts'

/** docs/customers.md is tried as it stands: what it shows must work for who copies it. */
const PAGE = readFileSync(new URL('../../docs/customers.md', import.meta.url), 'utf8')
const blocks = (language: string) =>
  Array.from(PAGE.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms')), ([, block = '']) => block)
const CURLS = blocks('sh').flatMap((block) => block.match(/^curl(.*\\\n)*.*$/gm) ?? [])
const USER = 'U0123456789abcdef0123456789abcdef'
const TOKEN = 'a-token-of-the-brand'
const hasCurl = spawnSync('curl', ['--version']).status === 0

async function setUp(t: Test) {
  const { lineApi, serve, ...parts } = await stage(t)
  const { line, env } = await lineApi({ followers: [USER] })
  const server = await serve({ ...env, API_TOKENS: TOKEN, LINE_LOGIN_CHANNEL_ID: line.loginChannelId })
  return { ...parts, line, server }
}

t.test('its curl commands', { skip: !hasCurl && 'there is no curl here' }, async (t) => {
  const { line, server } = await setUp(t)
  const known = new Map([['eyJhbGciOi…', line.issueIdToken(USER)]])
  async function run(command: string) {
    const filled = [...known].reduce((text, [name, value]) => text.replaceAll(name, value), command)
    const env = { PATH: process.env.PATH ?? '', BRIDGE: server.url, TOKEN }
    const child = spawn('sh', ['-c', filled], { env, stdio: ['ignore', 'pipe', 'inherit'] })
    return text(child.stdout)
  }
  const [links = '', linkTokens = '', accountLinks = '', put = '', remove = '', look = ''] = CURLS
  t.equal(CURLS.length, 6)
  const linked = { userId: USER, externalId: 'customer-1', linkedAt: String }
  t.match(JSON.parse(await run(links)), linked)
  const { linkToken } = JSON.parse(await run(linkTokens))
  known.set('NMZTNuVrPTqlr2IF8Bnymkb7rXfYv5EY', linkToken)
  t.match(JSON.parse(await run(accountLinks)), { url: `linkToken=${linkToken}&nonce=`, expiresAt: String })
  t.match(JSON.parse(await run(put)), linked)
  t.match(await run(look), /"status":.*line_braze_linked\{channel="default"\} 1/s)
  t.match(JSON.parse(await run(remove)), { ...linked, externalId: null })
  for (const example of blocks('json')) t.type(JSON.parse(example), 'object')
})

t.test('its CSV', async (t) => {
  const { command, folder } = await stage(t)
  const file = join(folder, 'links.csv')
  writeFileSync(file, blocks('csv')[0] ?? '')
  const { stdout } = await command(['links', 'import', '--json', file]).ended
  t.match(lastLine(stdout), { status: 'complete', lines: 3, linked: 2, unchanged: 1 })
})

t.test('its LIFF page, and what is behind it', async (t) => {
  const { line, server, ledger } = await setUp(t)
  const customer: Record<string, string> = { externalId: 'customer-1' }
  const session: { customer?: typeof customer } = {}

  type Handler = (request: object, response: object) => Promise<void>
  const routes = new Map<string, Handler>()
  const backend = blocks('js')[0]?.replace('http://line-braze.internal:3000', server.url) ?? ''
  new Function('app', 'customers', 'process', backend)(
    { post: (path: string, handler: Handler) => routes.set(path, handler) },
    { save: async (of: object, news: object) => Object.assign(of, news) },
    { env: { BRIDGE_TOKEN: TOKEN } },
  )

  const [html = ''] = blocks('html')
  t.ok(html.split('\n').length <= 35)
  const [, script = ''] = /<script type="module">(.*?)<\/script>/s.exec(html) ?? []
  const said = { textContent: '' }
  const location = { href: '' }
  type Button = { dataset: { path: string }; onclick: () => Promise<void> }
  const buttons = Array.from(html.matchAll(/data-path="(.*?)"/g), ([, path = '']) => ({ dataset: { path } }))
  let idToken = line.issueIdToken(USER)
  new Function('document', 'liff', 'location', 'fetch', script)(
    { querySelector: () => said, querySelectorAll: () => buttons },
    { init: async () => {}, getIDToken: () => idToken },
    location,
    async (path: string, { body }: { body: string }) => {
      let status = 0
      const response = {
        status(code: number) {
          status = code
          return response
        },
        end() {},
      }
      await routes.get(path)?.({ session, body: JSON.parse(body) }, response)
      return { status, ok: status === 204 }
    },
  )
  const [link, unlink] = buttons as Button[]
  const links = async () => (await Array.fromAsync((await ledger()).links('default'))).flat()

  await link?.onclick()
  t.equal(location.href, '/login?next=/line', 'nobody has logged in')
  session.customer = customer
  location.href = ''
  await unlink?.onclick()
  t.strictSame([said.textContent, location.href], ['Done.', ''], 'who is logged in and not linked')
  await link?.onclick()
  t.equal(said.textContent, 'Done.')
  t.match(await links(), [{ userId: USER, externalId: 'customer-1' }])
  t.equal(customer.lineUserId, USER)
  idToken = line.issueIdToken(USER, { expiresInSeconds: -1 })
  await link?.onclick()
  t.match(said.textContent, /^That did not work/)
  await unlink?.onclick()
  t.equal(said.textContent, 'Done.')
  t.strictSame(await links(), [])
})
