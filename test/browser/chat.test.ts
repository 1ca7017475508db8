// test/browser/chat.test.ts: a chat in a real browser on the real host, with the echo as its model: what a person sees and does (B1 B2 B3 B5 K5).
import { mkdirSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connectControl } from '../../packages/pryx/src/control/client.ts'
import { DATA_FOLDER } from '../../packages/pryx/src/host/config.ts'
import type { SessionEvent } from '../../plugins/sessions/src/events.ts'
import { createMainJob, type Live, type MainJob, PATIENT, ROOT, until, WITHIN_MS } from '../main-job-testing.ts'
import { complaintsOf, openBrowser, openPageAs, seenAt } from './browser-testing.ts'

const SLOW = { timeout: PATIENT.timeout }

/** A tool that reads a file, and one that answers whatever it was given. */
const probe = `export default { activate(ctx) {
  ctx.tools.provide({ name: 'probe.read', run: async ({ path }) => {
    const fs = await ctx.use({ kind: 'service', name: 'fs', version: '1.0.0' })
    return (await fs.readFrom(path, 0)).text
  } })
  ctx.tools.provide({ name: 'probe.say', run: async ({ text }) => text })
} }`

const EVIL = [
  '<script>window.hacked = 1</script>',
  '<img src="http://127.0.0.1:9/x.png" onerror="window.hacked = 2">',
  '<svg onload="window.hacked = 3"></svg>',
  '[a link](javascript:window.hacked=4) [data](data:text/html,<script>window.hacked=5</script>)',
  '![a picture](http://127.0.0.1:9/y.png) <iframe src="javascript:window.hacked=6"></iframe>',
  '```html\n<script>window.hacked = 7</script><img src="http://127.0.0.1:9/z.png">\n```',
  '**bold** and `code` and [good](https://example.com/)',
].join('\n\n')

const RICH = `

## What I found

Two **places** hold it, and \`notes/plan.md\` the third:

1. the log, which is long enough to be wrapped around at the end of a line on a phone
2. the [manual](https://example.com/manual)

| file | lines | what stands in it, in some more words |
| --- | --- | --- |
| a-rather-long-name-of-a-file.ts | 120 | the way in |
| b.ts | 8 | the way out |

\`\`\`ts
export const answer: number = [1, 2, 3].reduce((sum, one) => sum + one, 0) // and a comment that goes on and on, beyond any screen
\`\`\`

> Kept for later.`

let job: MainJob
let host: Live
let browser: Browser

beforeAll(async () => {
  const source = (id: string) => ({ source: join(ROOT, 'plugins', id) })
  const chat = { router: source('router'), sessions: source('sessions'), agent: source('agent') }
  job = createMainJob({
    ...chat,
    telegram: { source: join(ROOT, 'plugins/telegram') },
    probe: { source: './plugins/probe' },
  })
  job.project.write('diary.txt', 'dear diary')
  job.project.plugin('probe', probe, {
    permissions: ['fs:read:${workspace}/diary.txt'],
    tools: [
      { name: 'probe.read', description: 'Reads a file' },
      { name: 'probe.say', description: 'Says it' },
    ],
  })
  const opening = openBrowser()
  host = await job.up('--json')
  browser = await opening
})

afterAll(async () => {
  await browser?.close()
  await job?.[Symbol.asyncDispose]()
})

test('B5: a channel that has never been woken stands on the overview, with what it wants', async () => {
  const page = await openPage('/#/overview')
  const channels = page.getByRole('region', { name: 'Channels' })

  await channels.getByText('it wants the token of a bot of yours').waitFor(SLOW)

  expect((await host.state()).plugins.find(({ id }) => id === 'telegram')).toMatchObject({ asleep: true })
  await page.close()
})

test('B5: words are answered piece by piece, the answer is drawn as Markdown, and a second browser shows the same', async () => {
  const page = await openPage('/')
  const complaints = complaintsOf(page)
  const other = await openPage('/')
  await page.getByText('No model is set up yet').waitFor(SLOW)
  for (const one of [page, other]) await one.getByText('Live', { exact: true }).waitFor(SLOW)
  const growing = await seenAt(other, '[data-making]')

  await write(page, `I like **bold** words, ${'again and '.repeat(150)}again`) // the echo takes seconds, or the other may come when all is said
  await growing() // seen in the making, in the browser that did not ask
  await page.locator('.said[data-role=assistant] strong', { hasText: 'bold' }).waitFor(SLOW)
  await other.locator('.said[data-role=assistant] strong', { hasText: 'bold' }).waitFor(SLOW)

  const texts = (one: Page) => one.locator('.said-text').allTextContents()
  await expect.poll(() => page.locator('[data-making]').count(), PATIENT).toBe(0)
  await expect.poll(async () => (await texts(other)).join('|'), PATIENT).toBe((await texts(page)).join('|'))
  expect(await texts(page)).toHaveLength(2)
  expect(await page.locator('.meter').textContent()).toContain('$0')
  expect(complaints).toEqual([])
  await Promise.all([page.close(), other.close()])
})

test('K5: a tool stands where it was called; its question is answered in place, and is gone in every browser', async () => {
  const session = await newChat()
  const permission = await permissionOf('probe')
  await host.post('/api/plugins/probe/permission', { permission, mode: 'ask' })
  const [page, other] = [await openPage(`/#/chat/${session}`), await openPage(`/#/chat/${session}`)]
  await page.getByText('Live', { exact: true }).waitFor(SLOW)

  await write(page, '/tool probe__read {"path":"diary.txt"}')
  const inPlace = page.locator('.talk [role=alertdialog]')
  await inPlace.waitFor(SLOW)
  await other.locator('.talk [role=alertdialog]').waitFor(SLOW)
  expect(await page.locator('.floating').count()).toBe(0)
  await shoot(page, 'chat-1280-dark-question', 'dark', 1280)
  await shoot(page, 'chat-390-light-question', 'light', 390)
  await inPlace.getByRole('button', { name: 'Allow once' }).click()

  const tool = page.locator('details.tool')
  await tool.getByText('done').waitFor(SLOW)
  await expect.poll(() => other.locator('[role=alertdialog]').count(), PATIENT).toBe(0)
  expect(await page.locator('[role=alertdialog]').count()).toBe(0)
  await tool.locator('summary').press('Enter')
  await expect.poll(() => tool.textContent(), PATIENT).toMatch(/"path": "diary\.txt"[\s\S]*dear diary/)
  await Promise.all([page.close(), other.close()])
})

test('B5: nothing that an agent says becomes live: no script, no picture from the network, no odd link', async () => {
  const session = await newChat()
  const page = await openPage(`/#/chat/${session}`)
  const asked: string[] = []
  page.on('request', (request) => asked.push(request.url()))

  await write(page, `/tool probe__say ${JSON.stringify({ text: EVIL })}`)
  const answer = page.locator('.said[data-role=assistant]', { hasText: 'window.hacked = 1' })
  await answer.waitFor(SLOW)
  await write(page, EVIL)
  await page.locator('.said[data-role=assistant] strong', { hasText: 'bold' }).last().waitFor(SLOW)
  for (const link of await page.locator('.talk a').all()) expect(await link.getAttribute('href')).toMatch(/^https?:/)

  expect(await page.locator('.talk :is(script, img[src^=http], svg[onload], iframe, [onerror])').count()).toBe(0)
  expect(await page.evaluate(() => (window as unknown as { hacked?: number }).hacked)).toBeUndefined()
  expect(asked.filter((url) => url.includes(':9/'))).toEqual([])
  await page.close()
})

test('B3: a page whose connection is cut catches up in order and nothing twice, and sends once what was written meanwhile', async () => {
  const session = await newChat()
  await using wire = await openWire(host.url)
  const page = await openPage(`/#/chat/${session}`, wire.url)
  await page.getByText('Live', { exact: true }).waitFor(SLOW)
  await write(page, 'before the cut')
  await page.locator('.said[data-role=assistant]').first().waitFor(SLOW)

  wire.cut()
  await page.locator('[data-link=away]').waitFor(SLOW)
  for (const n of [1, 2, 3])
    await host.post(`/api/chat/sessions/${session}/messages`, { client: `elsewhere-${n}`, text: `meanwhile ${n}` })
  await write(page, 'written in the dark')
  await page.getByText('Waits for the connection').waitFor(SLOW)
  await until(async () => ((await entries(session)).filter(isEnd).length === 4 ? true : undefined))
  wire.mend()

  await until(async () => ((await entries(session)).filter(isEnd).length === 5 ? true : undefined))
  await expect.poll(() => page.locator('.said[data-role=assistant]:not([data-making])').count(), PATIENT).toBe(5)
  const said = await page.locator('.said[data-role=user] .said-text').allTextContents()
  expect(said).toEqual(['before the cut', 'meanwhile 1', 'meanwhile 2', 'meanwhile 3', 'written in the dark'])
  expect((await entries(session)).filter(isWord('written in the dark'))).toHaveLength(1)
  await page.close()
})

test('N4: a key is typed in a window of the host; no page of a plugin holds it, and the model is ready after', async () => {
  const page = await openPage(`/#/chat/${await newChat()}`)
  const told: string[] = []
  page.on('request', (request) => told.push(request.postData() ?? ''))
  const opening = page.context().waitForEvent('page')
  await page.getByRole('link', { name: 'Type the key' }).click(SLOW)
  const popup = await opening
  await popup.getByLabel('Provider').selectOption({ label: 'Anthropic' }, SLOW)
  await shoot(popup, 'setup-1280-light', 'light', 1280)
  const address = popup.url()

  await popup.getByLabel('Key', { exact: true }).fill('no key at all')
  await popup.getByRole('button', { name: 'Keep it' }).click()
  await popup.getByText('that is no key').waitFor(SLOW)
  await popup.getByLabel('Provider').selectOption({ label: 'Anthropic' })
  await popup.getByLabel('Key', { exact: true }).fill('sk-test-4711')
  await popup.getByRole('button', { name: 'Keep it' }).click()
  await popup.getByText('Anthropic is ready').waitFor(SLOW)

  const { ready } = await host.get<{ ready: { id: string }[] }>('/api/chat/models')
  expect(ready.map(({ id }) => id)).toContain('anthropic')
  expect(JSON.stringify([told, await host.state(), await host.audit(), host.stderr()])).not.toContain('sk-test-4711')
  expect((await fetch(address)).status).toBe(401) // without a login the window is shut
  expect(await readBy(page, address)).toBe('refused')
  const elsewhere = (await connectControl(job.project.path(DATA_FOLDER)))!
  await elsewhere.call('models', '1.0.0', 'disconnect', ['anthropic'])
  await Promise.all([page.close(), popup.close()])
})

test('B2: words from elsewhere stand in the conversation with the name of their surface; typing is seen', async () => {
  const session = await newChat()
  const page = await openPage(`/#/chat/${session}`)
  await page.getByText('Live', { exact: true }).waitFor(SLOW)
  const elsewhere = (await connectControl(job.project.path(DATA_FOLDER)))!

  const typing = () => elsewhere.call('sessions', '1.0.0', 'typing', [session, 'telegram:42', true])
  const hint = page.getByText('Somebody is writing on Telegram 42')
  await expect.poll(() => typing().then(() => hint.count()), PATIENT).toBe(1) // told to those who listen just then
  const seen = await seenAt(page, '.said[data-role=user]', 'from my phone')
  const sentAt = Date.now()
  const word = { surface: 'telegram:42', client: 'tg-1', text: 'from my phone' }
  await elsewhere.call('sessions', '1.0.0', 'send', [session, word])

  expect((await seen()) - sentAt).toBeLessThan(WITHIN_MS)
  const shown = page.locator('.said[data-role=user]', { hasText: 'from my phone' })
  expect(await shown.locator('.said-from').textContent()).toBe('Telegram 42')
  await page.close()
})

test('B5: what was not sent is kept, Esc stops, and a chat is renamed, found, branched and archived', async () => {
  const session = await newChat()
  const page = await openPage(`/#/chat/${session}`)
  const box = page.getByRole('textbox', { name: 'Message' })
  await box.fill('half a thought')
  await page.reload()
  await expect.poll(() => box.inputValue(), PATIENT).toBe('half a thought')

  await box.press('Shift+Enter')
  expect(await box.inputValue()).toBe('half a thought\n')
  await write(page, `a needle ${'and more words '.repeat(120)}`)
  await page.locator('[data-making]').waitFor(SLOW)
  await box.press('Escape')
  await page.getByText('Stopped', { exact: true }).waitFor(SLOW)

  await page.locator('.session-row[data-current]').hover()
  await page.locator('.session-row[data-current] .session-more').click()
  await page.getByRole('menuitem', { name: 'Rename' }).click()
  await page.getByRole('textbox', { name: 'Name of the chat' }).fill('Haystack')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Haystack' }).waitFor(SLOW)

  await page.keyboard.press('Control+k')
  await page.keyboard.type('needle')
  await page.locator('.session-row mark', { hasText: 'needle' }).waitFor(SLOW)
  await page.getByRole('textbox', { name: 'Search in all chats' }).fill('')

  await page.locator('.said[data-role=user]').hover()
  await page.getByRole('button', { name: 'Branch here' }).click()
  await expect.poll(() => page.url(), PATIENT).not.toContain(session)
  await page.locator('.said[data-role=user]', { hasText: 'needle' }).waitFor(SLOW)
  await page.close()
})

test.each([
  ['dark', 1280],
  ['light', 1280],
  ['light', 390],
  ['dark', 390],
] as const)('B5: the chat fits: %s, %s px wide, and everything on it has a name', async (colorScheme, width) => {
  const session = await newChat()
  await host.post(`/api/chat/sessions/${session}/messages`, { client: `rich-${session}`, text: RICH })
  const page = await openPage(`/#/chat/${session}`)
  await page.locator('.said[data-role=assistant]:not([data-making]) table').waitFor(SLOW)
  await page.locator('.said[data-role=assistant] .code .hljs-keyword', { hasText: 'export' }).waitFor(SLOW)
  await shoot(page, `chat-${width}-${colorScheme}`, colorScheme, width)

  expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0)
  expect(await page.evaluate(namelessOn)).toEqual([])
  await page.close()
})

/** What a page gone bad would try: to read the host's window. */
function readBy(page: Page, address: string): Promise<string> {
  return page.evaluate(
    (address) =>
      fetch(address, { credentials: 'include' }).then(
        () => 'read',
        () => 'refused',
      ),
    address,
  )
}

/** Controls that a screen reader would have no word for. Runs in the page. */
function namelessOn(): string[] {
  const controls = [
    ...document.querySelectorAll<HTMLElement>('a, button, input, textarea, select, summary, [role=button]'),
  ]
  const named = (one: HTMLElement) =>
    one.getAttribute('aria-label') ||
    one.textContent?.trim() ||
    (one as HTMLInputElement).labels?.length ||
    one.getAttribute('aria-labelledby')
  return controls.filter((one) => one.checkVisibility() && !named(one)).map((one) => one.outerHTML.slice(0, 200))
}

async function openPage(path: string, url = host.url): Promise<Page> {
  return openPageAs(browser, await host.cookie(), url + path)
}

async function write(page: Page, text: string): Promise<void> {
  const box = page.getByRole('textbox', { name: 'Message' })
  await box.fill(text)
  await box.press('Enter')
}

async function newChat(): Promise<string> {
  const id = `test-${Math.random().toString(36).slice(2)}`
  await host.post('/api/chat/sessions', { id })
  return id
}

async function entries(session: string): Promise<SessionEvent[]> {
  return (await host.get<{ events: SessionEvent[] }>(`/api/chat/sessions/${session}/entries`)).events
}

function isEnd({ kind }: SessionEvent): boolean {
  return kind === 'run.finished'
}

function isWord(text: string): (entry: SessionEvent) => boolean {
  return ({ kind, body }) => kind === 'message' && (body as { text: string }).text === text
}

/** A wire to the host that can be cut and mended. */
async function openWire(target: string): Promise<{ url: string; cut(): void; mend(): void } & AsyncDisposable> {
  const port = Number(new URL(target).port)
  const sockets = new Set<Socket>()
  let whole = true
  const server: Server = createServer((near) => {
    if (!whole) return void near.destroy()
    const far = connect(port, '127.0.0.1')
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one)
      one.on('error', () => other.destroy()).on('close', () => sockets.delete(one))
      one.pipe(other)
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const cut = () => {
    whole = false
    for (const socket of [...sockets]) socket.destroy()
  }
  return {
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    cut,
    mend() {
      whole = true
    },
    async [Symbol.asyncDispose]() {
      cut()
      await new Promise((resolve) => server.close(resolve))
    },
  }
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
