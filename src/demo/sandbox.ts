import { once } from 'node:events'
import { type Closers, closeAll } from '../process/closing.ts'
import { createInterruption, Interrupted } from '../process/interruption.ts'
import { type BrazeSandbox, startBrazeSandbox } from '../sandbox/braze/braze.ts'
import { methodOf } from '../sandbox/braze/endpoints.ts'
import { readWrite } from '../sandbox/braze/object.ts'
import { type LineApiSandbox, startLineApiSandbox } from '../sandbox/line/api.ts'
import { createEvents } from '../sandbox/line/events.ts'
import { createLineSandbox, type LineSandbox } from '../sandbox/line/webhooks.ts'
import { hex, seededRandom } from '../sandbox/random.ts'
import { introduction, SETTLE_MS } from './introduction.ts'

export interface SandboxOptions {
  readonly linePort: number
  readonly brazePort: number
  readonly serverPort: number
}

/** Secrets and followers are the same each time, so that a .env stays true. They are for this machine only. */
const SEED = 1
const FOLLOWERS = 25
/** Whom Braze knows by external id. */
const CUSTOMERS = ['customer-1', 'customer-2', 'customer-3', 'customer-4', 'customer-5']

/** Two sandboxes for a server that somebody else starts, until a signal, which is how it is meant to end. */
export async function sandbox(options: SandboxOptions) {
  const interruption = createInterruption()
  const closers: Closers = []
  const failure = await perform(options, closers, interruption.signal).then(
    () => interruption.signal.reason,
    (error: unknown) => error,
  )
  await closeAll(closers, failure instanceof Interrupted ? undefined : failure).finally(interruption.close)
}

async function perform(
  { linePort, brazePort, serverPort }: SandboxOptions,
  closers: Closers,
  signal: AbortSignal,
) {
  const webhookUrl = `http://127.0.0.1:${serverPort}/webhook`
  const random = seededRandom(SEED)
  const { user } = createEvents(random)
  const followers = Array.from({ length: FOLLOWERS }, user)
  const lineApi = await startLineApiSandbox({ random, followers, port: linePort }).catch(
    cannotListen(linePort, '--line-port'),
  )
  closers.push(lineApi.close)
  lineApi.setWebhook(webhookUrl)
  const braze = await startBrazeSandbox({ random, settleMs: SETTLE_MS, port: brazePort }).catch(
    cannotListen(brazePort, '--braze-port'),
  )
  closers.push(braze.close)
  for (const customer of CUSTOMERS) braze.createCustomer(customer)
  const apiToken = hex(random, 64)
  const { channelSecret: secret, destination } = lineApi
  const webhooks = createLineSandbox({ url: webhookUrl, secret, destination })
  closers.push(webhooks.close)
  process.stdout.write(
    introduction({ lineApi, braze, serverPort, apiToken, followers, customers: CUSTOMERS }),
  )
  watchLine(lineApi)
  watchDialog(lineApi, webhooks)
  watchBraze(braze)
  if (!signal.aborted) await once(signal, 'abort')
}

function watchLine(lineApi: LineApiSandbox) {
  lineApi.on('request', ({ method, path, status }) => say('LINE', status, `${method} ${path}`))
  lineApi.on('push', ({ to, received, messages }) =>
    say(
      'LINE',
      200,
      `${to} ${received ? `got ${messages} message${messages === 1 ? '' : 's'}` : 'got nothing: no friend, or blocked'}`,
    ),
  )
}

/** Who opens the address of LINE's account link agrees, and the server is told by webhook. */
function watchDialog(lineApi: LineApiSandbox, webhooks: LineSandbox) {
  lineApi.on('accountLink', ({ event }) => {
    webhooks.deliver([event]).then(
      () => say('LINE', 200, 'the server took the webhook accountLink'),
      // The sandbox ends.
      () => {},
    )
  })
}

function watchBraze(braze: BrazeSandbox) {
  let shown = 0
  braze.on('request', ({ status, objects }) => {
    if (objects.length === 0) say('Braze', status, 'a request without attribute objects')
    for (const object of objects) say('Braze', status, describe(object))
    for (const violation of braze.violations.slice(shown))
      say('Braze', status, `against the rules: ${violation}`)
    shown = braze.violations.length
  })
  braze.on('call', ({ endpoint, status }) => say('Braze', status, `${methodOf(endpoint)} ${endpoint}`))
}

function describe(object: unknown): string {
  const write = readWrite(object)
  if (typeof write === 'string') return `an object that is wrong: ${write}`
  const changes = write.attributes.map(([name, value]) => `${name} ${value === null ? 'cleared' : 'set'}`)
  return `${write.target.name} ${changes.join(', ')}`
}

/** One line on stderr. What senders wrote is not to move the cursor of whoever watches. */
const say = (who: string, status: number, what: string) =>
  process.stderr.write(`${who.padEnd(5)}  ${status || '---'}  ${what.replaceAll(/[^ -~]/g, '?')}\n`)

const cannotListen =
  (port: number, option: string) =>
  ({ code }: NodeJS.ErrnoException): never => {
    if (code === 'EADDRINUSE')
      throw new Error(
        `Another program listens on port ${port}; end it, or choose another port with ${option}.`,
      )
    throw new Error(`Cannot listen on port ${port} (${code}); choose another port with ${option}.`)
  }
