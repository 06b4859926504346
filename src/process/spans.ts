import type { ServerResponse } from 'node:http'
import {
  type Context,
  context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { outcomeOf } from '../http/report.ts'
import type { CommitTrace } from '../ledger/group-commit.ts'
import { createHttpClient, type HttpClientOptions } from '../wire/client.ts'

const failed = { code: SpanStatusCode.ERROR }

/** What is in place where spans are made; whoever asks for none is handed none of it. */
export interface Spans {
  /** Adds hooks to the webhook routes. */
  readonly webhooks: (app: FastifyInstance) => void
  readonly commits: CommitTrace
  /** An HTTP client with a span for each request. */
  readonly createHttp: typeof createHttpClient
}

/**
 * A span for each webhook, commit and request to Braze. None has more than names of ours, numbers and addresses of
 * services: no ids of people, no texts, no words of an error.
 */
export function createSpans(name: string, version: string): Spans {
  const tracer = trace.getTracer(name, version)

  function webhooks(app: FastifyInstance) {
    const contexts = new WeakMap<FastifyRequest, Context>()

    app.addHook('onRequest', (request, reply, done) => {
      const { method, headers, routeOptions } = request
      const parent = propagation.extract(ROOT_CONTEXT, headers)
      const attributes = { 'http.request.method': method, 'http.route': routeOptions.url }
      const span = tracer.startSpan(
        `${method} ${routeOptions.url}`,
        { kind: SpanKind.SERVER, attributes },
        parent,
      )
      contexts.set(request, trace.setSpan(parent, span))
      // Also where the sender has gone before the answer.
      reply.raw.once('close', () => endWebhook(span, reply.raw))
      done()
    })
    // The last one before the route's own function. A body that is read in between would lose the context.
    app.addHook('preHandler', (request, _reply, done) =>
      context.with(contexts.get(request) ?? ROOT_CONTEXT, done),
    )
  }

  function endWebhook(span: Span, { statusCode, writableFinished }: ServerResponse) {
    span.setAttribute('line_braze.outcome', writableFinished ? outcomeOf(statusCode) : 'aborted')
    if (writableFinished) span.setAttribute('http.response.status_code', statusCode)
    if (!writableFinished || statusCode >= 500) span.setStatus(failed)
    span.end()
  }

  /** Runs it within a span of its own trace: it may begin in whatever webhook happens to be there. */
  async function within<T>(span: Span, run: () => Promise<T>, ended: (result: T) => void = () => {}) {
    try {
      const result = await run()
      ended(result)
      return result
    } catch (error) {
      span.setAttribute('error.type', error instanceof Error ? error.name : 'unknown')
      span.setStatus(failed)
      throw error
    } finally {
      span.end()
    }
  }

  const commits: CommitTrace = {
    caller() {
      const span = trace.getActiveSpan()
      return span?.isRecording() ? span.spanContext() : undefined
    },
    commit({ contacts, answers }, callers, run) {
      const attributes = { 'line_braze.contacts': contacts, 'line_braze.answers': answers }
      const span = tracer.startSpan('commit', { root: true, attributes })
      const link = () => {
        const all = callers()
        span.setAttribute('line_braze.calls', all.length)
        span.addLinks(
          all.filter((caller) => caller !== undefined).map((it) => ({ context: it as SpanContext })),
        )
      }
      return within(span, () => run().finally(link))
    },
  }

  function createHttp(options: HttpClientOptions) {
    const client = createHttpClient(options)
    const { hostname, port } = new URL(options.baseUrl)
    const server = { 'server.address': hostname, ...(port && { 'server.port': Number(port) }) }
    const send: typeof client.send = (request, signal) => {
      const { method } = request
      // What follows may name what is asked for.
      const path = request.path.replace(/\?.*$/s, '')
      const attributes = { ...server, 'http.request.method': method, 'url.path': path }
      const span = tracer.startSpan(`${method} ${path}`, { root: true, kind: SpanKind.CLIENT, attributes })
      return within(
        span,
        () => client.send(request, signal),
        ({ status }) => {
          span.setAttribute('http.response.status_code', status)
          if (status >= 400) span.setStatus(failed)
        },
      )
    }
    return { ...client, send }
  }

  return { webhooks, commits, createHttp }
}
