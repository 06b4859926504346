import { statfs } from 'node:fs/promises'
import { type ChannelReading, nameOf } from '../config/channels.ts'
import type { Settings } from '../config/settings.ts'
import { checkBraze } from '../doctor/braze.ts'
import { notChecked } from '../doctor/check.ts'
import { type ClockReading, checkClock } from '../doctor/clock.ts'
import { checkDatabase, checkDisk } from '../doctor/database.ts'
import { type Part, within } from '../doctor/doctor.ts'
import { checkChannel, reachLine } from '../doctor/line.ts'
import { checkServer, noServer } from '../doctor/server.ts'
import { webhookPaths } from '../http/routes.ts'
import type { LedgerFacts } from '../ledger/facts.ts'
import { LedgerError } from '../ledger/ledger.ts'
import { lookAtLedger, lookAtLedgerPlace } from '../ledger/open.ts'
import { createCaller } from '../line/call.ts'
import { createHttpClient } from '../wire/client.ts'
import { addressesOf } from './addresses.ts'
import type { ChannelChoice } from './channels.ts'
import { needsOf, readWhatIsThere, type SettingsFound } from './doctor-settings.ts'
import type { Host } from './host.ts'
import { createLineHttp, tokensFor } from './line-api.ts'
import { VERSION } from './version.ts'

export interface DoctorChoices extends ChannelChoice {
  /** Whether LINE is to be asked to post a webhook. */
  readonly webhookTest?: boolean
  /** Where LINE reaches the server, such as `https://your.host`. */
  readonly url?: string
}

interface Means {
  readonly host: Host
  readonly choices: DoctorChoices
  closing(close: () => unknown): void
}

/** A server on this machine, or near to it. */
const SERVER_TIMEOUT_MS = 5_000
const DATABASE_WAIT_MS = 5_000
/** A file system of a network may never answer, and what else there is to check waits for some of it. */
const DATABASE_LIMIT_MS = 20_000
/** Nobody is helped by waiting for longer, whatever the settings allow a request. */
const REQUEST_LIMIT_MS = 10_000
const CONNECTIONS = 4

/** What is to be checked, as far as the settings go. */
export function createDoctor(means: Means): Part[] {
  const reading = readWhatIsThere(means.host, means.choices)
  const { settings, channels, checked } = reading
  const clocks: Promise<ClockReading | undefined>[] = []
  const { ledger, parts: ofDatabase } = databaseParts(reading, means)
  const line = linePart(settings, clocks, means)
  const braze = brazePart(settings, channels, clocks, means)
  return [
    { name: 'settings', check: async () => reading.checks },
    ...ofDatabase,
    {
      name: 'clock',
      check: async () => [checkClock((await Promise.all(clocks)).filter((clock) => clock !== undefined))],
    },
    line,
    ...checked.map((channel) => channelPart(channel, reading, ledger, means)),
    braze,
    serverPart(settings, ledger, means),
  ]
}

function databaseParts({ settings, channels }: SettingsFound, { host }: Means) {
  const { DATABASE_URL: url } = settings
  if (url === undefined) {
    const check = async () => [notChecked('database', 'DATABASE_URL is wrong.')]
    return { ledger: Promise.resolve(null), parts: [{ name: 'database', check }] }
  }
  const looked: Promise<LedgerFacts | Error> = within(
    DATABASE_LIMIT_MS,
    lookAtLedger(url, DATABASE_WAIT_MS).catch(ledgerError),
    () => new LedgerError(`The database has not answered within ${DATABASE_LIMIT_MS / 1_000} seconds.`),
  )
  const ledger = looked.then(
    (facts) => (facts instanceof Error ? null : facts),
    () => null,
  )
  const names = channels.map(({ name }) => name)
  return {
    ledger,
    parts: [
      { name: 'database', check: async () => checkDatabase(await looked, names) },
      {
        name: 'database.disk',
        async check() {
          const place = await lookAtLedgerPlace(url, host.statfs ?? statfs).catch(ledgerError)
          return place ? [checkDisk(place, process.platform)] : []
        },
      },
    ],
  }
}

function ledgerError(error: unknown): Error {
  if (error instanceof LedgerError) return error
  throw error
}

const timeoutOf = (ms: number | undefined) => Math.min(ms ?? REQUEST_LIMIT_MS, REQUEST_LIMIT_MS)

function linePart(
  { LINE_API_BASE_URL: baseUrl, LINE_TIMEOUT_MS: timeoutMs }: Partial<Settings>,
  clocks: Promise<ClockReading | undefined>[],
  { closing }: Means,
): Part {
  const name = 'line'
  if (baseUrl === undefined)
    return { name, check: async () => [notChecked(name, 'LINE_API_BASE_URL is wrong.')] }
  const http = createHttpClient({ baseUrl, timeoutMs: timeoutOf(timeoutMs), connections: 1 })
  closing(http.close)
  const { promise, resolve } = Promise.withResolvers<ClockReading | undefined>()
  clocks.push(promise)
  return {
    name,
    async check(signal) {
      try {
        const { check, clock } = await reachLine({ http, signal, clock: Date.now })
        resolve(clock)
        return [check]
      } finally {
        resolve(undefined)
      }
    },
  }
}

const SILENT = { debug() {}, warn() {} }

function channelPart(
  channel: ChannelReading,
  { settings, channels, isListed }: SettingsFound,
  ledger: Promise<LedgerFacts | null>,
  { host, choices, closing }: Means,
): Part {
  const part = { name: 'line.token', channel: channels.length > 1 ? channel.name : undefined }
  const { LINE_API_BASE_URL } = settings
  if (LINE_API_BASE_URL === undefined)
    return { ...part, check: async () => [notChecked(part.name, 'LINE_API_BASE_URL is wrong.')] }
  const http = createLineHttp(
    { LINE_API_BASE_URL, LINE_TIMEOUT_MS: timeoutOf(settings.LINE_TIMEOUT_MS) },
    CONNECTIONS,
  )
  closing(http.close)
  const call = createCaller({ http, log: SILENT, sleep: host.sleep, retries: 1 })
  const { channelId, secrets, accessToken, assertionKey } = channel
  const isIssued = channelId !== undefined && (assertionKey !== undefined || secrets.length > 0)
  return {
    ...part,
    check: (signal) =>
      checkChannel({
        call,
        tokens: tokensFor(channel, call),
        fixedToken: isIssued ? undefined : accessToken,
        channelId,
        secrets,
        names: {
          token: nameOf('accessToken', channel, isListed),
          channelId: nameOf('channelId', channel, isListed),
          secret: nameOf('secret', channel, isListed),
        },
        paths: webhookPaths(channel.name),
        serverUrl: choices.url,
        isTested: choices.webhookTest === true,
        channel: channel.name,
        ledger,
        signal,
      }),
  }
}

function brazePart(
  settings: Partial<Settings>,
  channels: readonly ChannelReading[],
  clocks: Promise<ClockReading | undefined>[],
  { closing }: Means,
): Part {
  const name = 'braze'
  const { BRAZE_REST_ENDPOINT: baseUrl, BRAZE_API_KEY: apiKey } = settings
  if (baseUrl === undefined)
    return { name, check: async () => [notChecked(name, 'BRAZE_REST_ENDPOINT is missing or wrong.')] }
  const timeoutMs = timeoutOf(settings.BRAZE_TIMEOUT_MS)
  const http = createHttpClient({ baseUrl, timeoutMs, connections: CONNECTIONS })
  closing(http.close)
  const { promise, resolve } = Promise.withResolvers<ClockReading | undefined>()
  clocks.push(promise)
  const asking = { http, clock: Date.now, apiKey, needs: needsOf(settings, channels) }
  return {
    name,
    async check(signal) {
      try {
        const { checks, clock } = await checkBraze({ ...asking, signal })
        resolve(clock)
        return checks
      } finally {
        resolve(undefined)
      }
    },
  }
}

function serverPart(
  settings: Partial<Settings>,
  ledger: Promise<LedgerFacts | null>,
  { closing }: Means,
): Part {
  const name = 'server'
  const { HOST, PORT, ...rest } = settings
  if (HOST === undefined || PORT === undefined)
    return { name, check: () => noServer(notChecked(name, 'HOST or PORT is wrong.'), ledger) }
  const address = addressesOf({ HOST, PORT, ...rest }).find(({ parts }) => parts.includes('private'))
  const { host = '', port = 0, names: [, portName] = ['HOST', 'PORT'] } = address ?? {}
  if (port === 0)
    return {
      name,
      check: () => noServer(notChecked(name, `${portName} is 0: nobody knows where a server is.`), ledger),
    }
  const url = `http://${reachable(host)}:${port}`
  const http = createHttpClient({ baseUrl: url, timeoutMs: SERVER_TIMEOUT_MS, connections: 1 })
  closing(http.close)
  return {
    name,
    check: (signal) => checkServer({ http, url, version: VERSION, ledger, signal, clock: Date.now }),
  }
}

/** Where one calls who listens there. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
}
