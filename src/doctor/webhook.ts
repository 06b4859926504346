import type { SetUp, WebhookTest } from '../line/set-up.ts'
import { foreignWords } from '../wire/foreign-words.ts'
import { type Check, ok, wrong } from './check.ts'

export interface WebhookMeans {
  /** Where the server takes the channel's webhooks; the first is the one to tell people of. */
  readonly paths: readonly string[]
  /** Where LINE reaches the server, such as `https://your.host`, if that was said. */
  readonly serverUrl: string | undefined
  /** How the settings are called in sentences. */
  readonly names: { readonly secret: string }
  readonly signal: AbortSignal
}

/** Whether the channel's webhook URL leads to our server, and LINE posts to it. */
export async function checkWebhook({ paths, serverUrl, signal }: WebhookMeans, setUp: SetUp): Promise<Check> {
  const name = 'line.webhook'
  const base = serverUrl && new URL(serverUrl).href.replace(/\/$/, '')
  const ours = paths.map((path) => (base ?? '') + path)
  const place = "in the LINE Developers Console, on the channel's page Messaging API"
  const set = `set it to ${base ?? 'https://your.host'}${paths[0]} ${place}`
  const webhook = await setUp.webhook(signal)
  if (!webhook) return wrong(name, `The channel has no webhook URL: ${set}.`)
  if (!URL.canParse(webhook.url)) return wrong(name, `The channel's webhook URL is none: ${set}.`)
  const { origin, host, pathname, search } = new URL(webhook.url)
  // Of somebody else's URL the path may be a secret.
  const isOurs = ours.includes((base === undefined ? '' : origin) + pathname + search)
  if (!isOurs)
    return wrong(
      name,
      base === undefined
        ? `The webhook URL is at ${foreignWords(host)}, with a path that is not ${paths.join(' or ')}: whatever is there gets the webhooks; ${set}, or, where a proxy changes the path, say with --url what LINE should call.`
        : `The webhook URL is another one than ${ours.join(' or ')}, at ${foreignWords(host)}: whatever is there gets the webhooks; ${set}.`,
    )
  if (!webhook.isActive)
    return wrong(
      name,
      `The webhook URL is ours, and LINE posts nothing to it: switch "Use webhook" on ${place}.`,
    )
  // Without the password that it may have before its host.
  return ok(name, `LINE posts webhooks to ${foreignWords(origin + pathname)}.`)
}

/** Whether a webhook arrives that LINE is asked to post. */
export async function testWebhook({ signal, names }: WebhookMeans, setUp: SetUp): Promise<Check> {
  const name = 'line.webhook_test'
  const test = await setUp.testWebhook(signal)
  if (test.isSuccess) return ok(name, `LINE has posted a webhook, and was answered ${test.status}.`)
  const why = `${foreignWords(test.reason)}${test.status > 0 ? `, ${test.status}` : ''}`
  return wrong(name, `LINE has posted a webhook in vain (${why}): ${remedyFor(test, names.secret)}.`)
}

function remedyFor({ status, reason }: WebhookTest, secret: string): string {
  if (status === 401)
    return `the server's ${secret} is another channel's, or a proxy changes the body or x-line-signature`
  if (status === 404) return 'the proxy does not hand that path on to the server'
  if (status === 502 || status === 504) return 'the proxy is there, and the server behind it is not'
  if (status === 503) return 'the server cannot store webhooks, or the proxy has no server; look at /health'
  if (status > 0) return 'look at what answers there'
  if (reason === 'REQUEST_TIMEOUT') return 'nothing has answered within 2 seconds'
  return 'LINE needs port 443 open to everybody, and a certificate of a public CA with its chain'
}
