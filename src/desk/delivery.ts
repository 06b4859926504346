import { DELIVERY_LEASE, type KnownServer, type Ledger } from '../ledger/ledger.ts'
import { COPIER } from '../ledger/records.ts'
import { spanOf } from './words.ts'

/** A server says every ten seconds that it is there. */
export const SILENT_MS = 30_000

export type DeliveryLedger = Pick<Ledger, 'leaseHolder' | 'servers'>

/** Who tells Braze, as far as the database says. */
export interface Delivery {
  /**
   * What the server that delivers says of itself: `delivering`, `waiting` or `paused`. `command`: one that works something off
   * delivers, such as a backfill; `copy`: the ledger is being copied; `nobody`.
   */
  readonly state: string
  readonly reason: string | null
  /** The server that delivers, and how long ago it said so; null: none does. */
  readonly server: string | null
  readonly seenMs: number | null
}

export const NOBODY: Delivery = { state: 'nobody', reason: null, server: null, seenMs: null }

export const isSilent = ({ seenMs }: { readonly seenMs: number | null }) =>
  seenMs !== null && seenMs > SILENT_MS

export async function whoDelivers(ledger: DeliveryLedger): Promise<Delivery> {
  const [lease, servers] = await Promise.all([ledger.leaseHolder(DELIVERY_LEASE), ledger.servers()])
  return lease ? deliveryOf(lease.holder, servers) : NOBODY
}

export function deliveryOf(holder: string, servers: readonly KnownServer[]): Delivery {
  if (holder === COPIER) return { ...NOBODY, state: 'copy' }
  const server = servers.find(({ id }) => id === holder)
  if (!server) return { ...NOBODY, state: 'command' }
  const { id, state, reason, seenMs } = asHolder(server)
  return { state, reason, server: id, seenMs }
}

/** Who has the lease delivers: what it says of itself is some seconds old. */
export const asHolder = (server: KnownServer): KnownServer =>
  server.state === 'standby' ? { ...server, state: 'delivering', reason: null } : server

/** The same in a sentence. */
export function saidOf(delivery: Delivery): string {
  const { state, reason, seenMs } = delivery
  if (isSilent(delivery))
    return `The server that delivers has said nothing for ${spanOf(seenMs ?? 0)}: it is stuck, or its machine is gone; another one takes over soon.`
  const why = reason ? `: ${reason.replace(/\.$/, '')}` : ''
  switch (state) {
    case 'nobody':
      return 'Nobody delivers: no server runs on this database.'
    case 'command':
      return 'A command delivers, such as backfill or resync, and no server.'
    case 'copy':
      return 'Nobody delivers while the database is being copied.'
    case 'waiting':
      return `The server waits before it asks Braze again${why}.`
    case 'paused':
      return `Delivery is paused until somebody has mended something${why}.`
    default:
      return 'A server delivers.'
  }
}
