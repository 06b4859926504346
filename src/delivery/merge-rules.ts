import type { Profiles } from '../braze/export.ts'
import type { DueMerge } from '../ledger/ledger.ts'

/** So often an alias profile is handed over, and looked at, before it counts as left alone. */
const ATTEMPTS = 3

/** What follows from a look at an alias profile: a request, or another look, or what became of it. */
export type Verdict = 'identify' | 'rename' | 'wait' | 'merged' | 'left' | 'unknown' | 'renamed'

/**
 * What is to be done with an alias profile that was handed over, or is to be now, or whose alias is to be free.
 *
 * Braze answers every request with success and says nowhere what came of it, so that only a look tells. A look that finds
 * nothing changed hands over once more: the request may have been lost with the process that made it.
 *
 * @param profiles what Braze knows of the alias and of the customer; null where the key may not look
 * @param merges whether alias profiles may be handed over
 */
export function verdictOf(merge: DueMerge, profiles: Profiles | null, merges: boolean): Verdict {
  return merge.action === 'rename' ? afterRename(merge, profiles) : afterLook(merge, profiles, merges)
}

function afterLook(merge: DueMerge, profiles: Profiles | null, merges: boolean): Verdict {
  const { channel, externalId, tries } = merge
  if (!profiles) return tries === 0 && merges ? 'identify' : 'unknown'
  const alias = profiles.at(aliasPlace(merge))
  // Braze has none to hand over; or it is part of the customer's profile, which need not list it.
  if (!alias) return tries === 0 ? 'left' : 'merged'
  if (alias.externalId === externalId) return 'merged'
  // Somebody else has it, or the customer was renamed.
  if (alias.externalId !== null) return 'unknown'
  if (tries >= ATTEMPTS) return 'left'
  const customer = profiles.at(customerPlace(merge))
  // An unknown customer would be made of it, and a wrong external id must not make a customer.
  if (!customer || !merges) return 'wait'
  // Braze combines nothing where the customer has an alias of that label: from an earlier LINE account, as a rule.
  return customer.aliasIn(channel) === undefined ? 'identify' : 'left'
}

/** The alias is free when it leads to nobody, or to a profile that is nobody's. */
function afterRename(merge: DueMerge, profiles: Profiles | null): Verdict {
  if (merge.tries === 0) return 'rename'
  const alias = profiles?.at(aliasPlace(merge))
  return alias && alias.externalId !== null ? 'rename' : 'renamed'
}

export const aliasPlace = ({ channel, userId }: DueMerge) => ({ channel, address: { userId } })
export const customerPlace = ({ channel, externalId }: DueMerge) => ({ channel, address: { externalId } })
