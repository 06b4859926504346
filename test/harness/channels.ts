/** What the tests of several channels have in common: two LINE Official Accounts, and a file that says so. */
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { Test } from 'tap'
import type { CommandOptions } from './command.ts'
import type { Env } from './process.ts'
import { type BrazeSandboxOptions, type LineApiSandboxOptions, lastLine, PATIENT_MS, stage } from './stage.ts'

export const SHOP_SECRET = '0123456789abcdef0123456789abcdef'
export const CAFE_SECRET = 'fedcba9876543210fedcba9876543210'

export interface ChannelsOptions {
  readonly braze?: BrazeSandboxOptions
  readonly shop?: LineApiSandboxOptions
  readonly cafe?: LineApiSandboxOptions
}

/** Two channels of one provider, `shop` and `cafe`, with an attribute of their own and one Braze workspace. */
export async function stageChannels(t: Test, { braze = {}, shop = {}, cafe = {} }: ChannelsOptions = {}) {
  const parts = await stage(t, { settleMs: 300, applyMs: [0, 0], ...braze })
  const lines = { shop: (await parts.lineApi(shop)).line, cafe: (await parts.lineApi(cafe)).line }
  const lineUrl = await startSwitch(t, Object.values(lines))
  const file = join(parts.folder, 'channels.json')
  const list = [
    { name: 'shop', secret: SHOP_SECRET, accessToken: lines.shop.token, attribute: 'line_id' },
    { name: 'cafe', secret: 'env:CAFE_SECRET', accessToken: 'env:CAFE_TOKEN', attribute: 'cafe_line_id' },
  ]
  writeFileSync(file, JSON.stringify(list), { mode: 0o600 })
  const env: Env = {
    LINE_CHANNEL_SECRET: '',
    LINE_CHANNELS_FILE: file,
    LINE_API_BASE_URL: lineUrl,
    LINE_TIMEOUT_MS: PATIENT_MS,
    CAFE_SECRET,
    CAFE_TOKEN: lines.cafe.token,
  }
  const sleep = () => new Promise(setImmediate)
  const start = (args: readonly string[], more: Env = {}, options: CommandOptions = {}) =>
    parts.command(args, { ...env, ...more }, { sleep, ...options })

  return {
    ...parts,
    list,
    lines,
    file,
    channelsEnv: env,
    serve: (more: Env = {}) => parts.serve({ ...env, ...more }),
    command: start,
    /** Runs a command in this process, with `--json`. */
    async run(args: readonly string[], more: Env = {}) {
      const ended = await start([...args, '--json'], more).ended
      return { ...ended, result: lastLine(ended.stdout) }
    },
    /** The attributes of somebody, as what Braze has taken says, in the order of sending. */
    taken(userId: string): Record<string, unknown> {
      const objects = parts.braze.requests.flatMap(({ status, objects }) => (status === 201 ? objects : []))
      const mine = objects.map(Object).filter(({ user_alias }) => user_alias?.alias_name === userId)
      return Object.assign(
        {},
        ...mine.map(({ user_alias: _, _update_existing_only: __, ...attributes }) => attributes),
      )
    },
  }
}

interface Account {
  readonly url: string
  readonly token: string
}

/** LINE's API for several accounts at one address: a request goes to the account whose token it has. Ends with the test. */
async function startSwitch(t: Test, accounts: readonly Account[]): Promise<string> {
  const server = createServer((request, response) => void forward(accounts, request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** What LINE looks at. */
const passedOn = (headers: IncomingMessage['headers']) =>
  Object.fromEntries(
    ['content-type', 'x-line-retry-key'].flatMap((name) => {
      const value = headers[name]
      return typeof value === 'string' ? [[name, value]] : []
    }),
  )

async function forward(accounts: readonly Account[], request: IncomingMessage, response: ServerResponse) {
  const { authorization = '' } = request.headers
  const { url } =
    accounts.find(({ token }) => authorization === `Bearer ${token}`) ?? (accounts[0] as Account)
  try {
    const { method = 'GET', headers } = request
    const answer = await fetch(url + request.url, {
      method,
      headers: { ...passedOn(headers), authorization },
      ...(method !== 'GET' && { body: await text(request) }),
    })
    const date = answer.headers.get('date')
    response.writeHead(answer.status, { 'content-type': 'application/json', ...(date && { date }) })
    response.end(await answer.text())
  } catch {
    response.destroy()
  }
}
