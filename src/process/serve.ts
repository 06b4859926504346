import closeWithGrace from 'close-with-grace'
import { readDotenv } from '../config/load.ts'
import { misspelt } from '../config/misspelt.ts'
import { SETTING_NAMES, type SettingName } from '../config/settings.ts'
import { warningsFor } from '../config/warnings.ts'
import { createMetrics } from '../http/metrics.ts'
import { createMeter } from '../http/page/meter.ts'
import type { Outcome } from '../http/report.ts'
import { webhookPaths } from '../http/routes.ts'
import { createServer } from '../http/server.ts'
import { openLedger } from '../ledger/open.ts'
import type { EventType } from '../line/event-types.ts'
import { type Address, addressesOf, closeServer, listen } from './addresses.ts'
import { createApi } from './api.ts'
import { type Config, configFor, foreignChannels } from './channels.ts'
import { type Closers, closeAll, closeTogether, errorsIn } from './closing.ts'
import { createDelivery } from './delivery.ts'
import { createLog, type Log, secretFiles, windowMsOf } from './environment.ts'
import type { Host } from './host.ts'
import { createPage } from './page.ts'
import { createPresence } from './presence.ts'
import { createQuotaWatches } from './quota.ts'
import { warnOfReadable } from './readable.ts'
import { EXIT } from './run.ts'
import { createTokenKeepers } from './token.ts'
import { startTracing } from './tracing.ts'
import { VERSION } from './version.ts'

/** After the time that requests in flight may still take, a stop that has not ended is forced. */
const STOP_MARGIN_MS = 5_000

/** For so long, from then on, each call of a ledger that is elsewhere is waited for. */
const STOP_PATIENCE_MS = 1_500

/** Serves until a signal ends it. */
export async function serve(host: Host) {
  const config = configFor(host, SETTING_NAMES, 'webhooks')
  const { settings, channels } = config
  const log = createLog(settings.LOG_LEVEL, undefined, host)
  const slips = misspelt(host.env, readDotenv(host.cwd()))
  for (const warning of [...slips, ...warningsFor(settings, channels)]) log.warn({}, warning)
  const closers: Closers = []

  // Before anything is opened: a container's first process gets no SIGTERM that it does not ask for.
  const grace = {
    delay: settings.BRAZE_TIMEOUT_MS + STOP_MARGIN_MS,
    logger: false as const,
    onTimeout: () => log.error({}, 'stopping took too long; the rest is cut off'),
  }
  const { uninstall } = closeWithGrace(grace, async ({ signal, err }) => {
    if (err) log.fatal({ error: err.message, stack: err.stack }, 'stopping after an error')
    else log.info({ signal }, 'stopping')
    const failures = await closeAll(closers).then(() => [], errorsIn)
    for (const { message } of failures) log.error({ error: message }, 'something did not close as it should')
    log.info({}, 'stopped')
    await new Promise<unknown>((resolve) => log.flush(resolve))
    if (failures[0]) throw failures[0]
  })
  try {
    const [url, privateUrl] = await open(config, host, log, closers)
    const [webhook, ...others] = channels.map(({ name }) => `${url}${webhookPaths(name)[0]}`)
    const webhooks = others.length > 0 ? { webhooks: [webhook, ...others] } : { webhook }
    log.info({ url, ...webhooks, ...(privateUrl && { privateUrl }) }, 'listening')
  } catch (error) {
    uninstall()
    await closeAll(closers, error)
  }
}

/**
 * Opens everything, adding to `closers` as it goes. Returns the URL, and that of health and metrics where they are
 * apart.
 */
async function open(
  { settings, channels, files }: Config<SettingName>,
  host: Host,
  log: Log,
  closers: Closers,
): Promise<string[]> {
  const tracing = await startTracing(host, log)
  if (tracing) closers.push(tracing.stop)
  const createHttp = tracing?.createHttp
  const metrics = createMetrics()
  const meter = createMeter()
  const warn = (sentence: string) => log.warn({}, sentence)
  const ledger = await openLedger({
    url: settings.DATABASE_URL,
    messagerWindowMs: windowMsOf(settings),
    onCommit: metrics.committed,
    ...(tracing && { trace: tracing.commits }),
    onWarning: warn,
    onLost(error) {
      // Nothing can be stored any more, and no request may be taken: whoever started this process starts it anew.
      log.fatal({ error: error.message }, 'the ledger is lost')
      process.exit(EXIT.failed)
    },
  })
  closers.push(ledger.close)
  for (const { sentence } of await foreignChannels(ledger, channels)) warn(sentence)
  const secrets = [...secretFiles(settings.DATABASE_URL, host.env, host.cwd()), ...files]
  for (const sentence of warnOfReadable(secrets, process.platform)) warn(sentence)
  const observer = {
    ...metrics.delivery,
    accepted(channel: string, seconds: number) {
      metrics.delivery.accepted(channel, seconds)
      meter.accepted(seconds)
      presence.delivered(channel)
    },
  }
  const { deliverer, braze, holder } = createDelivery(settings, channels, {
    ledger,
    log,
    observer,
    createHttp,
  })
  const presence = createPresence({
    ledger,
    id: holder,
    channels: channels.map(({ name }) => name),
    delivery: deliverer.delivery,
    log,
  })
  closers.push(braze.close)
  const api = createApi(settings, channels, { ledger, log })
  if (api) closers.push(api.close)
  const keepers = createTokenKeepers(settings, channels, { ledger, log, createHttp })
  closers.push(keepers.close)
  const quotas = createQuotaWatches(settings, channels, log)
  closers.push(quotas.close)
  const isDelivering = () => deliverer.delivery().state !== 'standby'
  const options = {
    version: VERSION,
    log,
    channels,
    ledger,
    api,
    page: createPage(settings, channels, { ledger, meter, server: holder, quotas: quotas.status }),
    observer: {
      ...metrics.webhooks,
      answered(channel: string, outcome: Outcome) {
        metrics.webhooks.answered(channel, outcome)
        if (outcome === 'accepted') presence.webhookStored(channel)
      },
      read(channel: string, types: readonly EventType[]) {
        metrics.webhooks.read(channel, types)
        meter.stored(channel, types.length)
      },
    },
    linkObserver: metrics.linked,
    instrument: tracing?.webhooks,
    bodyLimitBytes: settings.BODY_LIMIT_BYTES,
    delivery: deliverer.delivery,
    tokens: keepers.status,
    metricsText: metrics.page({
      isDelivering,
      channels: channels.map(({ name }) => name),
      tokens: keepers.status,
      quotas: quotas.status,
    }),
  }
  const addresses = addressesOf(settings)
  const apps = await Promise.all(addresses.map(({ parts }) => createServer(options, parts)))
  closers.push(() => {
    ledger.hasten(STOP_PATIENCE_MS)
    const servers = apps.map((app) => () => closeServer(app))
    return closeTogether([...servers, deliverer.stop, keepers.stop, quotas.stop]).finally(presence.stop)
  })

  const urls: string[] = []
  for (const [i, app] of apps.entries()) urls.push(await listen(app, addresses[i] as Address))
  deliverer.start()
  keepers.start()
  quotas.start()
  presence.start()
  return urls
}
