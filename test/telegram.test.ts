// test/telegram.test.ts: Telegram as a user has it: the built command, all plugins that answer, the Bot API on loopback; and the host killed.
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test, vi } from 'vitest'
import { createProject, type Project } from '../packages/pryx/src/cli/bin-testing.ts'
import own from '../plugins/telegram/package.json' with { type: 'json' }
import { type BotApi, openBotApi, TOKEN } from '../plugins/telegram/src/telegram-testing.ts'

const KILLS = process.env.PRYX_DEEP ? 40 : 2
const at = (id: string) => ({ source: fileURLToPath(new URL(`../plugins/${id}`, import.meta.url)) })
const PATIENT = { timeout: 30_000, interval: 50 }

test('B1: B4: set the token, send a code, write, be answered by the echo; kill -9 in the middle loses nothing and doubles nothing', {
  timeout: 120_000 + KILLS * 30_000,
}, async () => {
  await using api = await openBotApi()
  await using project = createProject()
  writeProject(project, api)
  let host = await project.up('--consent', 'declared')

  await project.pipe(TOKEN, 'secrets', 'set', 'telegram.token')
  await vi.waitFor(() => expect(api.asked.map(([method]) => method)).toContain('deleteWebhook'), PATIENT)
  const code = await codeOf(project)
  api.say(`/start ${code}`)
  await api.until(/^Linked/)
  api.say('word-0')
  await answered(api, 'word-0')

  for (let i = 1; i <= KILLS; i++) {
    api.say(`word-${i}`)
    await new Promise((resolve) => setTimeout(resolve, (i * 137) % 400))
    await host.end('SIGKILL')
    api.say(`late-${i}`)
    host = await project.up('--consent', 'declared')
    await answered(api, `late-${i}`)
  }

  const value = JSON.parse((await project.run('sessions', 'export', 'main', '--format', 'json')).stdout) as unknown
  const events = (value as { events: { kind: string; body: { role?: string; text?: string } }[] }).events
  const said = events
    .filter(({ kind, body }) => kind === 'message' && body.role === 'user')
    .map(({ body }) => body.text)
  const words = Array.from({ length: KILLS }, (_, i) => [`word-${i + 1}`, `late-${i + 1}`]).flat()
  expect(said).toEqual(['word-0', ...words])
  for (const word of words) await answered(api, word)
  const audit = await project.run('audit', 'show', '-n', '1000', '--json')
  for (const record of [audit.stdout, host.stderr(), JSON.stringify(value)])
    expect(record).not.toContain(TOKEN.split(':')[1])
  await host.end('SIGTERM')
})

/** The plugin as it is built; its manifest names the loopback's port too, which no user's has to. */
function writeProject(project: Project, api: BotApi): void {
  const { source } = at('telegram')
  const manifest = structuredClone(own)
  manifest.pryx.permissions.push(`net:${new URL(api.url).host}`)
  project.write('plugins/telegram/package.json', manifest)
  cpSync(join(source, 'dist'), project.path('plugins/telegram/dist'), { recursive: true })
  project.write('pryx.json', {
    plugins: {
      web: at('web'),
      sessions: at('sessions'),
      router: { ...at('router'), config: { refresh: 'never', detect: { enabled: false } } },
      agent: at('agent'),
      telegram: { source: './plugins/telegram', config: { apiRoot: api.url } },
    },
  })
}

async function codeOf(project: Project): Promise<string> {
  const { value } = await project.json('channels', 'link')
  return (value as { code: string }).code
}

/** The echo's answer holds what it was asked. */
async function answered(api: BotApi, word: string): Promise<void> {
  await vi.waitFor(
    () =>
      expect(
        api
          .messages()
          .map(({ text }) => text)
          .join('\n'),
      ).toContain(word),
    PATIENT,
  )
}
