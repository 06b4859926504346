import { setTimeout as sleep } from 'node:timers/promises'
import { parseEnv } from 'node:util'
import { DiagLogLevel, diag } from '@opentelemetry/api'
import { readDotenv } from '../config/load.ts'
import type { Environment } from '../config/texts.ts'
import type { Log } from './environment.ts'
import type { Host } from './host.ts'
import { createSpans, type Spans } from './spans.ts'
import { VERSION } from './version.ts'

const NAME = 'line-braze'

/** For so long a stop waits for the last spans to leave; a collector that is away holds it up no longer. */
const FLUSH_MS = 2_000

/** The same trouble with the collector is told again after so long. */
const TOLD_MS = 600_000

/** Whether OpenTelemetry's variables ask for traces: by an exporter, or by the address of a collector. */
export function asksForTraces(env: Environment): boolean {
  if (env.OTEL_SDK_DISABLED?.toLowerCase() === 'true') return false
  if (env.OTEL_TRACES_EXPORTER) return env.OTEL_TRACES_EXPORTER !== 'none'
  return Boolean(env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT || env.OTEL_EXPORTER_OTLP_ENDPOINT)
}

/**
 * Loads OpenTelemetry and starts it, where its variables ask for traces, in the environment or in `.env`; else, and where
 * it is not installed or does not start, nothing is loaded or left behind.
 */
export async function startTracing(
  host: Host,
  log: Log,
): Promise<(Spans & { stop: () => Promise<void> }) | undefined> {
  const env = { ...parseEnv(readDotenv(host.cwd())), ...host.env }
  if (!asksForTraces(env)) return
  try {
    const { NodeSDK } = await import('@opentelemetry/sdk-node')
    // It reads its variables there and nowhere else.
    for (const [name, value] of Object.entries(env))
      if (name.startsWith('OTEL_') && value) process.env[name] ??= value
    const isNamed = env.OTEL_SERVICE_NAME || env.OTEL_RESOURCE_ATTRIBUTES?.includes('service.name=')
    const sdk = new NodeSDK({
      ...(!isNamed && { serviceName: NAME }),
      // Metrics are for Prometheus, and the log goes to stderr.
      metricReaders: [],
      logRecordProcessors: [],
    })
    // Before it starts, and after its constructor, which may have set one that writes to the console.
    const logLevel = levelOf(env.OTEL_LOG_LEVEL)
    diag.setLogger(createDiagnosis(log), { logLevel, suppressOverrideMessage: true })
    sdk.start()
    log.info({}, 'traces are sent, as the variables of OpenTelemetry say')
    return {
      ...createSpans(NAME, VERSION),
      stop: () => within(FLUSH_MS, sdk.shutdown()),
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const why =
      code === 'ERR_MODULE_NOT_FOUND'
        ? '@opentelemetry/sdk-node is not installed, as by npm ci with --omit=optional; install it or unset the variables'
        : `OpenTelemetry does not start: ${message}`
    log.warn({}, `No traces are sent, which OTEL_… variables ask for: ${why}`)
  }
}

/** Waits for `end`, however it ends, and no longer than this. */
async function within(ms: number, end: Promise<void>) {
  const ended = new AbortController()
  const patience = sleep(ms, undefined, { signal: ended.signal })
  await Promise.race([end, patience]).catch(() => {})
  ended.abort()
  await patience.catch(() => {})
}

const levelOf = (name = 'warn') =>
  DiagLogLevel[name.toUpperCase() as keyof typeof DiagLogLevel] ?? DiagLogLevel.WARN

/** OpenTelemetry's own trouble in our log: at warn what is new, at debug what was said already. */
function createDiagnosis(log: Log) {
  let told = { words: '', at: Number.NEGATIVE_INFINITY }
  const debug = (said: string) => log.debug({ said: wordsOf(said) }, 'OpenTelemetry')
  function warn(said: string) {
    const words = wordsOf(said)
    const now = performance.now()
    if (words === told.words && now - told.at < TOLD_MS) return debug(said)
    told = { words, at: now }
    log.warn({ said: words }, 'traces do not leave as they should; the server goes on without them')
  }
  return { error: warn, warn, info: debug, debug, verbose: debug }
}

/** An error comes as JSON, with its stack. */
function wordsOf(said: string): string {
  try {
    return String(JSON.parse(said).message)
  } catch {
    return said
  }
}
