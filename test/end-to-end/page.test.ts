/** The operator's page in a real Chromium: seen, read aloud, used by keys, cut off. */
import { cpSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser, Page } from 'puppeteer-core'
import t, { type Test } from 'tap'
import { createMeter } from '../../src/http/page/meter.ts'
import {
  barriers,
  ELSEWHERE,
  findChromium,
  launch,
  lookAs,
  newPage,
  shown,
  signIn,
} from '../harness/browser.ts'
import { busyMeter, customerOf, type DeskOptions, startDesk, TOKEN, userIdOf } from '../harness/desk.ts'
import { folder } from '../harness/files.ts'
import { freePort } from '../harness/ports.ts'

const path = findChromium()
/** Why nobody looks here; false where there is one, as `.ci/run` sees to. */
const skip = path ? false : 'no Chromium on the PATH; Debian has it as "chromium"'

const LOOKS = [1440, 390].flatMap((width) =>
  (['light', 'dark'] as const).map((scheme) => ({ width, scheme })),
)

let browser: Browser | undefined
/** Filled once: it takes seconds. */
const filled = folder(t)
t.before(async () => {
  if (!path) return
  browser = await launch(path)
  await (await startDesk({ folder: filled })).close()
})
t.teardown(() => browser?.close())

/** A desk, and a page of a browser that knows nothing; `wrongs` is what went wrong on it. */
async function open(t: Test, options: Partial<DeskOptions> = {}) {
  const place = folder(t)
  if (options.isFilled !== false) cpSync(filled, place, { recursive: true })
  const desk = await startDesk({ folder: place, meter: busyMeter(Date.now()), ...options })
  t.teardown(desk.close)
  const context = await (browser as Browser).createBrowserContext()
  t.teardown(() => context.close())
  const page = await newPage(context)
  const wrongs: string[] = []
  page.on('pageerror', (error) => wrongs.push(String(error)))
  page.on('console', (message) => {
    // A browser says so of each answer that is none of success.
    if (message.type() === 'error' && !/status of 401|ERR_/.test(message.text())) wrongs.push(message.text())
  })
  page.on('request', (request) => {
    if (!request.url().startsWith(desk.url)) wrongs.push(`asked ${request.url()}`)
  })
  return { desk, page, context, wrongs, place }
}

const text = (page: Page, selector: string) =>
  page.$eval(selector, (element) => element.textContent?.trim() ?? '')
const titleIs = (page: Page, title: string) =>
  page.waitForFunction((wanted) => document.querySelector('#status-title')?.textContent === wanted, {}, title)

for (const look of LOOKS)
  t.test(
    `at ${look.width} pixels, ${look.scheme}: all is there, within the width, and nobody is kept out`,
    { skip },
    async (t) => {
      const { desk, page, wrongs } = await open(t)
      await lookAs(page, look)
      await page.goto(desk.url)
      t.strictSame(await barriers(page), [], 'the form')
      await signIn(page, desk.url, TOKEN)
      await page.type('#find-name', customerOf(3))
      await page.keyboard.press('Enter')
      await page.waitForSelector('.person')
      // Fewer rows to go through.
      await page.$eval('#reach-range input[value="1"]', (input) => (input as HTMLElement).click())
      await page.waitForSelector('#reach .plot[aria-label*="24 hours"]')
      await page.$$eval('summary', (all) => {
        for (const summary of all) summary.click()
      })
      await page.waitForFunction(() => document.querySelectorAll('details .scroll table').length === 4)

      t.strictSame(await barriers(page), [], 'the page')
      t.equal(
        await page.evaluate(() => document.documentElement.scrollWidth),
        look.width,
        'nothing sticks out',
      )
      const scheme = await page.evaluate(() => getComputedStyle(document.body).backgroundColor)
      t.equal(scheme, look.scheme === 'light' ? 'rgb(246, 247, 247)' : 'rgb(14, 18, 20)')

      t.equal(await text(page, '#status-title'), 'Braze rejected 7 profiles')
      t.match(await text(page, '#tile-reachable'), /^Reachable[\d,]{6}/)
      t.match(await text(page, '#failed-list'), /blocklisted in this workspace5.*longer than . characters2/)
      t.match(await text(page, '#runs-list'), /9,000 of about [\d,]+ listed.*reading the list/)
      t.match(await text(page, '#line-list'), /18,240 of 30,000 sent.*good for 19 d/)
      t.match(
        await text(page, '#servers-list'),
        /5f3c9a1e.*delivering.*standing by|standing by.*5f3c9a1e.*delivering/,
      )
      t.match(await text(page, '.person h3'), /^Yes/)
      t.match(await text(page, '.person'), userIdOf(3))
      const charts = await page.$$eval('.plot canvas', (all) =>
        all.map(({ width, height }) => width * height),
      )
      t.equal(charts.length, 4)
      t.ok(charts.every((pixels) => pixels > 10_000))
      t.strictSame(wrongs, [])
    },
  )

t.test('all of it can be done by keys, and what has the focus is seen', { skip }, async (t) => {
  const { desk, page, wrongs } = await open(t)
  await lookAs(page, { width: 1440, scheme: 'light' })
  await page.goto(desk.url)
  await page.waitForFunction(() => document.activeElement?.id === 'token')
  await page.keyboard.type('not-the-token-at-all')
  await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')])
  t.match(await text(page, '#problem'), 'none of the tokens')
  await page.waitForFunction(() => location.pathname === '/')
  await page.waitForFunction(() => document.activeElement?.id === 'token')
  await page.keyboard.type(TOKEN)
  await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')])
  await shown(page)
  t.notMatch(
    await page.evaluate(
      () => document.cookie + location.href + JSON.stringify({ ...localStorage, ...sessionStorage }),
    ),
    TOKEN,
  )
  t.equal(await page.evaluate(() => document.cookie), '', 'scripts see no cookie')

  const focused: string[] = []
  for (let i = 0; i < 40; i++) {
    await page.keyboard.press('Tab')
    const { name, isSeen } = await page.evaluate(() => {
      const element = document.activeElement as HTMLElement
      const marked = element.matches('.choices input') ? (element.nextElementSibling as HTMLElement) : element
      const style = getComputedStyle(marked)
      return {
        name:
          element === document.body
            ? 'BODY'
            : element.id || element.textContent?.trim() || element.getAttribute('value') || element.tagName,
        isSeen: style.outlineStyle !== 'none' && Number.parseFloat(style.outlineWidth) >= 2,
      }
    })
    if (name === 'BODY') break
    t.ok(isSeen, `${name} is seen to have the focus`)
    focused.push(name.slice(0, 30))
  }
  t.equal(focused[0], 'Skip to how it stands')
  for (const name of ['Sign out', 'growth-csv', 'find-name', 'Look up'])
    t.ok(focused.includes(name), `${name} can be reached`)
  t.strictSame(wrongs, [])
})

t.test('ranges and channels change what is drawn, and lines can be hidden', { skip }, async (t) => {
  const { desk, page, wrongs } = await open(t)
  await lookAs(page, { width: 1440, scheme: 'light' })
  await signIn(page, desk.url, TOKEN)
  const label = () => page.$eval('#reach .plot', (plot) => plot.getAttribute('aria-label') ?? '')
  const month = await label()
  t.match(month, /^Line chart of the last 31 days: [\d,]+ people can be reached now, \+\d+ since/)
  await page.click('#reach-range input[value="730"]')
  await page.waitForFunction(
    (before) => document.querySelector('#reach .plot')?.getAttribute('aria-label') !== before,
    {},
    month,
  )
  t.match(await label(), /^Line chart of the last 2 years: .*\+\d{2},\d{3} since/)
  await page.click('#growth-range input[value="365"]')
  t.equal(await page.$eval('#growth-csv', (link) => link.getAttribute('href')), '/page/growth.csv?days=365')
  const csv = await page.evaluate(async () => (await fetch('/page/growth.csv?days=365')).text())
  t.ok(csv.split('\n').length > 360)
  const friends = await page.$('#reach .legend button:nth-of-type(2)')
  await friends?.click()
  t.equal(await friends?.evaluate((button) => button.getAttribute('aria-pressed')), 'true')

  // The pointer over the chart: the numbers of that moment.
  const before = await text(page, '#reach .when')
  const plot = await (await page.$('#reach .u-over'))?.boundingBox()
  await page.mouse.move((plot?.x ?? 0) + 300, (plot?.y ?? 0) + 50)
  await page.waitForFunction((old) => document.querySelector('#reach .when')?.textContent !== old, {}, before)
  t.match(await text(page, '#reach .when'), /20\d\d, \d\d:\d\d$/)
  t.strictSame(wrongs, [])
})

t.test('what changes is there within seconds, and only what matters is read out', { skip }, async (t) => {
  const { desk, page, wrongs } = await open(t)
  await signIn(page, desk.url, TOKEN)
  const spoken = await page.evaluateHandle(() => {
    const said: string[] = []
    const regions = document.querySelectorAll('[role="status"], [role="alert"], [aria-live]')
    for (const region of regions)
      new MutationObserver(() => said.push(region.textContent ?? '')).observe(region, {
        subtree: true,
        childList: true,
        characterData: true,
      })
    return said
  })
  Object.assign(desk.delivery, { state: 'paused', reason: 'Braze says 401: the API key is wrong' })
  await titleIs(page, 'Delivery to Braze is paused')
  t.equal(await text(page, '#status-detail'), 'Braze says 401: the API key is wrong.')
  t.equal(await page.$eval('#status', (status) => status.getAttribute('data-tone')), 'bad')
  t.strictSame(await barriers(page), [])
  Object.assign(desk.delivery, { state: 'delivering', reason: null })
  await titleIs(page, 'Braze rejected 7 profiles')
  t.ok((await spoken.evaluate((said) => said.length)) <= 4, 'two changes of two lines')
  t.strictSame(wrongs, [])
})

t.test('who does not want motion gets none', { skip }, async (t) => {
  const { desk, page } = await open(t)
  await page.emulateMediaFeatures([{ name: 'prefers-reduced-motion', value: 'reduce' }])
  await signIn(page, desk.url, TOKEN)
  t.equal(await page.$eval('.dot', (dot) => getComputedStyle(dot).animationName), 'none')
})

t.test('a server that goes away is told of, and found again when it is back', { skip }, async (t) => {
  const port = await freePort()
  const { desk, page, place } = await open(t, { port })
  await signIn(page, desk.url, TOKEN)
  const title = await text(page, '#status-title')
  await desk.close()
  await page.waitForSelector('#lost:not([hidden])')
  t.match(await text(page, '#lost'), /connection is lost.*What is here is from \d\d:\d\d:\d\d/)
  t.equal(await text(page, '#connection-state'), 'Connection lost')
  t.equal(await text(page, '#status-title'), title, 'what was known stays')
  t.strictSame(await barriers(page), [])
  const again = await startDesk({ folder: place, port })
  t.teardown(again.close)
  await page.waitForSelector('#lost[hidden]')
  t.equal(await text(page, '#connection-state'), 'Live', 'the session is known to the new process')
})

t.test('who has signed out gets the form, in every tab', { skip }, async (t) => {
  const { desk, page, context } = await open(t)
  await signIn(page, desk.url, TOKEN)
  const other = await newPage(context)
  await other.goto(desk.url)
  await shown(other)
  const ended = page.waitForSelector('#token')
  await Promise.all([other.waitForNavigation(), other.click('header button')])
  t.equal(await text(other, 'h1'), 'Sign in')
  // A page that nobody looks at asks for nothing.
  await page.bringToFront()
  await ended
})

t.test(
  'by plain HTTP from another machine one signs in, looks up and signs out, too',
  { skip },
  async (t) => {
    const { desk, page } = await open(t)
    await signIn(page, desk.url.replace('127.0.0.1', ELSEWHERE), TOKEN)
    await page.type('#find-name', customerOf(3))
    await page.keyboard.press('Enter')
    await page.waitForSelector('.person')
    await Promise.all([page.waitForNavigation(), page.click('.top-right form button')])
    t.equal(await text(page, 'h1'), 'Sign in')
  },
)

t.test('a link from another site leads to the page of who has signed in', { skip }, async (t) => {
  const { desk, page } = await open(t)
  const site = createServer((_request, response) =>
    response.setHeader('content-type', 'text/html').end(`<a href="${desk.url}">the desk</a>`),
  ).listen(0, '127.0.0.1')
  t.teardown(() => site.close())
  await signIn(page, desk.url, TOKEN)
  await page.goto(`http://localhost:${(site.address() as AddressInfo).port}`)
  await page.click('a')
  await titleIs(page, 'Braze rejected 7 profiles')
  t.equal(await text(page, 'h2'), 'Reachable people')
})

t.test('where nothing is known yet, the page says what will be there', { skip }, async (t) => {
  const { desk, page, wrongs } = await open(t, { isFilled: false, meter: createMeter() })
  await lookAs(page, { width: 390, scheme: 'dark' })
  await signIn(page, desk.url, TOKEN)
  t.equal(await text(page, '#status-title'), 'Braze is in step')
  t.match(await text(page, '#runs-list'), 'No run yet')
  t.match(await text(page, '#reach .note'), 'The first point comes within a minute')
  t.match(await text(page, '#latency .note'), 'Nothing was delivered')
  await page.type('#find-name', 'nobody')
  await page.keyboard.press('Enter')
  await page.waitForSelector('#find-result .empty')
  t.match(await text(page, '#find-result'), 'Nobody is known by that')
  t.strictSame(await barriers(page), [])
  t.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390)
  t.strictSame(wrongs, [])
})
