import { createHttpClient, NoAnswer } from '../wire/client.ts'
import { foreignWords } from '../wire/foreign-words.ts'
import { type Attempt, type RetryOptions, retry } from '../wire/retry.ts'
import { readSaid } from './said.ts'

export interface SegmentsOptions extends Pick<RetryOptions, 'random' | 'sleep'> {
  /** The REST endpoint's URL. */
  readonly endpoint: string
  readonly apiKey: string
  /** For one request, until the last byte of its answer. */
  readonly timeoutMs: number
}

/** What Braze says of how many people are in a segment. */
export type SegmentAnswer =
  /** On a day, as `2026-09-01`, about: Braze looks at a part of the people. */
  | { readonly kind: 'size'; readonly size: number; readonly day: string }
  /** Braze has counted it on no day yet. */
  | { readonly kind: 'none' }
  /** The key may not ask; a sentence says what it lacks. */
  | { readonly kind: 'forbidden'; readonly reason: string }

const PERMISSION = 'segments.data_series'
/** Somebody waits. */
const RETRIES = 1
const LONGEST_WAIT_MS = 5_000

/** Braze's segments, as far as their sizes. Source: braze.com/docs/api/endpoints/export/segments/get_segment_analytics */
export function createSegments({ endpoint, apiKey, timeoutMs, random, sleep }: SegmentsOptions) {
  const client = createHttpClient({ baseUrl: endpoint, timeoutMs })
  const words = (said: unknown) => foreignWords(said, { secrets: [apiKey] })

  async function attempt(path: string, signal?: AbortSignal): Promise<Attempt<SegmentAnswer>> {
    const request = { method: 'GET', path, headers: { authorization: `Bearer ${apiKey}` } } as const
    const answer = await client.send(request, signal).catch((cause: unknown) => {
      if (cause instanceof NoAnswer) return cause
      throw cause
    })
    if (answer instanceof NoAnswer)
      return { error: new Error(`Braze cannot be reached: ${words(answer.message)}`), mayPass: true }
    const how = { read: readSeries, permission: PERMISSION, gapMs: 0, now: Date.now(), words }
    const said = readSaid<SegmentAnswer>(answer, how)
    switch (said.kind) {
      case 'done':
        return { value: said.value }
      case 'forbidden':
        return { value: { kind: 'forbidden', reason: said.reason } }
      case 'wait':
        return { error: new Error(said.reason), mayPass: (said.forMs ?? 0) <= LONGEST_WAIT_MS }
      default:
        return { error: new Error(said.reason), mayPass: said.kind === 'retry' }
    }
  }

  return {
    /**
     * The newest size of the segment.
     *
     * @param id its API identifier
     * @throws Error with a sentence for a person; the reason of `signal` once that aborts
     */
    size(id: string, signal?: AbortSignal): Promise<SegmentAnswer> {
      const path = `/segments/data_series?${new URLSearchParams({ segment_id: id, length: '2' })}`
      return retry(() => attempt(path, signal), { signal, retries: RETRIES, random, sleep })
    },

    close: client.close,
  }
}

export type Segments = ReturnType<typeof createSegments>

function readSeries({ message, data }: Readonly<Record<string, unknown>>): SegmentAnswer | undefined {
  if (message !== 'success' || !Array.isArray(data)) return undefined
  const days = data.flatMap((entry) => {
    const { time, size } = Object(entry)
    const [day] = /^\d{4}-\d\d-\d\d/.exec(String(time)) ?? []
    return day !== undefined && Number.isSafeInteger(size) ? [{ day, size: size as number }] : []
  })
  if (days.length < data.length) return undefined
  const newest = days.sort((a, b) => (a.day < b.day ? -1 : 1)).at(-1)
  return newest ? { kind: 'size', ...newest } : { kind: 'none' }
}
