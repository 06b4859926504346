import { randomUUID } from 'node:crypto'
import { type BrazeClientOptions, createBrazeClient } from '../braze/client.ts'
import { type ChannelSettings, channelSettings } from '../config/channels.ts'
import { SETTING_NAMES, type SettingName, type Settings } from '../config/settings.ts'
import { createDeliverer, type DelivererOptions } from '../delivery/deliverer.ts'

/** What a process needs to tell Braze anything, beside what is of each channel. */
export const BRAZE_SETTINGS = SETTING_NAMES.filter(
  (
    name,
  ): name is Exclude<
    Extract<SettingName, `BRAZE_${string}`>,
    'BRAZE_ATTRIBUTE' | 'BRAZE_ALIAS_LABEL' | 'BRAZE_TOKEN_BLOCK'
  > => name.startsWith('BRAZE_') && !channelSettings('webhooks').includes(name),
)

export type BrazeSettings = Pick<Settings, (typeof BRAZE_SETTINGS)[number]>

export const createBraze = (
  settings: BrazeSettings,
  channels: readonly ChannelSettings[],
  createHttp?: BrazeClientOptions['createHttp'],
) =>
  createBrazeClient({
    endpoint: settings.BRAZE_REST_ENDPOINT,
    apiKey: settings.BRAZE_API_KEY,
    concurrency: settings.BRAZE_CONCURRENCY,
    timeoutMs: settings.BRAZE_TIMEOUT_MS,
    channels: new Map(channels.map(({ name, attribute, aliasLabel }) => [name, { attribute, aliasLabel }])),
    createProfiles: settings.BRAZE_CREATE_PROFILES,
    createHttp,
  })

/** A deliverer that is not started yet, and the client that is to be closed after it has stopped. */
export function createDelivery(
  settings: BrazeSettings,
  channels: readonly ChannelSettings[],
  {
    createHttp,
    ...parts
  }: Pick<DelivererOptions, 'ledger' | 'log' | 'observer'> & Pick<BrazeClientOptions, 'createHttp'>,
) {
  const braze = createBraze(settings, channels, createHttp)
  const holder = randomUUID()
  const deliverer = createDeliverer({
    ...parts,
    braze,
    holder,
    settleMs: settings.BRAZE_SETTLE_MS,
    requestsPerSecond: settings.BRAZE_REQUESTS_PER_SECOND,
    concurrency: settings.BRAZE_CONCURRENCY,
    // Where an unknown external id makes a profile, there is nothing to wait for.
    checkCustomers: settings.BRAZE_CHECK_CUSTOMERS && settings.BRAZE_CREATE_PROFILES !== 'always',
    mergeProfiles: settings.BRAZE_MERGE_PROFILES,
  })
  return { deliverer, braze, holder }
}
