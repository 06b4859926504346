import { isIP } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { Settings } from '../config/settings.ts'
import type { Part } from '../http/server.ts'

/** LINE does not wait longer for an answer either. */
const OPEN_REQUESTS_MS = 2_000

type Addresses = Pick<Settings, 'HOST' | 'PORT' | 'PRIVATE_HOST' | 'PRIVATE_PORT'>

/** Where a part of the server listens. */
export interface Address {
  readonly host: string
  readonly port: number
  readonly parts: readonly Part[]
  /** The settings that say so. */
  readonly names: readonly [host: string, port: string]
}

/** The webhooks' address first; the private pages have one of their own, or the same. */
export function addressesOf({ HOST, PORT, PRIVATE_HOST, PRIVATE_PORT }: Addresses): Address[] {
  const [host, port] = [PRIVATE_HOST ?? HOST, PRIVATE_PORT ?? PORT]
  // 0 takes another free one each time.
  const isApart = host !== HOST || port !== PORT || PRIVATE_PORT === 0
  const webhooks = { host: HOST, port: PORT, names: ['HOST', 'PORT'] as const }
  if (!isApart) return [{ ...webhooks, parts: ['webhooks', 'private'] }]
  return [
    { ...webhooks, parts: ['webhooks'] },
    { host, port, names: ['PRIVATE_HOST', 'PRIVATE_PORT'], parts: ['private'] },
  ]
}

/**
 * Returns the URL.
 *
 * @throws Error with a sentence for a person
 */
export function listen(app: FastifyInstance, address: Address): Promise<string> {
  return app.listen({ host: address.host, port: address.port }).catch((error) => {
    throw new Error(cannotListen(error, address), { cause: error })
  })
}

/** Finishes what is open; a sender that does not finish its request is cut off. */
export async function closeServer(app: FastifyInstance) {
  const cutOff = setTimeout(() => app.server.closeAllConnections(), OPEN_REQUESTS_MS)
  await app.close().finally(() => clearTimeout(cutOff))
}

function cannotListen({ code }: NodeJS.ErrnoException, { host: given, port, names }: Address): string {
  const [HOST, PORT] = names
  // A name is not told: somebody may have put a secret there.
  const host = isIP(given) ? given : HOST
  if (code === 'EADDRINUSE')
    return `Another program listens on port ${port} of ${host}; end it, or set ${PORT}.`
  if (code === 'EACCES') return `This user may not listen on port ${port}; set ${PORT} to 1024 or higher.`
  return `Cannot listen on port ${port} of ${host}; set ${HOST} and ${PORT} to what this machine has (${code}).`
}
