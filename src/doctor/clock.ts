import { spanOf } from '../desk/words.ts'
import { headerOf } from '../wire/answer.ts'
import type { HttpAnswer } from '../wire/client.ts'
import { type Check, notChecked, ok, warning, wrong } from './check.ts'

/** Somebody else's clock. */
export interface ClockReading {
  readonly whose: string
  /** How far it goes before ours; it can be told within `byMs`, half of the time that the answer took. */
  readonly aheadMs: number
  readonly byMs: number
}

/** The header says whole seconds. */
const HALF_A_SECOND = 500
/** More than clocks that are kept right ever differ. */
const WARNING_MS = 30_000
/** As much as a backfill allows for; LINE takes assertions up to 15 minutes. */
const WRONG_MS = 300_000

/** The clock of whoever has answered, in a request that was made from `sentAt` to `answeredAt`; undefined where no `Date` says it. */
export function readClock(
  whose: string,
  headers: HttpAnswer['headers'],
  sentAt: number,
  answeredAt: number,
): ClockReading | undefined {
  const date = Date.parse(String(headerOf(headers, 'date')))
  if (Number.isNaN(date)) return undefined
  const halfMs = (answeredAt - sentAt) / 2
  return { whose, aheadMs: date + HALF_A_SECOND - (sentAt + halfMs), byMs: halfMs + HALF_A_SECOND }
}

/** Ours is right where anybody else's agrees with it. */
export function checkClock(readings: readonly ClockReading[]): Check {
  const name = 'clock'
  const [nearest, ...others] = readings.toSorted((a, b) => offOf(a) - offOf(b))
  if (!nearest) return notChecked(name, 'Nobody who has answered says what time it is.')
  const off = offOf(nearest)
  if (off > WARNING_MS) {
    const how = nearest.aheadMs > 0 ? 'behind' : 'ahead of'
    const judge = off > WRONG_MS ? wrong : warning
    return judge(
      name,
      `This machine's clock is ${spanOf(Math.abs(nearest.aheadMs))} ${how} ${namesOf(readings)}: backfill dates LINE's list by it, and LINE refuses what a key has signed once it is 15 minutes off. Let NTP set it.`,
    )
  }
  const strange = others.filter((reading) => offOf(reading) > WARNING_MS)
  if (strange.length > 0)
    return warning(
      name,
      `This machine's clock agrees with ${nearest.whose}'s, and the Date of ${namesOf(strange)} is ${spanOf(offOf(strange[0] as ClockReading))} off: something on the way changes it.`,
    )
  return ok(
    name,
    `This machine's clock agrees with ${readings.map(({ whose }) => `${whose}'s`).join(' and ')}.`,
  )
}

const offOf = ({ aheadMs, byMs }: ClockReading) => Math.max(0, Math.abs(aheadMs) - byMs)
const namesOf = (readings: readonly ClockReading[]) => readings.map(({ whose }) => whose).join(' and ')
