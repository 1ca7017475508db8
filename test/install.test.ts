// test/install.test.ts: from a real registry into a running host, and out again (K10, X5).
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { packageJson, pluginTarball, type TestPlugin } from '../packages/pryx/src/store/tarball-testing.ts'
import { createInstallProject } from './install-testing.ts'
import { openTestRegistry, type TestRegistry } from './registry-testing.ts'

let registry: TestRegistry
beforeAll(async () => {
  registry = await openTestRegistry()
})
afterAll(() => registry?.[Symbol.asyncDispose]())

async function publish(plugin: TestPlugin, tag?: string): Promise<void> {
  await registry.publish(packageJson(plugin), pluginTarball(plugin), tag === undefined ? {} : { tag })
}

test('K10: a plugin goes into a running host without a restart, is updated, rolled back and removed', {
  timeout: 300_000,
}, async () => {
  await using project = createInstallProject(registry.url)
  project.write('pryx.json', { plugins: {} })
  const one = { name: 'pryx-plugin-tour', pryx: { permissions: ['storage'] } }
  await publish({ ...one, code: 'export default { activate() { console.info("tour 1") } }' })
  await project.up()

  const added = await project.json('add', 'pryx-plugin-tour@^1.0.0', '--yes', '--allow', 'storage', '--min-age', '0')
  expect(added).toMatchObject({
    code: 0,
    value: { id: 'tour', version: '1.0.0', stage: 'active', granted: ['storage'], trust: 'unsigned' },
  })
  expect((await project.json('permissions', 'list', 'tour')).value).toMatchObject([
    { permissions: [{ permission: 'storage', mode: 'allow' }] },
  ])
  expect(JSON.parse(project.read('pryx.json'))).toEqual({
    plugins: { tour: { source: 'npm:pryx-plugin-tour@^1.0.0' } },
  })

  await publish({ ...one, version: '1.1.0', code: 'export default { activate() { console.info("tour 1.1") } }' })
  expect((await project.json('outdated', '--min-age', '0')).value).toMatchObject([
    { id: 'tour', version: '1.0.0', wanted: '1.1.0', follows: true },
  ])
  expect((await project.json('update', '--min-age', '0')).value).toMatchObject([
    { id: 'tour', to: '1.1.0', state: 'updated' },
  ])
  expect((await project.json('list')).value.plugins).toMatchObject([{ id: 'tour', version: '1.1.0', stage: 'active' }])

  await publish({ name: one.name, version: '1.2.0', pryx: { permissions: ['storage', 'net:api.example.com'] } })
  const waits = await project.json('update', '--min-age', '0')
  expect(waits).toMatchObject({ code: 1, value: [{ id: 'tour', state: 'waits', wider: ['net:api.example.com'] }] })
  expect((await project.json('list')).value.plugins).toMatchObject([{ version: '1.1.0', stage: 'active' }])
  expect(
    (await project.json('update', 'tour', '--yes', '--allow', 'net:api.example.com', '--min-age', '0')).value,
  ).toMatchObject([{ to: '1.2.0', state: 'updated' }])

  await publish({
    name: one.name,
    version: '1.3.0',
    code: 'export default { activate() { throw new Error("broken on purpose") } }',
    pryx: { permissions: ['storage'] },
  })
  expect(await project.json('update', 'tour', '--min-age', '0')).toMatchObject({
    code: 1,
    value: { error: { message: expect.stringContaining('broken on purpose') } },
  })
  expect((await project.json('list')).value.plugins).toMatchObject([{ version: '1.2.0', stage: 'active' }])
  expect(JSON.parse(project.read('pryx.lock.json')).plugins.tour.version).toBe('1.2.0')

  expect(await project.json('rollback', 'tour')).toMatchObject({ code: 0, value: { from: '1.2.0', to: '1.1.0' } })
  expect((await project.json('list')).value.plugins).toMatchObject([{ version: '1.1.0', stage: 'active' }])

  expect(await project.json('remove', 'tour')).toMatchObject({ code: 0, value: { removed: ['tour'] } })
  expect((await project.json('list')).value.plugins).toEqual([])
  expect(JSON.stringify(project.picture())).not.toContain(
    Buffer.from('pryx-plugin-tour').toString('base64').slice(4, -4),
  )
  expect(Object.keys(project.picture()).filter((file) => file.startsWith('store/packages'))).toEqual([])
  expect(existsSync(join(project.folder, '.pryx/plugins/tour'))).toBe(false)
})

test('K10: an update at rest that fails at the next start is undone by itself, and the start says so', {
  timeout: 240_000,
}, async () => {
  await using project = createInstallProject(registry.url)
  await publish({ name: 'pryx-plugin-fragile' })
  await project.run('add', 'pryx-plugin-fragile', '--yes', '--min-age', '0')
  await publish({
    name: 'pryx-plugin-fragile',
    version: '2.0.0',
    code: 'export default { activate() { throw new Error("not today") } }',
  })
  expect((await project.json('update', '--min-age', '0')).value).toMatchObject([{ state: 'kept' }])
  expect((await project.json('update', 'fragile', '--min-age', '0')).value).toMatchObject([
    { to: '2.0.0', state: 'updated' },
  ])

  const host = await project.up()

  await expect
    .poll(async () => (await project.json('list')).value.plugins, { timeout: 120_000, interval: 500 })
    .toMatchObject([{ version: '1.0.0', stage: 'active' }])
  expect(host.stderr()).toMatch(/fragile 2\.0\.0 did not start .*not today.*1\.0\.0 is back/)
  expect(JSON.parse(project.read('pryx.lock.json')).plugins.fragile.version).toBe('1.0.0')
})

test('K10: nothing is granted without a word for it, and the lock says what was consented to', {
  timeout: 240_000,
}, async () => {
  await using project = createInstallProject(registry.url)
  await publish({ name: 'pryx-plugin-asks', pryx: { permissions: ['storage', 'net:api.example.com'] } })

  expect(await project.json('add', 'pryx-plugin-asks', '--min-age', '0')).toMatchObject({
    code: 1,
    value: { error: { code: 'CONSENT_NEEDED', message: expect.stringContaining('storage') } },
  })
  expect(existsSync(join(project.folder, 'pryx.lock.json'))).toBe(false)
  expect(
    await project.json('add', 'pryx-plugin-asks', '--yes', '--allow', 'shell:git', '--min-age', '0'),
  ).toMatchObject({ code: 2, value: { error: { code: 'USAGE_ALLOW' } } })
  expect(await project.json('add', 'pryx-plugin-asks', '--yes', '--allow', 'storage', '--min-age', '0')).toMatchObject({
    code: 0,
    value: { granted: ['storage'] },
  })

  expect(JSON.parse(project.read('pryx.lock.json')).plugins.asks.permissions).toEqual(['storage'])
  expect((await project.json('permissions', 'list', 'asks')).value[0].permissions).toMatchObject([
    { permission: 'storage', mode: 'allow' },
    { permission: 'net:api.example.com', mode: 'ask' },
  ])
})

test('K10: a fresh release waits, unless the user takes the risk', { timeout: 240_000 }, async () => {
  await using project = createInstallProject(registry.url)
  await publish({ name: 'pryx-plugin-young' })

  expect(await project.json('add', 'pryx-plugin-young', '--yes')).toMatchObject({
    code: 1,
    value: { error: { code: 'RELEASE_TOO_NEW', hint: expect.stringContaining('--min-age 0') } },
  })
  expect(await project.json('add', 'pryx-plugin-young', '--yes', '--min-age', '0')).toMatchObject({ code: 0 })
})

test('K10: what is installed starts without a registry, and one changed byte in the store is named', {
  timeout: 240_000,
}, async () => {
  const gone = await openTestRegistry()
  await using project = createInstallProject(gone.url)
  const plugin = { name: 'pryx-plugin-offline', json: { scripts: { postinstall: `touch ${project.root}/ran` } } }
  await gone.publish(packageJson(plugin), pluginTarball(plugin))
  const added = await project.json('add', 'pryx-plugin-offline', '--yes', '--min-age', '0')
  expect(added.value.notes).toContainEqual(expect.stringMatching(/install scripts.*postinstall.*not run/))
  await gone[Symbol.asyncDispose]()

  const host = await project.up()
  expect((await project.json('list')).value.plugins).toMatchObject([{ id: 'offline', stage: 'active' }])
  await host.end()
  expect(existsSync(join(project.root, 'ran'))).toBe(false)

  const { content } = JSON.parse(project.read('pryx.lock.json')).plugins.offline
  const file = `../store/packages/${content}/files/plugin.js`
  const text = project.read(file)
  rmSync(join(project.folder, file))
  project.write(file, text.replace('export', 'Export'))
  expect((await project.json('list')).value.plugins).toMatchObject([
    { stage: 'broken', reason: expect.stringContaining('plugin.js: its content was changed') },
  ])
  expect(await project.json('doctor')).toMatchObject({
    code: 1,
    value: { findings: expect.arrayContaining([expect.objectContaining({ check: 'plugin offline', state: 'bad' })]) },
  })
})

test('K10: a pryx.json that came with a folder runs nothing before its owner trusts it', {
  timeout: 240_000,
}, async () => {
  await using project = createInstallProject(registry.url)
  project.write('plugins/evil/package.json', packageJson({ name: 'pryx-plugin-evil' }))
  project.write('plugins/evil/plugin.js', 'export default { activate() {} }')
  project.write('pryx.json', { plugins: { evil: { source: './plugins/evil' } } })

  expect(await project.json('up')).toMatchObject({
    code: 1,
    value: { error: { code: 'FOLDER_UNTRUSTED', hint: expect.stringContaining('pryx trust') } },
  })
  expect(await project.json('dev')).toMatchObject({ code: 1, value: { error: { code: 'FOLDER_UNTRUSTED' } } })
  expect(await project.json('trust')).toMatchObject({ code: 0, value: { folder: project.folder } })
  const host = await project.up()
  await host.end()
})
