import { randomUUID } from 'node:crypto'
import closeWithGrace from 'close-with-grace'
import { Command } from 'commander'
import { type BrazeClient, createBrazeClient } from '../braze/client.ts'
import type { Settings } from '../config/settings.ts'
import { createDeliverer } from '../delivery/deliverer.ts'
import { createMetrics } from '../http/metrics.ts'
import { createServer } from '../http/server.ts'
import { openLedger } from '../ledger/open.ts'
import { createLog, settingsFor, settingsHelp } from './environment.ts'

/** The one channel of these settings. */
const CHANNEL = 'default'
/** After the time that requests in flight may still take, a stop that has not ended is forced. */
const STOP_MARGIN_MS = 5_000
/** LINE does not wait longer for an answer either. */
const OPEN_REQUESTS_MS = 2_000

export function serveCommand(): Command {
  return new Command('serve')
    .description('receives webhooks from LINE and keeps Braze in step, until SIGTERM')
    .addHelpText('after', settingsHelp())
    .action(serve)
}

async function serve() {
  const settings = settingsFor()
  const log = createLog(settings.LOG_LEVEL)
  const metrics = createMetrics()
  const ledger = await openLedger({
    url: settings.DATABASE_URL,
    onCommit: metrics.committed,
    onLost(error) {
      // Nothing can be stored any more, and no request may be taken: whoever started this process starts it anew.
      log.fatal({ error: error.message }, 'the ledger is lost')
      process.exit(1)
    },
  })
  const braze = createBraze(settings)
  const deliverer = createDeliverer({
    ledger,
    braze,
    holder: randomUUID(),
    settleMs: settings.BRAZE_SETTLE_MS,
    requestsPerSecond: settings.BRAZE_REQUESTS_PER_SECOND,
    concurrency: settings.BRAZE_CONCURRENCY,
    log,
    observer: metrics.delivery,
  })
  const app = await createServer({
    log,
    channel: {
      name: CHANNEL,
      secrets: settings.LINE_CHANNEL_SECRET.split(',').map((secret) => secret.trim()),
    },
    ledger,
    observer: metrics.webhooks,
    bodyLimitBytes: settings.BODY_LIMIT_BYTES,
    delivery: deliverer.delivery,
    metricsText: metrics.page({
      ledger,
      isDelivering: () => deliverer.delivery().state !== 'standby',
      channels: [CHANNEL],
    }),
  })

  /** Finishes what is open; a sender that does not finish its request is cut off. */
  async function stop() {
    const cutOff = setTimeout(() => app.server.closeAllConnections(), OPEN_REQUESTS_MS)
    await Promise.all([app.close(), deliverer.stop()])
    clearTimeout(cutOff)
    await braze.close()
    await ledger.close()
  }

  const url = await app.listen({ host: settings.HOST, port: settings.PORT }).catch(async (error) => {
    await stop()
    throw new Error(cannotListen(error, settings), { cause: error })
  })
  closeWithGrace(
    { delay: settings.BRAZE_TIMEOUT_MS + STOP_MARGIN_MS, logger: false },
    async ({ signal, err }) => {
      if (err) log.fatal({ error: err.message, stack: err.stack }, 'stopping after an error')
      else log.info({ signal }, 'stopping')
      await stop()
      log.info({}, 'stopped')
      log.flush()
    },
  )
  deliverer.start()
  log.info({ url, webhook: `${url}/webhook` }, 'listening')
}

function cannotListen({ code, message }: NodeJS.ErrnoException, { HOST, PORT }: Settings): string {
  if (code === 'EADDRINUSE') return `Another program listens on port ${PORT} of ${HOST}; end it, or set PORT.`
  if (code === 'EACCES') return `This user may not listen on port ${PORT}; set PORT to 1024 or higher.`
  return `Cannot listen on port ${PORT} of ${HOST}; set HOST and PORT to what this machine has (${message}).`
}

const createBraze = (settings: Settings): BrazeClient =>
  createBrazeClient({
    endpoint: settings.BRAZE_REST_ENDPOINT,
    apiKey: settings.BRAZE_API_KEY,
    concurrency: settings.BRAZE_CONCURRENCY,
    timeoutMs: settings.BRAZE_TIMEOUT_MS,
    attribute: settings.BRAZE_ATTRIBUTE,
    aliasLabel: settings.BRAZE_ALIAS_LABEL,
    createProfiles: settings.BRAZE_CREATE_PROFILES,
  })
