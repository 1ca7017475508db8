// test/browser/browser-testing.ts: Chromium on the page, with what it complains of and when a text was first seen.
import { existsSync } from 'node:fs'
import { type Browser, chromium, type Page } from 'playwright-core'
import { PATIENT } from '../main-job-testing.ts'

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]

export function openBrowser(): Promise<Browser> {
  const executablePath = process.env.CHROMIUM_PATH ?? PLACES.find((path) => existsSync(path))
  if (executablePath === undefined) throw new Error('Chromium is needed: install it, or set CHROMIUM_PATH')
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--headless',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}

/** A page of a browser that is logged in. @param cookie As the host gave it, `name=value`. */
export async function openPageAs(browser: Browser, cookie: string, url: string): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 860 }, colorScheme: 'dark' })
  const [name = '', value = ''] = cookie.split('=', 2)
  await page.context().addCookies([{ name, value, url, httpOnly: true, sameSite: 'Strict' }])
  page.setDefaultTimeout(PATIENT.timeout)
  await page.goto(url)
  return page
}

/** What the page writes to its console as an error, or throws, from now on. */
export function complaintsOf(page: Page): string[] {
  const complaints: string[] = []
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
  page.on('pageerror', (error) => complaints.push(String(error)))
  return complaints
}

/** Begins to look for an element that fits and holds `text`. @returns Waits for it, and says when it came, epoch ms by the page's own clock, however late we ask. */
export async function seenAt(page: Page, selector: string, text = ''): Promise<() => Promise<number>> {
  const key = `seen ${selector} ${text}`
  await page.evaluate(
    ({ key, selector, text }) => {
      const found = () => [...document.querySelectorAll(selector)].some((each) => each.textContent?.includes(text))
      const seen = new Promise<number>((resolve) => {
        const observer = new MutationObserver(look)
        observer.observe(document, { childList: true, subtree: true, characterData: true, attributes: true })
        look()
        function look() {
          if (!found()) return
          observer.disconnect()
          resolve(Date.now())
        }
      })
      Object.assign(window, { [key]: seen })
    },
    { key, selector, text },
  )
  return () => page.evaluate((key) => (window as unknown as Record<string, Promise<number>>)[key]!, key)
}
