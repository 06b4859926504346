import { stringify } from 'csv-stringify/sync'
import { GROWTH } from '../ledger/ledger.ts'
import type { GrowthDay } from './growth.ts'

const COLUMNS = [
  'day',
  'channel',
  ...GROWTH,
  'reachable',
  'friend',
  'messager',
  'gone',
  'linked',
] as const satisfies readonly (keyof GrowthDay)[]

/** As `status --csv` prints it, and the page hands it out. */
export const csvOf = (growth: readonly GrowthDay[]): string =>
  stringify([...growth], { header: true, columns: [...COLUMNS] })
