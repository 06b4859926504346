import { createHash } from 'node:crypto'
import type { Ledger } from '../ledger/ledger.ts'
import type { AccountLink } from '../line/account-link.ts'
import type { LinkReport } from './link-report.ts'
import type { Time } from './time.ts'

export interface RedeemerOptions {
  readonly ledger: Pick<Ledger, 'redeemNonce'>
  readonly report: LinkReport
  readonly time: Pick<Time, 'monotonic'>
}

/** By this a nonce and an ID token are known once they are used: whoever reads the ledger can use neither. */
export const hashOf = (secret: string) => createHash('sha256').update(secret).digest('hex')

/** Links who has come through LINE's account link, each by the nonce that was made for a customer. */
export function createRedeemer({ ledger, report, time }: RedeemerOptions) {
  async function redeem(channel: string, link: AccountLink) {
    const startedAt = time.monotonic()
    const outcome =
      link.result === 'failed' ? link.result : await ledger.redeemNonce(hashOf(link.nonce), link.key, link.at)
    report.ended(channel, 'account_link', outcome, time.monotonic() - startedAt)
  }

  /** Resolves once what they say is on disk. Safe to repeat, as LINE does with what was not answered in time. */
  return (channel: string, links: readonly AccountLink[]) =>
    Promise.all(links.map((link) => redeem(channel, link)))
}
