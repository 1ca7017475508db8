import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { BIN, createProject } from './bin-testing.ts'

const ROUTER = fileURLToPath(new URL('../../../../plugins/router', import.meta.url))

test('R4: a user lists, shows, lints and sets up models, and is told why one is taken; a key is never an argument nor told again', async () => {
  await using project = createProject([])
  project.write('pryx.json', {
    plugins: { router: { source: ROUTER, config: { refresh: 'never', detect: { enabled: false } } } },
  })
  await project.up('--consent', 'declared')

  expect((await project.json('models', 'list', 'claude', 'haiku', '--provider', 'anthropic')).value).toContainEqual(
    expect.objectContaining({ slug: 'anthropic/claude-haiku-4-5' }),
  )
  expect((await project.run('models', 'show', 'openai/gpt-5-nano')).stdout).toMatch(/o200k/)
  expect((await project.json('models', 'lint', '--rule', 'price-zero')).value).toMatchObject({
    counts: { 'price-zero': expect.any(Number) },
  })
  expect((await project.json('models', 'refresh')).value).toMatchObject({ outcome: 'off', models: expect.any(Number) })
  expect((await project.run('models', 'show', 'openai/none')).stderr).toContain('MODELS_UNKNOWN')

  const out = execFileSync(process.execPath, [BIN, 'models', 'connect', 'openai'], {
    cwd: project.folder,
    input: 'sk-very-secret-0123456789\n',
    encoding: 'utf8',
  })
  expect(out).toContain('OpenAI is ready')
  const { stdout } = await project.run('models', 'explain', '--strategy', 'cheapest', '--tools', '2')
  expect(stdout).toMatch(/openai\/.*lowest price/)
  expect((await project.run('models', 'explain')).stdout).toBe(stdout)
  expect((await project.run('models', 'explain', '--not', 'anthropic/claude-haiku-4-5')).stdout).toContain('not set up')
  expect((await project.json('permissions', 'list', 'router')).value).toEqual(expect.anything())
  for (const args of [
    ['logs'],
    ['audit', 'show', '-n', '500', '--json'],
    ['events', '-n', '200', '--json'],
    ['models', 'providers', '--json'],
  ])
    expect((await project.run(...args)).stdout).not.toContain('very-secret')
}, 60_000)
