import { idOf, type Place } from '../braze/attributes.ts'
import { type Profiles, readExport } from '../braze/export.ts'
import { type Asked, type Asker, type AskerOptions, createAsker } from './asker.ts'

/** Looks profiles up in Braze, for all who do: they share a limit, and what the key may. */
export interface LookUp extends Pick<Asker, 'isForbidden' | 'delayMs'> {
  /** At most 50. */
  ask(places: readonly Place[]): Promise<Asked<Profiles>>
}

export function createLookUp(options: Omit<AskerOptions, 'name' | 'without'>): LookUp {
  const { braze } = options
  const asker = createAsker({
    ...options,
    name: 'looking profiles up',
    without: 'links are believed, also those to customers whom Braze does not know',
  })
  return {
    ...asker,
    ask: (places) =>
      asker.ask({
        ids: places.map(idOf),
        send: () => braze.exportProfiles(places),
        read: (answer, { now, words }) =>
          readExport(answer, places, { channels: braze.channels, now, words }),
      }),
  }
}
