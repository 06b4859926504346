import { validateHeaderName, validateHeaderValue } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { Agent } from 'undici'
import { hex, type Random, uuid } from '../random.ts'
import type { LiquidValues } from './liquid.ts'
import type { Profile, Profiles } from './profiles.ts'
import { isNotBlank } from './segments.ts'
import { addressOf, type Filled, readWebhook, type Webhook } from './webhook.ts'

export interface SendOptions {
  /** The segment: whoever has it, not blank. Default `line_id`. */
  attribute?: string
  /** Where a sandbox stands in for a host: `{ 'api.line.me': line.url }`. Requests go to no other machine. */
  hosts?: Readonly<Record<string, string>>
  /** Requests in flight. Default 16. */
  concurrency?: number
  /** How long a second of Braze's waiting takes. Default 1. */
  secondMs?: number
  /** How long Braze waits for an answer. Default 90,000. [WEBHOOK] */
  timeoutMs?: number
  /** Whether Liquid is rendered again for a retry, which Braze does not document. Default false: the first try is repeated. */
  renderAgain?: boolean
  /** Awaited before each request, when its text is made already: as where Braze is told to send slowly. */
  beforeRequest?: () => Promise<void>
}

/** What Braze's dashboard shows of a campaign that has been sent. */
export interface CampaignResult {
  /** Who was in the segment when it began. */
  people: number
  /** Answered 2xx. LINE says so of people who do not get it. */
  received: number
  /** Those that will never be: refused, or not taken after all retries. */
  failed: number
  aborted: number
  /** Requests after the first one for a person. */
  retries: number
  /** Last answers by their status; 0 for none. */
  byStatus: Record<number, number>
  dispatchId: string
}

/** One person's message is over. It says nothing of who it was. */
export interface Sent {
  outcome: 'received' | 'failed' | 'aborted'
  /** Of the last answer; 0 for none, null where nothing was asked. */
  status: number | null
}

interface Parts {
  profiles: Profiles
  contentBlocks: () => Record<string, string>
  random: Random
  onSent: (sent: Sent) => void
}

/** Waits before each retry, in seconds: five within half an hour. [WEBHOOK] */
const backOffSeconds = [10, 30, 90, 270, 810]
/** In test sends. [DISPATCH] */
const unsentDispatchId = 'dispatch_id_for_unsent_campaign'

export function createCampaigns({ profiles, contentBlocks, random, onSent }: Parts) {
  const closing = new AbortController()

  const campaignOf = (dispatchId: string) => ({
    dispatch_id: dispatchId,
    api_id: uuid(random),
    message_api_id: uuid(random),
  })
  const valuesFor = (attributes: LiquidValues['attributes'], campaign: LiquidValues['campaign']) => ({
    attributes,
    contentBlocks: contentBlocks(),
    campaign,
  })

  /** Sends to everybody in the segment at this moment; each message is filled in when its turn comes. Rejects when the sandbox is closed. */
  async function send(webhook: Webhook, options: SendOptions = {}): Promise<CampaignResult> {
    const { attribute = 'line_id', concurrency = 16, timeoutMs = 90_000 } = options
    const fill = readWebhook(webhook)
    const campaign = campaignOf(hex(random, 32))
    const people = Array.from(profiles.all()).filter(({ attributes }) =>
      isNotBlank(attributes.get(attribute)),
    )
    const result: CampaignResult = {
      ...{ people: people.length, received: 0, failed: 0, aborted: 0, retries: 0 },
      ...{ byStatus: {}, dispatchId: campaign.dispatch_id },
    }
    const agent = new Agent({ connections: concurrency, headersTimeout: timeoutMs, bodyTimeout: timeoutMs })
    const fillFor = ({ attributes }: Profile) => fill(valuesFor(Object.fromEntries(attributes), campaign))
    const queue = people[Symbol.iterator]()
    async function work() {
      for (const person of queue) {
        const sent = await sendOne(() => fillFor(person), agent, options, result)
        result[sent.outcome]++
        if (sent.status !== null) result.byStatus[sent.status] = (result.byStatus[sent.status] ?? 0) + 1
        onSent(sent)
      }
    }
    try {
      await Promise.all(Array.from({ length: concurrency }, work))
      return result
    } finally {
      await agent.destroy()
    }
  }

  async function sendOne(
    fill: () => Filled,
    agent: Agent,
    { hosts = {}, secondMs = 1, renderAgain = false, beforeRequest }: SendOptions,
    result: CampaignResult,
  ): Promise<Sent> {
    let filled = fill()
    for (let retry = 0; ; retry++) {
      if ('aborted' in filled) return { outcome: 'aborted', status: null }
      if (!hasGoodHeaders(filled)) return { outcome: 'failed', status: 0 }
      await beforeRequest?.()
      const { status, retryAfter } = await ask(filled, agent, hosts)
      closing.signal.throwIfAborted()
      if (status >= 200 && status < 300) return { outcome: 'received', status }
      const backOff = backOffSeconds[retry]
      if (!isRetried(status) || backOff === undefined) return { outcome: 'failed', status }
      await wait((retryAfter ?? backOff) * secondMs, undefined, { signal: closing.signal })
      result.retries++
      if (renderAgain) filled = fill()
    }
  }

  /** Status 0: there was no answer. */
  async function ask({ url, method, headers, body }: Webhook, agent: Agent, hosts: Record<string, string>) {
    const address = addressOf(url, hosts)
    try {
      const answer = await agent.request({
        origin: address.origin,
        path: address.pathname + address.search,
        method: method as 'POST',
        headers,
        body,
        signal: closing.signal,
      })
      await answer.body.dump()
      const seconds = Number(answer.headers['retry-after'] ?? Number.NaN)
      return {
        status: answer.statusCode,
        retryAfter: Number.isFinite(seconds) ? seconds : null,
        isWrong: false,
      }
    } catch {
      return { status: 0, retryAfter: null }
    }
  }

  return {
    controls: {
      /** Sends a webhook campaign. [WEBHOOK] Tells of each person in `sent`. */
      sendCampaign: send,
      /** What the test tab would send to a customised user. */
      previewWebhook: (webhook: Webhook, attributes: LiquidValues['attributes']): Filled =>
        readWebhook(webhook)(valuesFor(attributes, campaignOf(unsentDispatchId))),
    },
    close: () => closing.abort(new Error('The Braze sandbox was closed')),
  }
}

/** No answer counts as one that may come another time. [WEBHOOK] */
const isRetried = (status: number) => status === 0 || status === 408 || status === 429 || status >= 500

/** Whether the headers are such that they can be sent; what Liquid fills in may hold a line break. */
function hasGoodHeaders({ headers }: Webhook): boolean {
  try {
    for (const [name, value] of Object.entries(headers)) {
      validateHeaderName(name)
      validateHeaderValue(name, value)
    }
    return true
  } catch {
    return false
  }
}
