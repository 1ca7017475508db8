import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { createProject } from './bin-testing.ts'

const ROUTER = fileURLToPath(new URL('../../../../plugins/router', import.meta.url))
const GOOD = 'sk-good-0123456789'

test('R8: setup keeps a key before the first start and after it, checks it, grants its host, and never shows it', {
  timeout: 120_000,
}, async () => {
  await using provider = await openProvider()
  await using project = createProject([])
  project.write('pryx.json', {
    plugins: { router: { source: ROUTER, config: { refresh: 'never', detect: { enabled: false } } } },
  })
  project.write('key.txt', `${GOOD}\n`)
  project.write('bad.txt', 'sk-bad')
  const said: string[] = []
  const run = async (...args: string[]) => {
    const ended = await project.run('setup', ...args)
    said.push(ended.stdout, ended.stderr)
    return ended
  }

  expect(await run()).toMatchObject({ code: 2, stderr: expect.stringContaining('--provider') })
  const early = await run('--provider', 'openai', '--key-file', project.path('key.txt'), '--no-check')
  expect(early).toMatchObject({ code: 0, stdout: expect.stringContaining('pryx up') })
  expect((await project.json('secrets')).value).toEqual([{ plugin: 'router', name: 'provider.openai' }])

  await project.up('--consent', 'declared')
  expect((await project.json('models', 'providers', '--ready')).value).toContainEqual(
    expect.objectContaining({ id: 'openai', state: 'ready' }),
  )
  const url = `http://127.0.0.1:${provider.port}`
  const refused = await run('--provider', 'mistral', '--key-file', project.path('bad.txt'), '--url', url)
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('SETUP_REFUSED') })
  const late = await run('--provider', 'mistral', '--key-file', project.path('key.txt'), '--url', url)
  expect(late).toMatchObject({ code: 0, stdout: expect.stringMatching(/its key works[\s\S]*pryx chat/) })
  expect(provider.asked).toEqual(['Bearer sk-bad', `Bearer ${GOOD}`])
  expect((await project.json('permissions', 'list', 'router')).value).toEqual(expect.objectContaining({}))
  expect(readFileSync(project.path('.pryx/grants.json'), 'utf8')).toContain('"net:api.openai.com"')
  expect(await run('--workspace', project.path('nowhere'))).toMatchObject({ code: 2 })
  expect(await run('--telegram-env', 'NONE')).toMatchObject({ code: 2, stderr: expect.stringContaining('telegram') })
  project.write('notes/AGENTS.md', 'Be brief.')
  expect((await run('--workspace', project.path('notes'))).stdout).toContain('from its next start on')

  for (const args of [['logs'], ['events', '-n', '200'], ['audit', 'show', '-n', '500', '--json']])
    said.push((await project.run(...args)).stdout)
  for (const text of said) expect(text).not.toContain('0123456789')
})

/** A provider that knows one key. */
async function openProvider() {
  const asked: (string | undefined)[] = []
  const server = createServer((request, response) => {
    asked.push(request.headers.authorization)
    response.writeHead(request.headers.authorization === `Bearer ${GOOD}` ? 200 : 401).end('{}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  return {
    asked,
    port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

test('R8: a token that cannot be one is refused unasked; one that is kept belongs to Telegram alone', async () => {
  await using project = createProject(['telegram'])
  project.write('token.txt', 'not-a-token')

  const refused = await project.run('setup', '--telegram-file', project.path('token.txt'))
  const kept = await project.run('setup', '--telegram-file', project.path('token.txt'), '--no-check')

  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('SETUP_REFUSED') })
  expect(kept.code).toBe(0)
  expect(kept.stdout + kept.stderr).not.toContain('not-a-token')
  expect((await project.json('secrets')).value).toEqual([{ plugin: 'telegram', name: 'telegram.token' }])
}, 30_000)
