import { number } from '../terminal/numbers.ts'
import { frameOf, lineOf } from './frame.ts'
import { isDelivered } from './health.ts'
import { createOutage } from './outage.ts'
import { withPatience } from './patience.ts'
import { type Play, playTraffic } from './play.ts'
import { type Progress, readProgress } from './progress.ts'
import { introduce, type Service } from './service.ts'
import type { Means, Stage } from './stage.ts'

/** Sends the traffic, and waits until Braze has heard and applied all that follows from it. */
export async function playFirstAct(play: Play, { braze }: Stage, service: Service, means: Means) {
  const { interruption, display } = means
  const { signal } = interruption
  const { line, health } = service
  const outage = createOutage(braze, { webhooks: play.webhooks, say: display.say })
  const read = () => readProgress(play, { braze, health }, outage.isOn())

  display.say('First act: LINE sends webhooks, and Braze goes down in the middle.')
  introduce(service, 'The server listens', means)
  display.show({ frame: () => frameOf(read()), line: () => lineOf(read()) })
  const patience = { expectedMs: play.expectedMs, open: () => openOf(read()) }
  await withPatience(patience, interruption, async () => {
    await playTraffic(play, { line, signal, onSending: outage.advance })
    display.say('LINE has a 200 for every webhook; Braze still has to hear the rest.')
    await interruption.race(health.until(isDelivered, signal))
    await interruption.race(braze.whenApplied())
  })
  display.end()
}

function openOf({ counts, webhooks, delivery }: Progress): string {
  const open = number(webhooks - counts.acknowledged)
  const reason = delivery?.reason ? ` (${delivery.reason})` : ''
  return `${open} webhooks have no 200 yet, ${number(delivery?.pending ?? 0)} people wait for Braze${reason}`
}
