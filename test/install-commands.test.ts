// test/install-commands.test.ts: what a user asks and answers about installed plugins, by the built command (K10, X5).
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { packageJson, pluginTarball, type TestPlugin } from '../packages/pryx/src/store/tarball-testing.ts'
import { createInstallProject, type InstallProject } from './install-testing.ts'
import { openTestRegistry, type TestRegistry } from './registry-testing.ts'

const BIN = fileURLToPath(new URL('../packages/pryx/dist/bin.js', import.meta.url))
const SLOW = { timeout: 300_000 } // many commands, on a busy machine
const AT_ONCE = ['--yes', '--min-age', '0']

let registry: TestRegistry
beforeAll(async () => {
  registry = await openTestRegistry()
})
afterAll(() => registry?.[Symbol.asyncDispose]())

async function publish(plugin: TestPlugin): Promise<void> {
  await registry.publish(packageJson(plugin), pluginTarball(plugin))
}

test('K10: info, why and audit tell of a package, of who needs whom, and of what is wrong', SLOW, async () => {
  await using project = createInstallProject(registry.url)
  await publish({ name: 'pryx-plugin-notes', pryx: { provides: { notes: '1.2.0' }, permissions: ['storage'] } })
  await publish({ name: 'pryx-plugin-reader', pryx: { requires: { notes: '^1.0.0' }, optional: { search: '^2.0.0' } } })

  expect((await project.json('info', 'pryx-plugin-notes')).value).toMatchObject({
    name: 'pryx-plugin-notes',
    latest: '1.0.0',
    signed: false,
    provenance: false,
  })
  await project.run('add', 'pryx-plugin-notes', 'pryx-plugin-reader', ...AT_ONCE)
  expect((await project.json('why', 'notes')).value).toEqual({
    subject: 'notes',
    inConfig: true,
    services: [
      {
        service: 'notes',
        providers: [{ plugin: 'notes', version: '1.2.0' }],
        wantedBy: [{ plugin: 'reader', range: '^1.0.0', required: true }],
      },
    ],
  })
  expect((await project.run('why', 'search')).stdout).toMatch(
    /search is provided by nobody[\s\S]*reader can use \^2\.0\.0/,
  )
  expect((await project.json('why', 'nothing')).value).toMatchObject({
    error: { hint: expect.stringContaining('notes') },
  })

  expect(await project.json('audit', 'plugins')).toMatchObject({
    code: 0,
    value: { good: true, findings: expect.arrayContaining([expect.objectContaining({ code: 'UNSIGNED' })]) },
  })
  const policy = project.write('policy.json', { version: 1, names: { deny: ['pryx-plugin-reader'] } })
  expect(await project.json('audit', 'plugins', '--policy', policy)).toMatchObject({
    code: 1,
    value: {
      good: false,
      findings: expect.arrayContaining([expect.objectContaining({ plugin: 'reader', code: 'REFUSED' })]),
    },
  })
})

test('K10: a policy holds at the install, and at each load after it', SLOW, async () => {
  await using project = createInstallProject(registry.url)
  await publish({ name: 'pryx-plugin-ruled', pryx: { permissions: ['storage'] } })
  const policy = project.write('policy.json', { version: 1, permissions: { deny: ['storage'] } })

  expect(await project.json('add', 'pryx-plugin-ruled', ...AT_ONCE, '--policy', policy)).toMatchObject({
    code: 1,
    value: { error: { code: 'POLICY_REFUSED', message: expect.stringContaining('permissions.deny[0]') } },
  })
  expect(existsSync(join(project.folder, 'pryx.lock.json'))).toBe(false)
  expect(await project.json('add', 'pryx-plugin-ruled', ...AT_ONCE)).toMatchObject({ code: 0 })

  await project.up('--policy', policy)
  expect((await project.json('list')).value.plugins).toMatchObject([
    { id: 'ruled', stage: 'broken', reason: expect.stringContaining('refuses pryx-plugin-ruled@1.0.0') },
  ])
})

test(
  'K10: add without a name brings back exactly what was locked; a lock file changed by hand is told',
  SLOW,
  async () => {
    await using project = createInstallProject(registry.url)
    await publish({ name: 'pryx-plugin-again' })
    await project.run('add', 'pryx-plugin-again@^1.0.0', ...AT_ONCE)
    await publish({ name: 'pryx-plugin-again', version: '1.5.0' })
    const lock = project.read('pryx.lock.json')
    rmSync(project.store, { recursive: true })
    expect((await project.json('list')).value.plugins).toMatchObject([{ stage: 'broken' }])

    expect(await project.json('add')).toMatchObject({
      code: 0,
      value: [{ id: 'again', version: '1.0.0', restored: true }],
    })
    expect(project.read('pryx.lock.json')).toBe(lock)
    expect((await project.json('list')).value.plugins).toMatchObject([{ version: '1.0.0', stage: 'stopped' }])
    expect(await project.json('add')).toMatchObject({ code: 0, value: [] })

    const other = JSON.parse(lock)
    other.plugins.again.version = '1.5.0' // and the content of 1.0.0
    project.write('pryx.lock.json', other)
    expect((await project.json('list')).value.plugins).toMatchObject([
      {
        stage: 'broken',
        reason: expect.stringMatching(/says pryx-plugin-again@1\.5\.0, and its content is .*1\.0\.0/),
      },
    ])
    rmSync(project.store, { recursive: true })
    expect(await project.json('add')).toMatchObject({ code: 1, value: { error: { code: 'LOCK_MISMATCH' } } })
    project.write('pryx.lock.json', lock.replace('"version": 1,', '"version": 1, "more": true,'))
    expect(await project.json('list')).toMatchObject({
      value: { error: { code: 'LOCK_DAMAGED', hint: expect.any(String) } },
    })
  },
)

test('K10: a name that looks like one you have is told of; remove keeps data only if asked', SLOW, async () => {
  await using project = createInstallProject(registry.url)
  await publish({ name: 'pryx-plugin-weather', pryx: { permissions: ['storage'] } })
  await publish({ name: 'pryx-plugin-waether' })
  await project.run('add', 'pryx-plugin-weather', ...AT_ONCE, '--allow', 'storage')

  const twin = await project.json('add', 'pryx-plugin-waether', ...AT_ONCE)
  expect(twin.value.notes).toContainEqual(expect.stringMatching(/almost that of pryx-plugin-weather/))

  project.write('.pryx/plugins/weather/own.txt', 'mine')
  expect(await project.json('remove', 'weather', '--keep-data')).toMatchObject({ code: 0 })
  expect(project.read('.pryx/plugins/weather/own.txt')).toBe('mine')
  await project.run('add', 'pryx-plugin-weather', ...AT_ONCE)
  expect((await project.json('permissions', 'list', 'weather')).value).toMatchObject([
    { permissions: [{ permission: 'storage', mode: 'ask' }] }, // data is kept, consent is not
  ])
  expect(await project.json('remove', 'weather')).toMatchObject({ code: 0 })
  expect(existsSync(join(project.folder, '.pryx/plugins/weather'))).toBe(false)
})

const hasTerminal = (() => {
  try {
    return execFileSync('script', ['--version'], { encoding: 'utf8' }).includes('util-linux')
  } catch {
    return false
  }
})()

test.runIf(hasTerminal)('K10: at a terminal: all, each, nothing, or Ctrl-C that leaves no trace', SLOW, async () => {
  await using project = createInstallProject(registry.url)
  await publish({ name: 'pryx-plugin-polite', pryx: { permissions: ['storage', 'net:api.example.com'] } })
  const modes = async () =>
    (await project.json('permissions', 'list', 'polite')).value[0].permissions
      .map(({ permission, mode }: { permission: string; mode: string }) => `${permission} ${mode}`)
      .sort()
  const before = project.picture()

  const stopped = await typed(project, [['Allow?', '\u0003']])
  expect(stopped).toMatchObject({ code: 130, text: expect.stringContaining('everything is as it was') })
  expect(project.picture()).toEqual(before)
  const declined = await typed(project, [['Allow?', 'd']])
  expect(declined).toMatchObject({ code: 1, text: expect.stringContaining('was not installed') })
  expect(project.picture()).toEqual(before)

  expect(await typed(project, [['Allow?', 'n']])).toMatchObject({ code: 0 })
  expect(await modes()).toEqual(['net:api.example.com ask', 'storage ask'])
  await project.run('remove', 'polite')
  expect(await typed(project, [['Allow?', 'a']])).toMatchObject({ code: 0 })
  expect(await modes()).toEqual(['net:api.example.com allow', 'storage allow'])
  await project.run('remove', 'polite')
  const each = await typed(project, [
    ['Allow?', 'e'],
    ['Allow this?', 'y'],
    ['Allow this?', 'n'],
  ])
  expect(each.code).toBe(0)
  expect((await modes()).map((one: string) => one.split(' ')[1]).sort()).toEqual(['allow', 'ask'])
})

/** Runs `pryx add` at a pseudo terminal; types each key a while after its prompt has come. */
function typed(
  project: InstallProject,
  keys: [prompt: string, key: string][],
): Promise<{ code: number | null; text: string }> {
  const words = [process.execPath, BIN, 'add', 'pryx-plugin-polite', '--min-age', '0'].join(' ')
  const child = spawn('script', ['-qec', words, '/dev/null'], {
    cwd: project.folder,
    env: { ...project.env, TERM: 'xterm' },
  })
  let text = ''
  let from = 0
  const waiting = [...keys]
  child.stdout.on('data', (chunk) => {
    text += chunk
    const [prompt, key] = waiting[0] ?? []
    const at = prompt === undefined ? -1 : text.indexOf(prompt, from)
    if (at < 0) return
    from = at + prompt!.length
    waiting.shift()
    setTimeout(() => child.stdin.write(key!), KEY_AFTER_MS)
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, text }))
  })
}

const KEY_AFTER_MS = 900 // a key that comes with the question is taken for one that was meant for something else
