/** Which customers people are, and by what: what a ledger keeps of it, in memory. */
import type { Ledger, LinkEvidence, StoredLink } from '../../src/ledger/ledger.ts'

type Links = Pick<Ledger, 'link' | 'linkOnce' | 'addNonce' | 'redeemNonce'>

/** The part of a ledger that knows links; each moment that it gives is later than all before. */
export function createLinks(start: number) {
  const links = new Map<string, StoredLink>()
  const proofs = new Map<string, string>()
  const nonces = new Map<string, { channel: string; externalId: string; until: number; userId?: string }>()
  let now = start

  function set({ channel, userId, externalId, linkedAt }: LinkEvidence): StoredLink {
    const name = `${channel} ${userId}`
    const known = links.get(name)
    now += 1
    if ((known?.externalId ?? null) === externalId)
      return { channel, userId, externalId, linkedAt: known?.linkedAt ?? now, outcome: 'unchanged' }
    const link = { channel, userId, externalId, linkedAt: linkedAt ?? now }
    links.set(name, { ...link, outcome: 'unchanged' })
    return { ...link, outcome: externalId === null ? 'unlinked' : 'linked' }
  }

  const ledger: Links = {
    link: async (all) => all.map(set),
    async linkOnce(hash, link) {
      const proven = JSON.stringify(link)
      const used = proofs.get(hash)
      if (used === undefined) {
        proofs.set(hash, proven)
        return set({ ...link, linkedAt: null })
      }
      return used === proven ? (links.get(`${link.channel} ${link.userId}`) ?? null) : null
    },
    async addNonce(hash, channel, externalId, lifeMs) {
      nonces.set(hash, { channel, externalId, until: now + lifeMs })
      return now + lifeMs
    },
    async redeemNonce(hash, { channel, userId }, at) {
      const nonce = nonces.get(hash)
      if (nonce?.channel !== channel) return 'unknown'
      if (nonce.userId !== undefined) return nonce.userId === userId ? 'unchanged' : 'used'
      if (at > nonce.until) return 'expired'
      nonce.userId = userId
      return set({ channel, userId, externalId: nonce.externalId, linkedAt: at }).outcome
    },
  }
  return {
    ...ledger,
    /** The customer of somebody; undefined where nothing was ever said. */
    customerOf: (userId: string, channel = 'default') => links.get(`${channel} ${userId}`)?.externalId,
    /** What is kept of secrets that are good for one link. */
    hashes: () => [...proofs.keys(), ...nonces.keys()],
  }
}
