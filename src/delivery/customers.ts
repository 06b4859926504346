import type { Profiles } from '../braze/export.ts'
import { MAX_EXPORTS } from '../braze/export.ts'
import { type CustomerCheck, type Ledger, LONGEST_WAIT_MS, type UncheckedCustomer } from '../ledger/ledger.ts'
import { backoffMs } from '../wire/retry.ts'
import { createCompany } from './company.ts'
import type { LookUp } from './look-up.ts'
import { createLoop, type LoopOptions } from './loop.ts'

/** Whom Braze does not know yet may be on the way to it: asked again soon, and in the end once an hour. */
const AGAIN_MS = 5_000

export interface CustomersOptions extends Omit<LoopOptions, 'name' | 'step' | 'ledger'> {
  readonly ledger: Pick<Ledger, 'toCheck' | 'nextCheckMs' | 'keepChecks' | 'onRecorded'>
  readonly lookUp: LookUp
  /** Whether this process is the one that talks to Braze. */
  readonly mayAsk: () => boolean
  /** BRAZE_CHECK_CUSTOMERS; without it every link is believed. */
  readonly checkCustomers: boolean
}

/**
 * Finds out whether Braze knows the customers to whom people were linked: it drops a write to one that it does not know
 * without a word. Where the key may not look, links are believed. A Braze that does not answer is no answer: the links
 * wait.
 */
export function createCustomers(options: CustomersOptions) {
  const { ledger, lookUp, mayAsk, checkCustomers, log, random } = options
  const company = createCompany(options)

  async function step(): Promise<number> {
    const idleMs = Number.POSITIVE_INFINITY
    if (!mayAsk()) return idleMs
    const nextMs = (await ledger.nextCheckMs()) ?? idleMs
    if (nextMs > 0) return nextMs
    const believes = !checkCustomers || lookUp.isForbidden()
    const delayMs = believes ? 0 : lookUp.delayMs()
    if (delayMs > 0) return delayMs
    const due = await ledger.toCheck(MAX_EXPORTS + company.size)
    if (due.length === 0) return idleMs
    if (believes) {
      await store(due.map(known))
      return 0
    }
    const batch = company.choose(due, MAX_EXPORTS)
    if (batch.length === 0) return company.nextMs()
    if (mayAsk()) await check(batch)
    return 0
  }

  async function check(batch: readonly UncheckedCustomer[]) {
    const asked = await lookUp.ask(placesOf(batch))
    if ('value' in asked) return keep(batch, asked.value)
    if (asked.trouble === 'refused') {
      if (!company.refused(batch)) return
      log.warn({ reason: asked.reason }, 'Braze refuses to look a customer up')
      await store(batch.map(unknown))
      company.forgive(batch)
    } else if (!lookUp.isForbidden()) company.failed(batch)
  }

  async function keep(batch: readonly UncheckedCustomer[], profiles: Profiles) {
    const [kept, unclear]: [CustomerCheck[], UncheckedCustomer[]] = [[], []]
    for (const customer of batch) {
      const isKnown = profiles.knows(placeOf(customer))
      if (isKnown === undefined) unclear.push(customer)
      else kept.push(isKnown ? known(customer) : unknown(customer))
    }
    await store(kept)
    company.forgive(batch)
    company.part(unclear)
  }

  async function store(checks: readonly CustomerCheck[]) {
    await ledger.keepChecks(checks)
    const waiting = checks.filter(({ againMs }) => againMs !== null).length
    log.debug({ known: checks.length - waiting, waiting }, 'customers checked')
  }

  const known = ({ id }: UncheckedCustomer): CustomerCheck => ({ id, againMs: null })
  function unknown({ id, externalId, tries }: UncheckedCustomer): CustomerCheck {
    const againMs = backoffMs(tries + 1, random(), AGAIN_MS, LONGEST_WAIT_MS)
    log.debug({ customer: externalId, forMs: Math.round(againMs) }, 'Braze does not know this customer')
    return { id, againMs }
  }

  return createLoop({ ...options, name: 'looking customers up', step })
}

const placeOf = ({ channel, externalId }: UncheckedCustomer) => ({ channel, address: { externalId } })

/** Two channels may have the same customer. */
const placesOf = (batch: readonly UncheckedCustomer[]) => [
  ...new Map(batch.map((customer) => [customer.externalId, placeOf(customer)])).values(),
]
