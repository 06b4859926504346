import { type ChannelReading, readChannels } from '../config/channels.ts'
import { readDotenv, readSettings, SettingsError } from '../config/load.ts'
import { misspelt } from '../config/misspelt.ts'
import type { Settings } from '../config/settings.ts'
import { warningsFor } from '../config/warnings.ts'
import type { Need } from '../doctor/braze.ts'
import { type Check, ok, sentence, warning, wrong } from '../doctor/check.ts'
import { type ChannelChoice, chosen, withOneAlias } from './channels.ts'
import { secretFiles } from './environment.ts'
import type { Host } from './host.ts'
import { warnOfReadable } from './readable.ts'

/** The settings as far as they are right, and the channels. */
export interface SettingsFound {
  readonly settings: Partial<Settings>
  readonly channels: readonly ChannelReading[]
  /** Those that were chosen. */
  readonly checked: readonly ChannelReading[]
  readonly isListed: boolean
  readonly checks: readonly Check[]
}

/** @throws UsageError where the channel that was chosen is none */
export function readWhatIsThere(host: Host, choice: ChannelChoice): SettingsFound {
  const problems: string[] = []
  let dotenv = ''
  try {
    dotenv = readDotenv(host.cwd())
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error
    problems.push(error.message)
  }
  const { settings, problems: ofSettings } = readSettings(host.env, dotenv)
  const { channels, isListed, files, problems: ofChannels } = readChannels(host.env, dotenv)
  problems.push(...ofSettings, ...ofChannels)
  if (settings.BRAZE_MERGE_PROFILES) problems.push(...withOneAlias(channels))
  const warnings = [
    ...misspelt(host.env, dotenv),
    ...warningsFor(settings, channels),
    ...warnOfReadable(
      [...secretFiles(settings.DATABASE_URL, host.env, host.cwd()), ...files],
      process.platform,
    ),
  ]
  const checks = [
    ...[...new Set(problems)].map((line) => wrong('settings', sentence(line))),
    ...warnings.map((line) => warning('settings', sentence(line))),
  ]
  return {
    settings,
    channels,
    // Where none can be read, that is told already.
    checked: channels.length > 0 ? chosen(channels, choice) : [],
    isListed,
    checks:
      checks.length > 0 ? checks : [ok('settings', 'The settings are there, and can be what they are.')],
  }
}

/** What the key is needed for, by what the settings choose; whatever a command can do without is not needed. */
export function needsOf(settings: Partial<Settings>, channels: readonly ChannelReading[]): Need[] {
  const { BRAZE_CREATE_PROFILES, BRAZE_CHECK_CUSTOMERS, BRAZE_MERGE_PROFILES } = settings
  const looksUp = BRAZE_CHECK_CUSTOMERS !== false && BRAZE_CREATE_PROFILES !== 'always'
  const merges = BRAZE_MERGE_PROFILES === true
  const keepsTokens = channels.some(({ assertionKey }) => assertionKey !== undefined)
  const need = (permission: Need['permission'], to: string, isNeeded = true): Need => ({
    permission,
    to,
    isNeeded,
  })
  return [
    need('users.track', 'write the attribute'),
    need(
      'users.export.ids',
      looksUp || merges
        ? 'look customers up (which BRAZE_CHECK_CUSTOMERS=false does without) or verify'
        : 'verify',
      looksUp || merges,
    ),
    ...(merges
      ? [
          need('users.identify', 'merge alias profiles (BRAZE_MERGE_PROFILES)'),
          need('users.alias.update', 'free the alias of who was merged (BRAZE_MERGE_PROFILES)'),
        ]
      : []),
    ...(keepsTokens
      ? [
          need('content_blocks.list', "find the Content Block with LINE's token"),
          need('content_blocks.info', "read the Content Block with LINE's token"),
          need('content_blocks.create', "make the Content Block with LINE's token"),
          need('content_blocks.update', "write LINE's token into its Content Block"),
        ]
      : []),
    need('users.delete', 'delete the alias profile of who is forgotten (forget --delete-profile)', false),
    need('segments.data_series', "compare a segment's size (segment --segment-id)", false),
  ]
}
