import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import type { Test } from 'tap'

/** A span as OTLP has it in JSON, with its attributes as an object. */
export interface ReceivedSpan {
  readonly name: string
  readonly kind: number
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string | undefined
  readonly attributes: Readonly<Record<string, unknown>>
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[]
  readonly status: { readonly code?: number; readonly message?: string }
}

interface Value {
  readonly stringValue?: string
  readonly intValue?: number | string
}
interface Attribute {
  readonly key: string
  readonly value: Value
}
interface Sent {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] }
    readonly scopeSpans: readonly {
      readonly spans: readonly (Omit<ReceivedSpan, 'attributes' | 'links'> & {
        readonly attributes: readonly Attribute[]
        readonly links?: ReceivedSpan['links']
      })[]
    }[]
  }[]
}

const contentOf = ({ stringValue, intValue }: Value) =>
  stringValue ?? (intValue === undefined ? undefined : Number(intValue))
const asObject = (attributes: readonly Attribute[]) =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, contentOf(value)]))

/** A collector that takes OTLP over HTTP, and ends with the test. One that is `silent` takes everything and never answers. */
export async function startCollector(t: Test, { silent = false } = {}) {
  const requests: { readonly url: string; readonly type: string; readonly body: string }[] = []
  const waiting = new Set<() => void>()
  const server = createServer(async (request, response) => {
    const body = await buffer(request).catch(() => undefined)
    if (!body) return
    const { url = '', headers } = request
    requests.push({ url, type: headers['content-type'] ?? '', body: body.toString('latin1') })
    if (!silent) response.setHeader('content-type', 'application/json').end('{}')
    for (const look of waiting) look()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })

  const sent = () =>
    requests.filter(({ type }) => type === 'application/json').map(({ body }): Sent => JSON.parse(body))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    /** Resolves once a request has come, whatever is in it. */
    async asked() {
      if (requests.length === 0)
        await new Promise<void>((resolve) => {
          waiting.add(resolve)
        })
    },
    resources: () =>
      sent().flatMap(({ resourceSpans }) =>
        resourceSpans.map(({ resource }) => asObject(resource.attributes)),
      ),
    spans: (): ReceivedSpan[] =>
      sent().flatMap(({ resourceSpans }) =>
        resourceSpans.flatMap(({ scopeSpans }) =>
          scopeSpans.flatMap(({ spans }) =>
            spans.map(({ attributes, links = [], ...span }) => ({
              ...span,
              attributes: asObject(attributes),
              links,
            })),
          ),
        ),
      ),
  }
}
