/** A real Chromium, where there is one. */
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import axe, { type AxeResults } from 'axe-core'
import puppeteer, { type Browser, type BrowserContext, type Page } from 'puppeteer-core'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']

/** The path of a Chromium on this machine: that of `CHROMIUM`, or the first on the PATH; undefined: there is none. */
export function findChromium({ CHROMIUM, PATH = '' } = process.env): string | undefined {
  const paths = PATH.split(delimiter).flatMap((folder) => NAMES.map((name) => join(folder, name)))
  return (CHROMIUM ? [CHROMIUM] : paths).find((path) => {
    try {
      accessSync(path, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/** A name of this machine that a browser takes for another machine's: by plain HTTP it trusts it less than `localhost`. */
export const ELSEWHERE = 'desk.test'

/** Whoever runs as root, as in a container, has no sandbox. */
const ARGS = [
  '--disable-dev-shm-usage',
  '--font-render-hinting=none',
  `--host-resolver-rules=MAP ${ELSEWHERE} 127.0.0.1`,
  ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
]

/** Puppeteer's half a minute is little for a first start, and for a page, where other tests have the machine. */
const PATIENCE_MS = 300_000

export const launch = (executablePath: string): Promise<Browser> =>
  puppeteer.launch({ executablePath, args: ARGS, timeout: PATIENCE_MS, protocolTimeout: PATIENCE_MS })

export async function newPage(context: BrowserContext): Promise<Page> {
  const page = await context.newPage()
  page.setDefaultTimeout(PATIENCE_MS)
  return page
}

export interface Look {
  readonly width: number
  readonly height?: number
  readonly scheme: 'light' | 'dark'
  /** Pixels of the picture for each of the page's. */
  readonly scale?: number
}

export async function lookAs(page: Page, { width, height = 900, scheme, scale = 1 }: Look) {
  await page.setViewport({ width, height, deviceScaleFactor: scale })
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }])
}

/** What keeps people from using the page, by axe: rule and elements. */
export async function barriers(page: Page): Promise<string[]> {
  await page.evaluate(axe.source)
  const { violations } = (await page.evaluate('axe.run()')) as AxeResults
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
  )
}

/** Resolves once the page shows what the server says, to the last chart. */
export async function shown(page: Page) {
  await page.waitForSelector('body:not(.is-loading)')
  await page.waitForFunction(() => document.querySelectorAll('.panel.is-loading').length === 0)
}

export async function signIn(page: Page, url: string, token: string) {
  await page.goto(url)
  await page.type('#token', token)
  await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')])
  await shown(page)
}
