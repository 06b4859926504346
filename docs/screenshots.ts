/** Makes the pictures of the operator's page in docs/images: `npm run screenshots`, where there is a Chromium. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findChromium, type Look, launch, lookAs, signIn } from '../test/harness/browser.ts'
import { busyMeter, customerOf, startDesk, TOKEN } from '../test/harness/desk.ts'

const IMAGES = new URL('images/', import.meta.url)

/** Times of the pictures, whoever makes them. */
process.env.TZ = 'Asia/Tokyo'
const PICTURES: Readonly<Record<string, Look>> = {
  'page-light': { width: 1180, height: 1130, scheme: 'light' },
  'page-dark': { width: 1180, height: 1130, scheme: 'dark' },
  'page-phone': { width: 390, height: 844, scheme: 'light', scale: 2 },
}

const path = findChromium()
if (!path) throw new Error('No Chromium on the PATH; install one, or name it in CHROMIUM.')
const folder = mkdtempSync(join(tmpdir(), 'line-braze-'))
mkdirSync(IMAGES, { recursive: true })
const desk = await startDesk({ folder, meter: busyMeter(Date.now()) })
const browser = await launch(path)
try {
  const page = await browser.newPage()
  await page.emulateMediaFeatures([{ name: 'prefers-reduced-motion', value: 'reduce' }])
  await signIn(page, desk.url, TOKEN)
  for (const [name, look] of Object.entries(PICTURES)) {
    await lookAs(page, look)
    await settle()
    await page.screenshot({ path: `${new URL(name, IMAGES).pathname}.png` as const, optimizeForSpeed: false })
  }
  await lookAs(page, { width: 1180, scheme: 'light' })
  await page.type('#find-name', customerOf(3))
  await page.keyboard.press('Enter')
  const person = await page.waitForSelector('.person')
  await settle()
  const card = await person?.evaluateHandle((element) => element.closest('.card') as Element)
  await card?.asElement()?.screenshot({ path: `${new URL('person', IMAGES).pathname}.png` as const })
} finally {
  await browser.close()
  await desk.close()
  rmSync(folder, { recursive: true, force: true })
}

/** Charts are drawn anew with the next frames after a change of size. */
async function settle() {
  const [page] = await browser.pages().then((pages) => pages.slice(-1))
  for (let frame = 0; frame < 10; frame++)
    await page?.evaluate(() => new Promise((resolve) => requestAnimationFrame(resolve)))
}
