// test/setup.test.ts: `pryx setup` as a user has it, at a real terminal (R8).
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createProject } from '../packages/pryx/src/cli/bin-testing.ts'
import { ROOT } from './main-job-testing.ts'
import { openTerminal } from './terminal-testing.ts'

const KEY = 'sk-typed-0123456789'

test('R8: at a terminal a slip costs a line and not the steps before it; what is typed as a key is never seen', {
  timeout: 120_000,
}, async () => {
  await using project = createProject()
  const plugins = ['router', 'telegram', 'sessions', 'agent']
  const sources = plugins.map((id) => [id, { source: join(ROOT, 'plugins', id) }])
  project.write('pryx.json', { plugins: Object.fromEntries(sources) })
  await using terminal = openTerminal(project, 'setup', '--no-check')
  const say = async (asked: string, line: string) => {
    await terminal.until(asked)
    terminal.mark()
    terminal.type(line)
  }

  await say('Number or name', '99')
  await terminal.until(/does not know 99[\s\S]*Number or name/)
  await say('Number or name', 'openai')
  await say('Key of OpenAI', KEY)
  await terminal.until('✔ OpenAI')
  expect(terminal.text()).not.toContain(KEY)
  await say('Write with it from Telegram', 'y')
  await say('Token of your bot', '')
  await terminal.until('nothing was given')
  await say('Write with it from Telegram', 'n')
  await say('Folder it may work in', project.path('new', 'place'))
  await say('Make it', 'y')
  await terminal.until('Next: pryx up')

  expect(existsSync(project.path('new', 'place'))).toBe(true)
  expect(JSON.parse(readFileSync(project.path('pryx.json'), 'utf8'))).toMatchObject({
    workspace: project.path('new', 'place'),
  })
  expect((await project.json('secrets')).value).toEqual([{ plugin: 'router', name: 'provider.openai' }])
})
