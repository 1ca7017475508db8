// test/browser/page.test.ts: the page in a real browser, on the real host: what a person sees and does (B5 K2 K4 K5).
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createMainJob, type Live, type MainJob, PATIENT, until, WITHIN_MS } from '../main-job-testing.ts'
import { complaintsOf, openBrowser, openPageAs, seenAt } from './browser-testing.ts'

const ASKED_WITHIN_MS = 500
const SLOW = { timeout: PATIENT.timeout }

/** Reads its file whenever it is told that it must ask for it. */
const reader = `export default { async activate(ctx) {
  const fs = await ctx.use({ kind: 'service', name: 'fs', version: '1.0.0' })
  ctx.events.on('permission.granted', async ({ plugin, mode }) => {
    if (plugin !== 'reader' || mode !== 'ask') return
    await fs.readFrom('diary.txt', 0).then(({ text }) => ctx.log.warn('has read: ' + text), ({ code }) => ctx.log.warn(code))
  })
} }`

let job: MainJob
let host: Live
let browser: Browser

beforeAll(async () => {
  job = createMainJob({ reader: { source: './plugins/reader' } })
  job.project.write('diary.txt', 'dear diary')
  job.project.plugin('reader', reader, {
    permissions: ['fs:read:${workspace}/diary.txt'],
    events: { listens: ['permission.granted'] },
  })
  const opening = openBrowser()
  host = await job.up('--json')
  browser = await opening
})

afterAll(async () => {
  await browser?.close()
  await job?.[Symbol.asyncDispose]()
})

test('B5: the page loads without a complaint, and an error line stands on it as an alert within 2 s', async () => {
  const page = await openPage('/#/overview')
  const complaints = complaintsOf(page)
  await page.reload()
  await page.getByText('Live', { exact: true }).waitFor(SLOW)
  const seen = await seenAt(page, '.alert', 'ERROR payment 4711 failed')

  const writtenAt = job.log('ERROR payment 4711 failed')

  expect((await seen()) - writtenAt).toBeLessThan(WITHIN_MS)
  expect(complaints).toEqual([])
  await page.close()
})

test('K4: the switch turned off on the page: the next read is refused, and the audit section says so', async () => {
  const page = await openPage('/#/plugins/log-monitor')
  const allowed = page.getByRole('switch', { name: /^Allow: read/ })
  await allowed.waitFor({ ...SLOW, state: 'attached' })

  await allowed.press('Space')
  await expect.poll(() => host.acts('log-monitor', 'fs.readFrom'), PATIENT).toContain('denied')
  expect(await allowed.isChecked()).toBe(false)
  await page.goto(`${host.url}/#/audit`)
  await page.getByText('Denied', { exact: true }).click(SLOW)
  const row = page.getByRole('listitem').filter({ hasText: 'fs.readFrom' }).first()
  await row.waitFor(SLOW)

  expect(await row.textContent()).toMatch(/log-monitor[\s\S]*fs:read:[\s\S]*denied/)
  await page.goto(`${host.url}/#/plugins/log-monitor`)
  await allowed.press('Space')
  await expect.poll(() => host.acts('log-monitor', 'fs.readFrom').then((acts) => acts.at(-1)), PATIENT).toBe('allowed')
  await page.close()
})

test('B5: the page asks before it takes away what it needs itself, and says how to get it back', async () => {
  const page = await openPage('/#/plugins/web')
  const control = page.getByRole('listitem').filter({ hasText: 'kernel:control' })
  await control.getByRole('switch').press('Space')
  const warning = page.getByRole('dialog').filter({ hasText: 'needs that permission' })
  await warning.waitFor(SLOW)
  expect(await warning.textContent()).toContain('pryx permissions grant web kernel:control')
  await warning.getByRole('button', { name: 'Close' }).click(SLOW)
  await warning.waitFor({ ...SLOW, state: 'detached' })
  expect(await control.getByRole('switch').isChecked()).toBe(true)
  await page.close()
})

test('K5: a question of a plugin is on the page within 500 ms, and the answer given there lets the call go on', async () => {
  const page = await openPage('/#/events')
  await page.getByText('Live', { exact: true }).waitFor(SLOW)
  const seen = await seenAt(page, '[role=alertdialog]', 'reader')
  const permission = await permissionOf('reader')

  await host.post('/api/plugins/reader/permission', { permission, mode: 'ask' })
  const shownAt = await seen()
  const question = (await host.state()).approvals[0]!
  await shoot(page, '1280-dark-question', 'dark', 1280)
  await page.getByRole('button', { name: 'Allow once' }).click()
  const logged = await until(async () => host.terminal('plugin.log').find(({ data }) => data.plugin === 'reader'))

  expect(question).toMatchObject({ plugin: 'reader', permission })
  expect(shownAt - question.askedAt).toBeLessThan(ASKED_WITHIN_MS)
  expect(logged.data.text).toBe('has read: dear diary')
  await expect.poll(() => page.getByRole('alertdialog').count(), PATIENT).toBe(0)
  await page.close()
})

test('K2: the end of the sandbox process shows on the page, which finds its way back by itself', async () => {
  const page = await openPage('/#/overview')
  await page.getByText('Live', { exact: true }).waitFor(SLOW)
  const away = await seenAt(page, '[data-link=away]')
  const { processes } = (await host.state()).host
  const sandbox = processes.find(({ plugins }) => plugins.includes('web'))!.pid
  expect(host.children()).toContain(sandbox)

  process.kill(sandbox, 'SIGKILL')
  await away()
  const back = await seenAt(page, '[data-link=live]')
  await back()
  await host.allActive()
  const seen = await seenAt(page, '.alert', 'ERROR after the fall')
  const writtenAt = job.log('ERROR after the fall')

  expect((await seen()) - writtenAt).toBeLessThan(WITHIN_MS)
  await page.close()
})

test.each([
  ['dark', 1280],
  ['light', 1280],
  ['dark', 390],
] as const)('B5: nothing sticks out of the page: %s, %s px wide', async (colorScheme, width) => {
  const page = await openPage('/')
  for (const section of [
    'chat',
    'overview',
    'plugins',
    'plugins/log-monitor',
    'tasks',
    'events',
    'audit',
    'packages',
  ]) {
    await page.goto(`${host.url}/#/${section}`)
    await page.getByText('Live', { exact: true }).waitFor({ ...SLOW, state: 'attached' })
    await shoot(page, `${width}-${colorScheme}-${section.replace('/', '-')}`, colorScheme, width)
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0)
  }
  await page.close()
})

async function openPage(path: string): Promise<Page> {
  return openPageAs(browser, await host.cookie(), host.url + path)
}

/** A picture, kept if PRYX_SCREENSHOTS names a folder. */
async function shoot(page: Page, name: string, colorScheme: 'dark' | 'light', width: number): Promise<void> {
  await page.emulateMedia({ colorScheme })
  await page.setViewportSize({ width, height: width < 600 ? 844 : 860 })
  const folder = process.env.PRYX_SCREENSHOTS ?? job.project.path('screenshots')
  mkdirSync(folder, { recursive: true })
  await page.waitForTimeout(250) // what moves has come to rest
  await page.screenshot({ path: join(folder, `${name}.png`) })
}

async function permissionOf(plugin: string): Promise<string> {
  const { plugins } = await host.state()
  return plugins.find(({ id }) => id === plugin)!.permissions.find(({ permission }) => permission.startsWith('fs:'))!
    .permission
}
