import { number } from '../terminal/numbers.ts'
import { createOutage } from './outage.ts'
import { patienceMs, withPatience } from './patience.ts'
import { type Play, playTraffic } from './play.ts'
import { frameOf, lineOf, type Progress, readProgress } from './progress.ts'
import { type Service, startService } from './service.ts'
import type { Means, Stage } from './stage.ts'

/** Sends the traffic to a server, and waits until Braze has heard and applied all that follows from it. */
export async function playFirstAct(play: Play, stage: Stage, means: Means): Promise<Service> {
  const { interruption, display } = means
  const { signal } = interruption
  const { braze } = stage
  display.say('First act: LINE sends webhooks, and Braze goes down in the middle.')
  const service = await startService('The server listens', stage, means)
  const { line, health } = service
  const outage = createOutage(braze, play.webhooks, display.say)
  const read = () => readProgress(play, braze, { delivery: health.latest(), brazeIsUp: !outage.isOn() })

  display.show({ frame: () => frameOf(read()), line: () => lineOf(read()) })
  await withPatience(
    patienceMs(play.people),
    interruption,
    () => openOf(read()),
    async () => {
      await playTraffic(play, line, signal, outage.advance)
      display.say('LINE has a 200 for every webhook; Braze still has to hear the rest.')
      await interruption.race(health.untilDelivered(signal))
      await interruption.race(braze.whenApplied())
    },
  )
  display.end()
  return service
}

function openOf({ counts, webhooks, delivery }: Progress): string {
  const open = number(webhooks - counts.acknowledged)
  const reason = delivery?.reason ? ` (${delivery.reason})` : ''
  return `${open} webhooks have no 200 yet, ${number(delivery?.pending ?? 0)} people wait for Braze${reason}`
}
