/** The server as it is, with its log and its metrics, and a ledger that says at once that it is done. */
import type { AddressInfo } from 'node:net'
import { createMetrics } from '../../src/http/metrics.ts'
import { createServer } from '../../src/http/server.ts'
import { createLog } from '../../src/process/environment.ts'
import { answerCalls } from './child.ts'
import { SECRET } from './webhooks.ts'

const methods = answerCalls({
  /** Starts on a free port, and returns that. */
  async listen(): Promise<number> {
    const app = await createServer({
      version: '0',
      log: createLog('info'),
      channels: [{ name: 'default', secrets: [SECRET] }],
      ledger: {
        record: async () => {},
        redeemNonce: async () => 'unknown',
        claimAccount: async (_channel, destination) => destination,
        probe: async () => {},
        counts: async () => [],
        beingForgotten: async () => [],
        oldestPendingMs: async () => null,
      },
      observer: createMetrics().webhooks,
      bodyLimitBytes: 1_048_576,
      delivery: () => ({ state: 'delivering', reason: null, stumbling: 0 }),
      metricsText: async () => ({ contentType: 'text/plain', text: '' }),
    })
    await app.listen({ host: '127.0.0.1', port: 0 })
    return (app.server.address() as AddressInfo).port
  },
})

export type Storeless = typeof methods
