import { type LiquidValues, type Rendered, readLiquid } from './liquid.ts'

/** A webhook message as a person pastes it into Braze. Liquid may stand in every part but the method. [WEBHOOK] */
export interface Webhook {
  url: string
  method: string
  headers: Readonly<Record<string, string>>
  /** Raw text. */
  body: string
}

/** A request to one person, or why there is none. */
export type Filled = Webhook | { aborted: string }

/** Braze sends to these ports only. */
const ports = ['', '80', '443']

/** Reads the parts once, to fill them in for many. Throws where Braze would not take them. */
export function readWebhook({ url, method, headers, body }: Webhook): (values: LiquidValues) => Filled {
  if (method !== 'POST' && method !== 'GET') throw new Error('Braze sends webhooks by GET or POST here')
  const templates = [url, body, ...Object.values(headers)].map(readLiquid)
  return (values) => {
    const texts: string[] = []
    for (const template of templates) {
      const rendered: Rendered = template(values)
      if ('aborted' in rendered) return rendered
      texts.push(rendered.text)
    }
    const [filledUrl = '', filledBody = '', ...rest] = texts
    const names = Object.keys(headers)
    const filledHeaders = Object.fromEntries(names.map((name, index) => [name, rest[index] ?? '']))
    return { url: filledUrl, method, headers: filledHeaders, body: filledBody }
  }
}

/** The address of a request. `hosts` leads names to where a sandbox stands in for them. Throws where Braze would not send. */
export function addressOf(url: string, hosts: Readonly<Record<string, string>>): URL {
  const asked = new URL(url)
  const other = hosts[asked.host]
  if (other !== undefined) return new URL(asked.pathname + asked.search, other)
  const isHere = asked.hostname === '127.0.0.1' || asked.hostname === 'localhost'
  if (!isHere && !ports.includes(asked.port)) throw new Error('Braze sends to the ports 80 and 443 only')
  if (!isHere) throw new Error('The sandbox sends to no other machine')
  return asked
}
