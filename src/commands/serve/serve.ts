import closeWithGrace from 'close-with-grace'
import type { FastifyInstance } from 'fastify'
import { type Settings, secretsOf } from '../../config/settings.ts'
import { createMetrics } from '../../http/metrics.ts'
import { createServer } from '../../http/server.ts'
import { openLedger } from '../../ledger/open.ts'
import { createDelivery } from '../delivery.ts'
import { CHANNEL, createLog, type Log, secretFiles, settingsFor } from '../environment.ts'
import { warnOfReadable } from '../readable.ts'
import { EXIT } from '../run.ts'

/** After the time that requests in flight may still take, a stop that has not ended is forced. */
const STOP_MARGIN_MS = 5_000
/** LINE does not wait longer for an answer either. */
const OPEN_REQUESTS_MS = 2_000

/** Serves until a signal ends it. */
export async function serve() {
  const settings = settingsFor()
  const log = createLog(settings.LOG_LEVEL)
  const closers: Closers = []

  // Before anything is opened: a container's first process gets no SIGTERM that it does not ask for.
  const grace = { delay: settings.BRAZE_TIMEOUT_MS + STOP_MARGIN_MS, logger: false as const }
  const { uninstall } = closeWithGrace(grace, async ({ signal, err }) => {
    if (err) log.fatal({ error: err.message, stack: err.stack }, 'stopping after an error')
    else log.info({ signal }, 'stopping')
    await closeAll(closers)
    log.info({}, 'stopped')
    log.flush()
  })
  try {
    const url = await open(settings, log, closers)
    log.info({ url, webhook: `${url}/webhook` }, 'listening')
  } catch (error) {
    uninstall()
    await closeAll(closers)
    throw error
  }
}

/** What has been opened, and how it is closed: the last one first. */
type Closers = (() => Promise<unknown>)[]

async function closeAll(closers: Closers) {
  for (const close of closers.splice(0).reverse()) await close()
}

/** Opens everything, adding to `closers` as it goes. Returns the URL. */
async function open(settings: Settings, log: Log, closers: Closers): Promise<string> {
  const metrics = createMetrics()
  const warn = (sentence: string) => log.warn({}, sentence)
  const ledger = await openLedger({
    url: settings.DATABASE_URL,
    onCommit: metrics.committed,
    onWarning: warn,
    onLost(error) {
      // Nothing can be stored any more, and no request may be taken: whoever started this process starts it anew.
      log.fatal({ error: error.message }, 'the ledger is lost')
      process.exit(EXIT.failed)
    },
  })
  closers.push(ledger.close)
  const files = secretFiles(settings.DATABASE_URL, process.env, process.cwd())
  for (const sentence of warnOfReadable(files, process.platform)) warn(sentence)
  const { deliverer, braze } = createDelivery(settings, { ledger, log, observer: metrics.delivery })
  closers.push(braze.close)
  const isDelivering = () => deliverer.delivery().state !== 'standby'
  const app = await createServer({
    log,
    channel: { name: CHANNEL, secrets: secretsOf(settings) },
    ledger,
    observer: metrics.webhooks,
    bodyLimitBytes: settings.BODY_LIMIT_BYTES,
    delivery: deliverer.delivery,
    metricsText: metrics.page({ ledger, isDelivering, channels: [CHANNEL] }),
  })
  closers.push(() => Promise.all([closeServer(app), deliverer.stop()]))

  const address = { host: settings.HOST, port: settings.PORT }
  const url = await app.listen(address).catch((error) => {
    throw new Error(cannotListen(error, settings), { cause: error })
  })
  deliverer.start()
  return url
}

/** Finishes what is open; a sender that does not finish its request is cut off. */
async function closeServer(app: FastifyInstance) {
  const cutOff = setTimeout(() => app.server.closeAllConnections(), OPEN_REQUESTS_MS)
  await app.close()
  clearTimeout(cutOff)
}

function cannotListen({ code, message }: NodeJS.ErrnoException, { HOST, PORT }: Settings): string {
  if (code === 'EADDRINUSE') return `Another program listens on port ${PORT} of ${HOST}; end it, or set PORT.`
  if (code === 'EACCES') return `This user may not listen on port ${PORT}; set PORT to 1024 or higher.`
  return `Cannot listen on port ${PORT} of ${HOST}; set HOST and PORT to what this machine has (${message}).`
}
