import { randomUUID } from 'node:crypto'
import { createBrazeClient } from '../braze/client.ts'
import { SETTING_NAMES, type SettingName, type Settings } from '../config/settings.ts'
import { createDeliverer, type DelivererOptions } from '../delivery/deliverer.ts'
import { CHANNEL } from './environment.ts'

/** What a process needs to tell Braze anything. */
export const BRAZE_SETTINGS = SETTING_NAMES.filter((name): name is Extract<SettingName, `BRAZE_${string}`> =>
  name.startsWith('BRAZE_'),
)

export type BrazeSettings = Pick<Settings, (typeof BRAZE_SETTINGS)[number]>

export const createBraze = (settings: BrazeSettings) =>
  createBrazeClient({
    endpoint: settings.BRAZE_REST_ENDPOINT,
    apiKey: settings.BRAZE_API_KEY,
    concurrency: settings.BRAZE_CONCURRENCY,
    timeoutMs: settings.BRAZE_TIMEOUT_MS,
    channels: new Map([
      [CHANNEL, { attribute: settings.BRAZE_ATTRIBUTE, aliasLabel: settings.BRAZE_ALIAS_LABEL }],
    ]),
    createProfiles: settings.BRAZE_CREATE_PROFILES ? 'true' : 'false',
  })

/** A deliverer that is not started yet, and the client that is to be closed after it has stopped. */
export function createDelivery(
  settings: BrazeSettings,
  parts: Pick<DelivererOptions, 'ledger' | 'log' | 'observer'>,
) {
  const braze = createBraze(settings)
  const deliverer = createDeliverer({
    ...parts,
    braze,
    holder: randomUUID(),
    settleMs: settings.BRAZE_SETTLE_MS,
    requestsPerSecond: settings.BRAZE_REQUESTS_PER_SECOND,
    concurrency: settings.BRAZE_CONCURRENCY,
    checkCustomers: true,
    mergeProfiles: false,
  })
  return { deliverer, braze }
}
