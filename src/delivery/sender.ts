import { interpret, type Meaning } from '../braze/interpret.ts'
import { exhaustedForMs } from '../braze/pace.ts'
import type { Acknowledgement, DueContact } from '../ledger/ledger.ts'
import type { DelivererOptions } from './deliverer.ts'
import type { Gate } from './gate.ts'
import type { Work } from './work.ts'

/** So many lone contacts refused one after the other, and nothing accepted between: it is not the contacts. */
const REFUSALS_IN_A_ROW = 3

export interface SenderOptions
  extends Pick<DelivererOptions, 'ledger' | 'braze' | 'settleMs' | 'log' | 'observer'> {
  readonly gate: Gate
  readonly work: Work
  readonly clock: () => number
  readonly monotonic: () => number
}

/** Sends a batch, and does what follows from the answer. */
export function createSender(options: SenderOptions) {
  const { ledger, braze, settleMs, gate, work, log, observer, clock, monotonic } = options
  let refusalsInARow = 0

  /**
   * Resolves once Braze has answered and it is clear what follows. What it said of the contacts is on its way to the
   * ledger then: `stored` resolves when it is there, and rejects when the ledger did not take it.
   */
  async function send(batch: DueContact[]): Promise<{ readonly stored: Promise<void> }> {
    const sentIn = gate.stretch
    const meaning = await ask(batch)
    switch (meaning.kind) {
      case 'accepted':
        refusalsInARow = 0
        gate.succeeded(sentIn)
        return { stored: acknowledge(batch, (place) => meaning.rejected.get(place) ?? null) }
      case 'refused':
        gate.succeeded(sentIn)
        return { stored: acknowledge(batch, (place) => meaning.rejected.get(place)) }
      case 'split':
        // A part of it may have been taken.
        work.doubt(batch)
        if (batch.length > 1) {
          gate.succeeded(sentIn)
          work.halve(batch)
          return { stored: Promise.resolve() }
        }
        if (++refusalsInARow > REFUSALS_IN_A_ROW) {
          close(
            gate.pause(`Braze refuses one contact after the other: ${meaning.reason}`, sentIn, monotonic()),
          )
          break
        }
        gate.succeeded(sentIn)
        return { stored: acknowledge(batch, () => meaning.reason) }
      case 'wait':
        if (meaning.forMs === undefined) close(gate.failed(meaning.reason, sentIn, monotonic()))
        else close(gate.wait(meaning.reason, meaning.forMs, monotonic()))
        break
      case 'pause':
        close(gate.pause(meaning.reason, sentIn, monotonic()))
        break
      case 'retry':
        work.doubt(batch)
        work.defer(batch)
        close(gate.failed(meaning.reason, sentIn, monotonic()))
        break
    }
    work.finish(batch)
    return { stored: Promise.resolve() }
  }

  async function ask(batch: readonly DueContact[]): Promise<Meaning> {
    const startedAt = monotonic()
    let status: number | 'error' = 'error'
    try {
      const answer = await braze.track(batch)
      status = answer.status
      const exhaustedMs = status === 429 ? undefined : exhaustedForMs(answer.headers, clock())
      if (exhaustedMs !== undefined) {
        close(gate.wait("Braze's limit is used up until it resets", exhaustedMs, monotonic()))
      }
      return interpret(answer, batch.length, clock())
    } catch (error) {
      return { kind: 'retry', reason: `Braze cannot be reached: ${(error as Error).message}` }
    } finally {
      observer?.requested(status, (monotonic() - startedAt) / 1000)
    }
  }

  /**
   * Stores what Braze said of each contact: null for accepted, its words for rejected, undefined for nothing. Until that
   * is done nobody of the batch is sent again.
   */
  async function acknowledge(
    batch: readonly DueContact[],
    failureOf: (place: number) => string | null | undefined,
  ) {
    const now = clock()
    const answers: Acknowledgement[] = []
    for (const [place, { id, revision, userId, changedAt }] of batch.entries()) {
      const failure = failureOf(place)
      if (failure === undefined) continue
      const words = failure === null ? null : failure.replaceAll(userId, '<user id>')
      if (words === null) observer?.accepted((now - changedAt) / 1000)
      else log.warn({ reason: words }, 'Braze rejects a contact')
      answers.push({ id, revision, failure: words, settledAt: now + settleMs })
    }
    work.undefer(batch)
    await ledger.acknowledge(answers)
    work.finish(batch)
    log.debug({ users: batch.map(({ userId }) => userId) }, 'Braze has answered')
  }

  /** What was prepared is read anew when the gate opens again. */
  function close(isNews: boolean) {
    work.drop()
    if (!isNews) return
    const forMs = Math.round(gate.delayMs(monotonic()))
    log.warn({ state: gate.state, reason: gate.reason, forMs }, 'delivery waits')
  }

  return send
}
