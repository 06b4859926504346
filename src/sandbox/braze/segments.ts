import { type Reply, refusal } from '../answers.ts'
import { type Random, uuid } from '../random.ts'
import type { Profiles } from './profiles.ts'

interface Segment {
  attribute: string
  createdAt: number
  /** What Braze takes the size to be; null: what it is. */
  estimate: number | null
}

const dayMs = 86_400_000
const maxLength = 100

/** "Is not blank", as the dashboard filters. */
export const isNotBlank = (value: unknown): boolean => typeof value === 'string' && value.trim() !== ''

/** The workspace's segments, each of whoever has an attribute that is not blank. [SEGMENTS] */
export function createSegments({
  profiles,
  random,
  clock,
}: {
  profiles: Profiles
  random: Random
  clock: () => number
}) {
  const segments = new Map<string, Segment>()

  const controls = {
    /** A person builds the segment "`attribute` is not blank". Returns its API identifier. */
    createSegment(attribute = 'line_id'): string {
      const id = uuid(random)
      segments.set(id, { attribute, createdAt: clock(), estimate: null })
      return id
    },
    /** What Braze estimates the size to be from now on; null: it is right. */
    estimateSegment(id: string, estimate: number | null) {
      const segment = segments.get(id)
      if (segment === undefined) throw new Error('There is no such segment in the sandbox')
      segment.estimate = estimate
    },
  }

  const sizeOf = ({ attribute, estimate }: Segment) =>
    estimate ??
    Array.from(profiles.all()).filter(({ attributes }) => isNotBlank(attributes.get(attribute))).length

  /** Answers `GET /segments/data_series`: the days since the segment was built. What it says where something is wrong Braze does not document. */
  function dataSeries({ segment_id = '', length = '', ending_at }: Record<string, string>): Reply {
    const segment = segments.get(segment_id)
    if (segment === undefined) return refusal(400, "invalid 'segment_id'")
    if (!/^\d+$/.test(length) || Number(length) < 1 || Number(length) > maxLength)
      return refusal(400, "'length' must be between 1 and 100")
    const end = ending_at === undefined ? clock() : Date.parse(ending_at)
    if (Number.isNaN(end)) return refusal(400, "invalid 'ending_at'")
    const size = sizeOf(segment)
    const days = Array.from({ length: Number(length) }, (_, ago) => end - ago * dayMs).filter(
      (day) => dayOf(day) >= dayOf(segment.createdAt),
    )
    const data = days.reverse().map((day) => ({ time: dayOf(day), size }))
    return { status: 200, body: { data, message: 'success' } }
  }

  return { controls, dataSeries }
}

const dayOf = (time: number) => new Date(time).toISOString().slice(0, 10)
