// test/browser/surfaces.test.ts: one conversation on Telegram, in a real browser and at a real terminal, on the real host with the echo as
// its model; grammY runs in the sandbox against a Bot API on loopback (B1 B2 B3 B5 K5).
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import own from '../../plugins/telegram/package.json' with { type: 'json' }
import { type BotApi, openBotApi, type Shown, TOKEN } from '../../plugins/telegram/src/telegram-testing.ts'
import { createMainJob, type Live, type MainJob, PATIENT, ROOT } from '../main-job-testing.ts'
import { openTerminal, type Terminal } from '../terminal-testing.ts'
import { openBrowser, openPageAs } from './browser-testing.ts'

const ASK = '/tool probe__read {"path":"diary.txt"}'
const PROBE = `export default { activate(ctx) {
  ctx.tools.provide({ name: 'probe.read', run: async ({ path }) => {
    const fs = await ctx.use({ kind: 'service', name: 'fs', version: '1.0.0' })
    return (await fs.readFrom(path, 0)).text
  } })
} }`

const owner = new AsyncDisposableStack()
let api: BotApi
let job: MainJob
let host: Live
let page: Page
let terminal: Terminal

beforeAll(async () => {
  api = owner.use(await openBotApi())
  job = owner.use(createMainJob(plugins(api)))
  writePlugins(job, api)
  const opening = openBrowser()
  host = await job.up('--json')
  const browser = owner.adopt(await opening, (one: Browser) => one.close())
  await job.project.pipe(TOKEN, 'secrets', 'set', 'telegram.token')
  await job.project.run('permissions', 'grant', 'telegram', 'kernel:control') // answers by button
  await vi.waitFor(() => expect(api.asked.map(([method]) => method)).toContain('deleteWebhook'), PATIENT)
  const { plugins: all } = await host.state()
  const [reads] = all.find(({ id }) => id === 'probe')!.permissions
  await host.post('/api/plugins/probe/permission', { permission: reads!.permission, mode: 'ask' })
  const { value } = await job.project.json('channels', 'link')
  api.say(`/start ${(value as { code: string }).code}`)
  await vi.waitFor(() => expect(onTelegram()).toContain('Linked'), PATIENT)
  page = await openPageAs(browser, await host.cookie(), `${host.url}/#/chat/main`)
  terminal = owner.use(openTerminal(job.project, 'chat'))
  await terminal.until('/help')
  await page.getByText('Live', { exact: true }).waitFor()
})

beforeEach(() => terminal.mark())

afterAll(() => owner.disposeAsync())

test('B1 B2: what is written on Telegram, on the page or at the terminal is seen on all of them, with its answer, in one order', async () => {
  api.say('from the phone')
  await terminal.until(/telegram:42 › from the phone[\s\S]*You said: from the phone/)
  await page.locator('.said[data-role=user]', { hasText: 'from the phone' }).getByText('Telegram 42').waitFor()
  await expect.poll(onTelegram, PATIENT).toContain('You said: from the phone')
  await settled(1)

  const box = page.getByRole('textbox', { name: 'Message' })
  await box.fill('from the page')
  await box.press('Enter')
  await terminal.until(/web › from the page[\s\S]*You said: from the page/)
  await expect.poll(onTelegram, PATIENT).toMatch(/You on web: from the page[\s\S]*You said: from the page/)
  await settled(2)

  terminal.type('from the terminal')
  await terminal.until('You said: from the terminal')
  await expect.poll(onTelegram, PATIENT).toMatch(/You on terminal: from the terminal[\s\S]*You said: from the terminal/)
  await settled(3)

  const words = ['from the phone', 'from the page', 'from the terminal']
  expect(await page.locator('.said[data-role=user] .said-text').allTextContents()).toEqual(words)
  for (const word of words) expect(onTelegram().split(`You said: ${word}`)).toHaveLength(2) // once
  await shoot('surfaces')
})

test.each([
  ['Telegram', async () => pressOnTelegram('Allow once')],
  ['the page', () => page.locator('.talk').getByRole('button', { name: 'Allow once' }).click()],
  ['the terminal', async () => terminal.type('y')],
] as const)('K5: a question that is answered on %s is gone on the others', async (where, answer) => {
  await host.post('/api/chat/sessions/main/messages', { client: `ask-${where}`, text: ASK })
  await terminal.until(/probe wants to[\s\S]*Allow\?/)
  await page.locator('.talk [role=alertdialog]').waitFor()
  await expect.poll(openOnTelegram, PATIENT).toHaveLength(1)
  if (where === 'Telegram') await shoot('surfaces-question')
  await new Promise((resolve) => setTimeout(resolve, 400)) // the terminal takes no answer to what has only just appeared

  await answer()

  await expect.poll(() => page.locator('[role=alertdialog]').count(), PATIENT).toBe(0)
  await expect.poll(openOnTelegram, PATIENT).toEqual([])
  await terminal.until(/→ allowed[\s\S]*dear diary[\s\S]*› $/)
  await expect.poll(onTelegram, PATIENT).toMatch(/probe wants to[^❓]*✅ allowed/)
  await expect.poll(async () => (await page.locator('.tool').last().textContent()) ?? '', PATIENT).toContain('done')
  await settled()
})

test('S3: a task that has something to say is heard on Telegram, once', async () => {
  const say = { kind: 'notify', title: 'The kettle', text: 'It is time' }
  await host.post('/api/tasks', { name: 'kettle', trigger: { kind: 'once', at: Date.now() + 500 }, action: say })
  await expect.poll(onTelegram, PATIENT).toContain('ℹ️ The kettle\n\nIt is time')

  await new Promise((resolve) => setTimeout(resolve, 500)) // long enough for it to come twice
  expect(onTelegram().split('The kettle')).toHaveLength(2)
})

test('B5: the overview says how channels stand, what was last said there, and gives a code to link another chat', async () => {
  await page.goto(`${host.url}/#/overview`)
  const channels = page.getByRole('region', { name: 'Channels' })
  await channels.getByText('connected, 1 chat').waitFor()
  await channels.getByText(/Last message/).waitFor()
  await channels.getByRole('button', { name: 'Link a chat' }).click()
  await expect.poll(() => channels.locator('code').textContent(), PATIENT).toMatch(/^[A-Z2-9]{8}$/)
  await shoot('channels')

  api.down(true)
  await channels.getByText('trying again').waitFor()
  await channels.getByText('Telegram does not answer').waitFor()
  await shoot('channels-trouble')
  api.down(false)
  await channels.getByText('connected, 1 chat').waitFor()
  await channels.getByText(/Last trouble .*: Telegram does not answer/).waitFor()
})

let answers = 0

/** The page has the answers of all that was asked, and none is in the making. */
async function settled(count = ++answers): Promise<void> {
  answers = count
  await expect.poll(() => page.locator('.said[data-role=user]').count(), PATIENT).toBe(count)
  await expect.poll(() => page.locator('[data-making], .thinking').count(), PATIENT).toBe(0)
}

function onTelegram(): string {
  return api
    .messages()
    .map(({ text }) => text)
    .join('\n')
}

function openOnTelegram(): Shown[] {
  return api.messages().filter(({ buttons, text }) => buttons.length > 0 && text.includes('probe wants to'))
}

function pressOnTelegram(label: string): void {
  const [message] = openOnTelegram()
  api.press(message!.buttons.find(({ text }) => text === label)!.callback_data, message!.id)
}

function plugins({ url }: BotApi): Record<string, object> {
  const source = (id: string) => ({ source: join(ROOT, 'plugins', id) })
  return {
    sessions: source('sessions'),
    router: { ...source('router'), config: { refresh: 'never', detect: { enabled: false } } },
    agent: source('agent'),
    telegram: { source: './plugins/telegram', config: { apiRoot: url } },
    probe: { source: './plugins/probe' },
  }
}

function writePlugins({ project }: MainJob, { url }: BotApi): void {
  const manifest = structuredClone(own)
  manifest.pryx.permissions.push(`net:${new URL(url).host}`) // of the loopback's port, which no user's names
  project.write('plugins/telegram/package.json', manifest)
  cpSync(join(ROOT, 'plugins/telegram/dist'), project.path('plugins/telegram/dist'), { recursive: true })
  project.write('diary.txt', 'dear diary')
  project.plugin('probe', PROBE, {
    permissions: ['fs:read:${workspace}/diary.txt'],
    tools: [{ name: 'probe.read', description: 'Reads a file' }],
  })
}

/** The page as a picture and the terminal and Telegram as text, kept if PRYX_SCREENSHOTS names a folder. */
async function shoot(name: string): Promise<void> {
  const folder = process.env.PRYX_SCREENSHOTS ?? job.project.path('screenshots')
  mkdirSync(folder, { recursive: true })
  await page.screenshot({ path: join(folder, `${name}.png`) })
  writeFileSync(join(folder, `${name}.terminal.txt`), terminal.text())
  writeFileSync(join(folder, `${name}.telegram.txt`), onTelegram())
}
