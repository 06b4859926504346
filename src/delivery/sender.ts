import { idOf } from '../braze/attributes.ts'
import type { BrazeClient } from '../braze/client.ts'
import { interpret, type Meaning } from '../braze/interpret.ts'
import { exhaustedForMs } from '../braze/pace.ts'
import type { Acknowledgement, DueProfile, Ledger } from '../ledger/ledger.ts'
import { outcomeOf } from '../wire/answer.ts'
import { backoffMs } from '../wire/retry.ts'
import type { Gate } from './gate.ts'
import type { Holds } from './holds.ts'
import type { DeliveryMeans } from './means.ts'
import { troubleOf } from './trouble.ts'
import type { Batch, Work } from './work.ts'

/** So many lone profiles refused one after the other, and nothing accepted between: it is not the profiles. */
const REFUSALS_IN_A_ROW = 3

export interface SenderOptions extends Omit<DeliveryMeans, 'ledger' | 'braze' | 'holder'> {
  readonly ledger: Pick<Ledger, 'acknowledge'>
  readonly braze: Pick<BrazeClient, 'track' | 'hide'>
  readonly gate: Gate
  readonly holds: Holds
  readonly work: Work
}

/** Sends batches of profiles that are held, and does what follows from the answers. */
export function createSender(options: SenderOptions) {
  const { ledger, braze, settleMs, gate, holds, work, log, observer, clock, monotonic, random } = options
  let refusalsInARow = 0

  /**
   * Resolves once what Braze said of the batch is stored, or nothing is to be stored, and none of it is held for being
   * under way any more; rejects when the ledger did not take it.
   *
   * @param onAnswer called once Braze has answered: its connection is free
   */
  async function send(batch: Batch, onAnswer: () => void): Promise<void> {
    const { profiles } = batch
    const sentIn = gate.stretch
    const meaning = await ask(profiles)
    onAnswer()
    const succeeded = () => tellRecovery(gate.succeeded(sentIn))
    switch (meaning.kind) {
      case 'accepted':
      case 'refused':
        if (meaning.rejected.size === profiles.length)
          return refusedWholly(batch, sentIn, meaning.rejected.get(0) as string)
        if (meaning.kind === 'accepted') refusalsInARow = 0
        succeeded()
        return keep(batch, meaning)
      case 'split':
        // A part of it may have been taken.
        holds.doubt(profiles)
        if (profiles.length === 1) return refusedWholly(batch, sentIn, meaning.reason)
        succeeded()
        return holds.split(profiles, Math.ceil(profiles.length / 2), 0)
      case 'wait':
        holds.release(profiles)
        if (meaning.forMs !== undefined) return tell(gate.wait(meaning.reason, meaning.forMs, monotonic()))
        return tell(gate.failed(meaning.reason, sentIn, monotonic()))
      case 'pause':
        holds.release(profiles)
        return tell(gate.pause(meaning.reason, sentIn, monotonic()))
      case 'retry':
        return failed(profiles, sentIn, meaning.reason)
      case 'fault':
        // It may be over the answer that we stumbled.
        holds.doubt(profiles)
        stumbled(profiles, meaning.reason)
        return tell(gate.pause(meaning.reason, sentIn, monotonic()))
    }
  }

  /** Braze, or what is between, failed. Where that is no news of these profiles, it says nothing about the others. */
  function failed(profiles: readonly DueProfile[], sentIn: number, reason: string) {
    const isNews = !profiles.some(holds.isSuspect)
    holds.doubt(profiles)
    stumbled(profiles, reason)
    if (isNews) tell(gate.failed(reason, sentIn, monotonic()))
    // Everybody may be a suspect by now: while nobody is known to get through, they come at the pace of first retries.
    else if (gate.isProbing()) work.restSuspects(backoffMs(1, random()))
  }

  /** They come after all others, in halves, until whoever it is travels alone and waits alone, longer each time. */
  function stumbled(profiles: readonly DueProfile[], reason: string) {
    const [profile] = profiles
    const isAlone = profiles.length === 1 && profile
    const forMs = backoffMs(isAlone ? holds.stumble(profile) : 1, random())
    holds.split(profiles, Math.max(1, Math.floor(profiles.length / 2)), forMs)
    if (isAlone)
      log.debug({ ...namesOf(profile), reason, forMs: Math.round(forMs) }, 'Braze stumbles over a contact')
  }

  /**
   * Braze refuses everybody in the batch. In a large one that is hardly due to the profiles, so that they are tried one by
   * one; when lone ones are refused one after the other, a person has to look before more are condemned.
   */
  async function refusedWholly(batch: Batch, sentIn: number, reason: string) {
    const { profiles } = batch
    if (profiles.length > 1) {
      tellRecovery(gate.succeeded(sentIn))
      return holds.split(profiles, 1, 0)
    }
    if (++refusalsInARow > REFUSALS_IN_A_ROW) {
      holds.split(profiles, 1, 0)
      return tell(gate.pause(`Braze refuses one contact after the other: ${reason}`, sentIn, monotonic()))
    }
    tellRecovery(gate.succeeded(sentIn))
    return keep(batch, { kind: 'refused', rejected: new Map([[0, reason]]) })
  }

  async function ask(profiles: readonly DueProfile[]): Promise<Meaning | Fault> {
    const startedAt = monotonic()
    // Hardly any answer has words, and the ids are only gathered for those that have.
    const words = (said: unknown) => braze.hide(profiles.flatMap(idsOf))(said)
    let status: number | 'error' = 'error'
    try {
      const answer = await braze.track(profiles)
      status = answer.status
      const isLimited = outcomeOf(answer.status) === 'limited'
      const exhaustedMs = isLimited ? undefined : exhaustedForMs(answer.headers, clock())
      if (exhaustedMs !== undefined)
        tell(gate.wait("Braze's limit is used up until it resets", exhaustedMs, monotonic()))
      return interpret(answer, profiles.length, clock(), words)
    } catch (error) {
      const { isFault, reason } = troubleOf(error, { words, log })
      return { kind: isFault ? 'fault' : 'retry', reason }
    } finally {
      observer?.requested(status, (monotonic() - startedAt) / 1000)
    }
  }

  /** Stores what Braze said of each contact; of those of whom a refusal says nothing, there is nothing to store. */
  async function keep(
    { profiles, readAt }: Batch,
    { kind, rejected }: Extract<Meaning, { kind: 'accepted' | 'refused' }>,
  ) {
    const sinceReadMs = monotonic() - readAt
    const answers: Acknowledgement[] = []
    for (const [place, profile] of profiles.entries()) {
      const failure = rejected.get(place) ?? null
      if (failure === null && kind === 'refused') continue
      if (failure === null) observer?.accepted(profile.channel, (profile.pendingMs + sinceReadMs) / 1000)
      else {
        log.warn({ channel: profile.channel, reason: failure }, 'Braze rejects a contact')
        log.debug({ ...namesOf(profile), reason: failure }, 'Braze rejects this contact')
      }
      answers.push({ id: profile.id, revision: profile.revision, failure })
    }
    await ledger.acknowledge(answers, settleMs)
    holds.settle(profiles, answers)
    log.debug({ profiles: profiles.map(idOf) }, 'Braze has answered')
  }

  /** What was prepared is read anew when the gate opens again. */
  function tell(isNews: boolean) {
    work.drop()
    if (!isNews) return
    const forMs = Math.round(gate.delayMs(monotonic()))
    log.warn({ state: gate.state, reason: gate.reason, forMs }, 'delivery waits')
  }

  function tellRecovery(isNews: boolean) {
    if (isNews) log.info({}, 'delivery goes on')
  }

  return send
}

/** What Braze may repeat, and nobody else is to see. */
const idsOf = ({ address, value }: DueProfile): string[] => [...Object.values(address), value ?? '']

/** For the log at debug. */
const namesOf = ({ channel, address, value }: DueProfile) => ({
  channel,
  ...('externalId' in address ? { externalId: address.externalId } : { user: address.userId }),
  ...(value !== null && 'externalId' in address && { user: value }),
})

/** An error of ours, and none that an answer could bring. */
interface Fault {
  readonly kind: 'fault'
  readonly reason: string
}
