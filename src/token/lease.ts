import { LEASE_LIMIT_MS } from '../ledger/ledger.ts'
import { sleep as sleepFor } from '../wire/time.ts'
import { TokenError, type TokenMeans } from './means.ts'

/**
 * From the renewal of the lease until a token is there and checked: it is issued once, and looked at twice. Whoever takes
 * longer may find it gone, and then issues or writes nothing; and when its holder is killed, others wait for so long.
 */
const REQUESTS = 3

type LeaseMeans = Pick<TokenMeans, 'ledger' | 'holder' | 'requestMs' | 'sleep'>

/** The right to work on one channel's token: of all processes one has it, for as long as it takes. */
export function createTokenLease(channel: string, means: LeaseMeans) {
  const { ledger, holder, requestMs, sleep = sleepFor } = means
  const name = `token-${channel}`
  const durationMs = Math.min(LEASE_LIMIT_MS / 2, requestMs * REQUESTS)
  // Whatever a former holder may still write is a token that LINE takes: there is nothing to wait for.
  const hold = () => ledger.holdLease(name, holder, durationMs, { endedMs: 0, lostMs: 0 })

  return {
    durationMs,
    /** What `work` brings; undefined where somebody else is at work. */
    async during<T>(work: () => Promise<T>): Promise<T | undefined> {
      if (!(await hold()).held) return undefined
      try {
        return await work()
      } finally {
        // It runs out where the ledger fails.
        await ledger.releaseLease(name, holder, 0).catch(() => {})
      }
    },
    /** @throws TokenError where the lease has run out meanwhile and somebody else has it */
    async renew() {
      if (!(await hold()).held)
        throw new TokenError(
          'Another process has taken over the token meanwhile, since LINE or Braze was slow; this one leaves it alone for now',
        )
    },
    /** Between two looks whether it is free. */
    wait: (signal?: AbortSignal) => sleep(500, signal),
  }
}

export type TokenLease = ReturnType<typeof createTokenLease>
