import type { Settings } from '../config/settings.ts'
import type { InspectOptions } from '../desk/inspect.ts'
import { windowMsOf } from './environment.ts'

/** What says what is to become of people, beside what is known of them. */
export const INSPECT_SETTINGS = [
  'BRAZE_CREATE_PROFILES',
  'BRAZE_MERGE_PROFILES',
  'MESSAGER_WINDOW_DAYS',
] as const

export type InspectSettings = Pick<Settings, (typeof INSPECT_SETTINGS)[number]>

export const inspectMeansOf = (
  settings: InspectSettings,
): Pick<InspectOptions, 'makesProfiles' | 'mergesProfiles' | 'messagerWindowMs'> => ({
  makesProfiles: settings.BRAZE_CREATE_PROFILES !== 'false',
  mergesProfiles: settings.BRAZE_MERGE_PROFILES,
  messagerWindowMs: windowMsOf(settings),
})
