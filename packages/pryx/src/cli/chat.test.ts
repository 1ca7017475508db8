import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { createProject } from './bin-testing.ts'

const at = (name: string) => fileURLToPath(new URL(`../../../../plugins/${name}`, import.meta.url))

const CONVERSATION = {
  sessions: { source: at('sessions') },
  agent: { source: at('agent') },
  router: { source: at('router'), config: { refresh: 'never', detect: { enabled: false } } },
}

test('B1: pryx chat answers a question and what is piped in, for people and programs; pryx sessions finds it again', {
  timeout: 120_000,
}, async () => {
  await using project = createProject([])
  project.write('pryx.json', { plugins: CONVERSATION })
  expect(await project.run('chat', 'anyone?')).toMatchObject({ code: 3, stderr: expect.stringContaining('pryx up') })
  await project.up('--consent', 'declared')

  const asked = await project.run('chat', 'tell', 'me of **lynxes**')
  expect(asked).toMatchObject({ code: 0, stdout: expect.stringMatching(/^You said: tell me of \*\*lynxes\*\*\n/) })
  expect((await project.pipe('a long text\n', 'chat')).stdout).toContain('You said: a long text')
  const { stdout } = await project.run('chat', 'hi', '--session', 'other', '--json')
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(lines.map(({ kind }) => kind)).toEqual(['message', 'run.started', 'message', 'run.finished', 'run'])
  expect(lines.at(-1).run).toMatchObject({ status: 'ok', session: 'other' })
  const refused = await project.run('chat', 'hi', '--model', 'none/such')
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('MODELS_NONE') })
  expect((await project.pipe('', 'chat')).stderr).toContain('nothing was asked')

  expect((await project.json('sessions')).value).toMatchObject([{ id: 'main' }, { id: 'other' }])
  expect((await project.run('sessions', 'show', 'main')).stdout).toContain('You said: tell me of lynxes')
  expect((await project.run('sessions', 'search', 'lynx')).stdout).toContain('main')
  expect((await project.run('sessions', 'export', 'main')).stdout).toContain('tell me of **lynxes**')
  expect(JSON.parse((await project.run('sessions', 'export', 'other', '--format', 'json')).stdout)).toMatchObject({
    events: expect.any(Array),
  })
  expect((await project.run('sessions', 'archive', 'other')).code).toBe(0)
  expect((await project.json('sessions', 'list', '--archived')).value).toMatchObject([{ id: 'other' }])
  expect((await project.run('sessions', 'show', 'nothing')).stderr).toContain('SESSION_UNKNOWN')
})
