import type { ChannelSettings } from '../config/channels.ts'
import { partsOf, type Settings } from '../config/settings.ts'
import { findPeople } from '../desk/find.ts'
import { type Inspection, type InspectLedger, inspect } from '../desk/inspect.ts'
import type { Page } from '../http/page/page.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { type InspectSettings, inspectMeansOf } from './inspect.ts'

/** A customer with more contacts than that is none. */
const PEOPLE = 20

interface Means extends Omit<Page, 'tokens' | 'find'> {
  readonly ledger: Page['ledger'] & InspectLedger & Pick<Ledger, 'contacts' | 'counts'>
}

/** What the operator's page needs; undefined without API_TOKENS. */
export function createPage(
  settings: InspectSettings & Pick<Settings, 'API_TOKENS'>,
  channels: readonly Pick<ChannelSettings, 'name'>[],
  means: Means,
): Page | undefined {
  const { API_TOKENS: tokens } = settings
  if (tokens === undefined) return undefined
  const { ledger } = means

  /** Also in channels that only the database knows. */
  async function find(id: string): Promise<Inspection[]> {
    const known = (await ledger.counts()).map(({ channel }) => channel)
    const names = [...new Set([...channels.map(({ name }) => name), ...known])]
    const keys = (await findPeople(ledger, names, id)).slice(0, PEOPLE)
    const people = await Promise.all(keys.map((key) => inspect(key, { ledger, ...inspectMeansOf(settings) })))
    return people.filter((person) => person !== null)
  }
  return { tokens: partsOf(tokens), find, ...means }
}
