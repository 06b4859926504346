import closeWithGrace from 'close-with-grace'
import { type Settings, secretsOf } from '../../config/settings.ts'
import { createMetrics } from '../../http/metrics.ts'
import { createServer } from '../../http/server.ts'
import { openLedger } from '../../ledger/open.ts'
import { createDelivery } from '../delivery.ts'
import { CHANNEL, createLog, type Log, settingsFor } from '../environment.ts'
import { EXIT } from '../run.ts'
import { type Address, addressesOf, closeServer, listen } from './addresses.ts'

/** After the time that requests in flight may still take, a stop that has not ended is forced. */
const STOP_MARGIN_MS = 5_000

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
    const [url, privateUrl] = await open(settings, log, closers)
    log.info({ url, webhook: `${url}/webhook`, ...(privateUrl && { privateUrl }) }, 'listening')
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

/**
 * Opens everything, adding to `closers` as it goes. Returns the URL, and that of health and metrics where they are
 * apart.
 */
async function open(settings: Settings, log: Log, closers: Closers): Promise<string[]> {
  const metrics = createMetrics()
  const ledger = await openLedger({
    url: settings.DATABASE_URL,
    onCommit: metrics.committed,
    onLost(error) {
      // Nothing can be stored any more, and no request may be taken: whoever started this process starts it anew.
      log.fatal({ error: error.message }, 'the ledger is lost')
      process.exit(EXIT.failed)
    },
  })
  closers.push(ledger.close)
  const { deliverer, braze } = createDelivery(settings, { ledger, log, observer: metrics.delivery })
  closers.push(braze.close)
  const isDelivering = () => deliverer.delivery().state !== 'standby'
  const options = {
    log,
    channel: { name: CHANNEL, secrets: secretsOf(settings) },
    ledger,
    observer: metrics.webhooks,
    bodyLimitBytes: settings.BODY_LIMIT_BYTES,
    delivery: deliverer.delivery,
    metricsText: metrics.page({ ledger, isDelivering, channels: [CHANNEL] }),
  }
  const addresses = addressesOf(settings)
  const apps = await Promise.all(addresses.map(({ parts }) => createServer(options, parts)))
  closers.push(() => Promise.all([...apps.map(closeServer), deliverer.stop()]))

  const urls: string[] = []
  for (const [i, app] of apps.entries()) urls.push(await listen(app, addresses[i] as Address))
  deliverer.start()
  return urls
}
