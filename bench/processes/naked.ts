/** The least that a webhook needs: Fastify, LINE's check of the signature, JSON. No log, no metrics, no memory. */
import type { AddressInfo } from 'node:net'
import { validateSignature } from '@line/bot-sdk'
import fastify from 'fastify'
import { answerCalls } from './child.ts'
import { SECRET } from './webhooks.ts'

const methods = answerCalls({
  /** Starts on a free port, and returns that. */
  async listen(): Promise<number> {
    const app = fastify()
    app.removeAllContentTypeParsers()
    app.addContentTypeParser('*', { parseAs: 'buffer' }, (request, body, done) => {
      const genuine = validateSignature(body as Buffer, SECRET, String(request.headers['x-line-signature']))
      if (genuine) done(null, JSON.parse(body.toString()))
      else done(new Error('not signed by LINE'))
    })
    app.post('/webhook', async () => ({}))
    await app.listen({ host: '127.0.0.1', port: 0 })
    return (app.server.address() as AddressInfo).port
  },
})

export type Naked = typeof methods
