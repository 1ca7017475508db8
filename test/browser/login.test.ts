// test/browser/login.test.ts: the way in, in a real browser: a link that opens once, a cookie no script reads, a page that locks (N4).
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createProject, type Project, type Running } from '../../packages/pryx/src/cli/bin-testing.ts'
import { PATIENT, ROOT } from '../main-job-testing.ts'
import { openBrowser } from './browser-testing.ts'

let project: Project
let host: Running
let browser: Browser

beforeAll(async () => {
  project = createProject()
  project.write('pryx.json', { plugins: { web: { source: join(ROOT, 'plugins/web') } } })
  const opening = openBrowser()
  host = await project.up('--consent', 'declared')
  browser = await opening
})

afterAll(async () => {
  await browser?.close()
  await project?.[Symbol.asyncDispose]()
})

test('N4: without a link the page is locked and says what to do; a link lets one browser in, once', async () => {
  const [mine, other] = [await newPage(), await newPage()]

  expect((await mine.goto(host.url))?.status()).toBe(401)
  await mine.getByRole('heading', { name: 'Pryx is locked' }).waitFor()
  if (process.env.PRYX_SCREENSHOTS) await mine.screenshot({ path: join(process.env.PRYX_SCREENSHOTS, 'locked.png') })
  expect(await mine.evaluate(() => fetch('/api/state').then(({ status }) => status))).toBe(401)

  await mine.goto(host.link)
  await mine.getByText('Live', { exact: true }).waitFor({ state: 'attached' })
  expect(await mine.evaluate(() => document.cookie)).toBe('')
  expect((await other.goto(host.link))?.status()).toBe(401)
  await other.getByRole('alert').getByText('was used already').waitFor()

  const { value } = await project.json('web', 'link')
  await other.getByLabel('Or paste the link').fill((value as { link: string }).link)
  await other.getByRole('button', { name: 'Open' }).click()
  await other.getByText('Live', { exact: true }).waitFor({ state: 'attached' })
  expect(((await project.json('web', 'list')).value as unknown[]).length).toBe(2)
})

test('N4: who logs out is out at once; who is logged out from the terminal too', async () => {
  const [mine, other] = [await newPage(), await newPage()]
  for (const page of [mine, other]) {
    await page.goto(((await project.json('web', 'link')).value as { link: string }).link)
    await page.getByText('Live', { exact: true }).waitFor({ state: 'attached' })
  }

  await mine.getByRole('button', { name: 'Log out' }).click()
  await mine.getByText('You are logged out').waitFor()
  expect((await mine.goto(host.url))?.status()).toBe(401)
  expect(await other.getByText('Live', { exact: true }).count()).toBe(1)
  await project.run('web', 'logout', '--all')
  await other.getByText('You are logged out').waitFor()

  expect((await project.json('web', 'list')).value).toEqual([])
})

async function newPage() {
  const page = await browser.newPage({ viewport: { width: 1280, height: 860 } })
  page.setDefaultTimeout(PATIENT.timeout)
  return page
}
