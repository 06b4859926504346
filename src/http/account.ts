import type { Ledger } from '../ledger/ledger.ts'
import type { WebhookLog } from './report.ts'

export interface AccountOptions {
  readonly channel: string
  readonly ledger: Pick<Ledger, 'claimAccount'>
  readonly log: Pick<WebhookLog, 'warn' | 'error'>
}

/**
 * Remembers which account a channel's webhooks are for, so that a backfill with another account's token is noticed.
 * It asks the ledger once for each account that is named. Nobody waits for it: the promise never rejects, and a webhook
 * is answered meanwhile.
 */
export function createAccountMemory({ channel, ledger, log }: AccountOptions) {
  const named = new Set<string>()

  return async (destination: string | undefined) => {
    if (destination === undefined || named.has(destination)) return
    named.add(destination)
    try {
      const account = await ledger.claimAccount(channel, destination, true)
      if (account !== destination)
        log.warn({ channel, hint: HINT }, 'webhooks name another account than before')
    } catch (cause) {
      named.delete(destination)
      log.error({ channel, error: (cause as Error).message }, 'account not remembered')
    }
  }
}

const HINT =
  'the channel secret is of another LINE Official Account than the one this ledger was filled for; if that is meant, set DATABASE_URL to a new database'
