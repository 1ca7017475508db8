// test/browser/packages.test.ts: a plugin installed, updated, rolled back and removed on the page; the yes is given where the page cannot (K5 K10).
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { pluginTarball } from '../../packages/pryx/src/store/tarball-testing.ts'
import { createMainJob, type Live, type MainJob } from '../main-job-testing.ts'
import { complaintsOf, openBrowser, openPageAs } from './browser-testing.ts'

let job: MainJob
let host: Live
let browser: Browser

beforeAll(async () => {
  job = createMainJob()
  const opening = openBrowser()
  host = await job.up('--json')
  browser = await opening
})

afterAll(async () => {
  await browser?.close()
  await job?.[Symbol.asyncDispose]()
})

function offer(version: string, permissions: string[]): void {
  const code = `export default { activate(ctx) { ctx.log.info('tour ${version} <b>is here</b>') } }`
  const tarball = pluginTarball({ name: 'pryx-plugin-tour', version, code, pryx: { permissions } })
  writeFileSync(job.project.path('tour.tgz'), tarball)
}

test('K10: install, update, roll back and remove on the page; the page cannot say yes to itself', {
  timeout: 90_000,
}, async () => {
  const page = await openPageAs(browser, await host.cookie(), `${host.url}/#/packages`)
  const complaints = complaintsOf(page)
  offer('1.0.0', ['storage', 'net:api.example.com', 'shell:git'])

  await page.getByLabel('Plugin to install').fill('./tour.tgz')
  await page.getByRole('button', { name: 'Look it up' }).click()
  const card = page.getByRole('region', { name: 'What would be installed' })
  await card.getByText('It may keep data of its own').waitFor()
  await card.getByRole('checkbox', { name: /keep data/ }).check()
  for (const scheme of ['dark', 'light'] as const) await shoot(page, `1280-${scheme}-packages-plan`, scheme)
  await card.getByRole('button', { name: 'Install' }).click()
  const question = page.getByRole('alertdialog')
  await question.getByText(/install pryx-plugin-tour 1\.0\.0/).waitFor()
  await shoot(page, '1280-dark-packages-question', 'dark')

  expect(await question.getByRole('button', { name: /Allow once|This session|Always/ }).count()).toBe(0)
  const [asked] = (await host.state()).approvals
  const own = host.post(`/api/approvals/${asked!.id}`, { answer: 'allow', duration: 'once' })
  await expect(own).rejects.toThrow(/403 .*APPROVAL_OWN/)
  expect(await forged(page, asked!.id)).toBe('refused')

  await answer(page, 'Allow', '1280-dark-packages-window')
  const row = page.getByRole('list', { name: 'Installed' }).getByRole('listitem', { name: 'tour' })
  await row.getByText('pryx-plugin-tour 1.0.0').waitFor()
  const { plugins } = await host.state()
  const modes = plugins.find(({ id }) => id === 'tour')!.permissions.map(({ permission, mode }) => [permission, mode])
  expect(Object.fromEntries(modes)).toEqual({ storage: 'allow', 'net:api.example.com': 'ask', 'shell:git': 'ask' })
  await row.getByRole('button', { name: 'Log' }).click()
  await row.getByText('tour 1.0.0 <b>is here</b>').waitFor()

  offer('1.1.0', ['storage', 'env:LANG'])
  await row.getByRole('button', { name: 'Update' }).click()
  await card.getByText('It now also wants').waitFor()
  await card.getByRole('button', { name: 'Update' }).click()
  await answer(page, 'Allow')
  await row.getByText('pryx-plugin-tour 1.1.0').waitFor()
  for (const scheme of ['dark', 'light'] as const) await shoot(page, `1280-${scheme}-packages`, scheme)
  await row.getByRole('button', { name: 'Back to 1.0.0' }).click()
  await row.getByText('pryx-plugin-tour 1.0.0').waitFor()

  await row.getByRole('button', { name: 'Remove' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Remove tour' }).click()
  await row.waitFor({ state: 'detached' })
  expect((await host.state()).plugins.map(({ id }) => id)).not.toContain('tour')
  await page.setViewportSize({ width: 390, height: 844 })
  expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0)
  expect(complaints.filter((text) => !/Content Security Policy|403/.test(text))).toEqual([])
  await page.close()
})

/** What a page gone bad would try: to fill in the host's form from a script. */
function forged(page: Page, id: string): Promise<string> {
  return page.evaluate(async (id) => {
    const { window: base } = (await (await fetch('/api/packages')).json()) as { window: string }
    try {
      await fetch(base + id).then((response) => response.text())
      return 'read'
    } catch {
      return 'refused'
    }
  }, id)
}

/** As the user: opens the host's window and answers there. */
async function answer(page: Page, word: 'Allow' | 'Deny', shot?: string): Promise<void> {
  const opening = page.context().waitForEvent('page')
  await page.getByRole('link', { name: /Answer in Pryx/ }).click()
  const popup = await opening
  const button = popup.getByRole('button', { name: word })
  await button.waitFor()
  if (shot !== undefined) await shoot(popup, shot, 'dark')
  await button.click()
  await popup.getByText('You can close this window.').waitFor()
  await popup.close()
}

/** A picture, kept if PRYX_SCREENSHOTS names a folder. */
async function shoot(page: Page, name: string, colorScheme: 'dark' | 'light'): Promise<void> {
  await page.emulateMedia({ colorScheme })
  const folder = process.env.PRYX_SCREENSHOTS ?? job.project.path('screenshots')
  mkdirSync(folder, { recursive: true })
  await page.waitForTimeout(250) // what moves has come to rest
  await page.screenshot({ path: join(folder, `${name}.png`) })
}
