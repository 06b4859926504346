import { createSegments } from '../braze/segments.ts'
import type { Settings } from '../config/settings.ts'
import type { Host } from './host.ts'

/** What a process needs to ask Braze for the size of a segment. */
export const SEGMENT_SETTINGS = ['BRAZE_REST_ENDPOINT', 'BRAZE_API_KEY', 'BRAZE_TIMEOUT_MS'] as const

export const createSegmentSizes = (
  settings: Pick<Settings, (typeof SEGMENT_SETTINGS)[number]>,
  sleep: Host['sleep'],
) =>
  createSegments({
    endpoint: settings.BRAZE_REST_ENDPOINT,
    apiKey: settings.BRAZE_API_KEY,
    timeoutMs: settings.BRAZE_TIMEOUT_MS,
    sleep,
  })
