import { type Reply, refusal } from '../answers.ts'
import { createLineSandbox } from './webhooks.ts'

interface Parts {
  destination: string
  channelSecret: string
  clock: () => number
}

const maxLength = 500
/** Tests of the endpoint that LINE makes. [REF] Test webhook endpoint */
const mostTests = 60
const hourMs = 3_600_000

/** Where a channel's webhooks go, and whether they do. [REF] Get, set and test webhook endpoint */
export function createWebhookEndpoint({ destination, channelSecret, clock }: Parts) {
  let endpoint: string | null = null
  let active = false
  let testedAt: number[] = []

  const controls = {
    /** As the console sets it; null: none. `isActive` is its switch "Use webhook". */
    setWebhook(newEndpoint: string | null, isActive = true) {
      endpoint = newEndpoint
      active = isActive
    },
  }

  function setEndpoint(body: unknown): Reply {
    const { endpoint: given } = Object(body)
    if (!isEndpoint(given)) return invalid
    endpoint = given
    return { status: 200, body: {} }
  }

  /** Posts a body without events to the endpoint that is given, or else to the channel's. */
  async function test(body: unknown): Promise<Reply> {
    const { endpoint: url = endpoint } = Object(body)
    if (url === null) return notFound
    if (!isEndpoint(url)) return invalid
    testedAt = testedAt.filter((at) => at > clock() - hourMs)
    if (testedAt.length >= mostTests) return refusal(429, 'The API rate limit has been exceeded')
    testedAt.push(clock())
    const line = createLineSandbox({ url, secret: channelSecret, destination, concurrency: 1 })
    const { status, body: why } = await line.post([])
    await line.close()
    const success = status >= 200 && status < 300
    const timestamp = new Date(clock()).toISOString()
    return { status: 200, body: { success, timestamp, statusCode: status, ...reasonOf(status, why) } }
  }

  return {
    controls,
    answerEndpoint: (): Reply => (endpoint === null ? notFound : { status: 200, body: { endpoint, active } }),
    setEndpoint,
    test,
  }
}

function reasonOf(status: number, why: string) {
  if (status >= 200 && status < 300) return { reason: 'OK', detail: String(status) }
  if (status > 0) return { reason: 'ERROR_STATUS_CODE', detail: String(status) }
  if (/timeout/i.test(why)) return { reason: 'REQUEST_TIMEOUT', detail: 'Request timeout' }
  return { reason: 'COULD_NOT_CONNECT', detail: why }
}

/** LINE takes HTTPS alone; a server on this very machine is one that somebody plays with. */
function isEndpoint(given: unknown): given is string {
  if (typeof given !== 'string' || given.length > maxLength || !URL.canParse(given)) return false
  const { protocol, hostname } = new URL(given)
  return protocol === 'https:' || (protocol === 'http:' && hostname === '127.0.0.1')
}

const invalid = refusal(400, 'Invalid webhook endpoint URL')
const notFound = refusal(404, 'Webhook endpoint not found')
