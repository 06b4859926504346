import { once } from 'node:events'
import { type Closers, closeAll } from '../process/closing.ts'
import { createInterruption, Interrupted } from '../process/interruption.ts'
import { type BrazeSandbox, startBrazeSandbox } from '../sandbox/braze/braze.ts'
import { readWrite } from '../sandbox/braze/object.ts'
import { type LineApiSandbox, startLineApiSandbox } from '../sandbox/line/api.ts'
import { createEvents, type LineEvent } from '../sandbox/line/events.ts'
import { signLine, toLineJson } from '../sandbox/line/json.ts'
import { seededRandom } from '../sandbox/random.ts'

export interface SandboxOptions {
  readonly linePort: number
  readonly brazePort: number
  readonly serverPort: number
}

/** Secrets and followers are the same each time, so that a .env stays true. They are for this machine only. */
const SEED = 1
const FOLLOWERS = 25
/** Shorter than by default, for people who watch. */
const SETTLE_MS = 500

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
  const random = seededRandom(SEED)
  const { user } = createEvents(random)
  const followers = Array.from({ length: FOLLOWERS }, user)
  const lineApi = await startLineApiSandbox({ random, followers, port: linePort }).catch(
    cannotListen(linePort, '--line-port'),
  )
  closers.push(lineApi.close)
  const braze = await startBrazeSandbox({ random, settleMs: SETTLE_MS, port: brazePort }).catch(
    cannotListen(brazePort, '--braze-port'),
  )
  closers.push(braze.close)
  process.stdout.write(introduction(lineApi, braze, serverPort))
  watchLine(lineApi)
  watchBraze(braze)
  if (!signal.aborted) await once(signal, 'abort')
}

function introduction(lineApi: LineApiSandbox, braze: BrazeSandbox, serverPort: number): string {
  const settings = {
    LINE_CHANNEL_SECRET: lineApi.channelSecret,
    LINE_CHANNEL_ACCESS_TOKEN: lineApi.token,
    LINE_API_BASE_URL: lineApi.url,
    BRAZE_REST_ENDPOINT: braze.url,
    BRAZE_API_KEY: braze.apiKey,
    BRAZE_SETTLE_MS: SETTLE_MS,
    DATABASE_URL: 'file:./data/sandbox.db',
    HOST: '127.0.0.1',
    PORT: serverPort,
  }
  const { user, follow, unfollow } = createEvents(Math.random)
  const [userId, now] = [user(), Date.now()]
  const webhook = `http://127.0.0.1:${serverPort}/webhook`
  return [
    '# .env in a checkout that has none yet, for npm start, and for npx line-braze backfill, resync and verify',
    ...Object.entries(settings).map(([name, value]) => `${name}=${value}`),
    '',
    `# somebody follows; ${FOLLOWERS} others are on LINE's list, for backfill`,
    curl(webhook, follow(userId, now), lineApi),
    '',
    '# the same person blocks',
    curl(webhook, unfollow(userId, now + 1), lineApi),
    '',
    '# what reaches LINE and Braze, until Ctrl-C',
    '',
  ].join('\n')
}

/** A webhook as LINE would post it: the signature fits these bytes and no others. */
function curl(url: string, event: LineEvent, { destination, channelSecret }: LineApiSandbox): string {
  // Nothing to quote: LINE writes a ' as \u0027.
  const body = toLineJson({ destination, events: [event] })
  const headers = ['content-type: application/json', `x-line-signature: ${signLine(body, channelSecret)}`]
  return [`curl ${url}`, ...headers.map((header) => `-H '${header}'`), `--data-binary '${body}'`].join(
    ' \\\n  ',
  )
}

function watchLine(lineApi: LineApiSandbox) {
  lineApi.on('request', ({ method, path, status }) => say('LINE', status, `${method} ${path}`))
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
  braze.on('call', ({ endpoint, status }) => say('Braze', status, `POST ${endpoint}`))
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
