import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { createProject } from './bin-testing.ts'

test('X5: every command answers in JSON on a running host, and its exit code says how it went', {
  timeout: 90_000,
}, async () => {
  await using project = createProject(['one'])
  project.plugin('one', 'export default { activate() { console.info("hello from one") } }', {
    permissions: ['storage'],
  })
  await project.up('--consent', 'declared')

  expect(await project.json('plugins', 'info', 'one')).toMatchObject({
    code: 0,
    value: { id: 'one', stage: 'active', folder: expect.stringMatching(/one$/) },
  })
  expect(await project.json('plugins', 'disable', 'one')).toMatchObject({ code: 0, value: [{ stage: 'disabled' }] })
  expect(await project.json('plugins', 'enable', 'one')).toMatchObject({ code: 0, value: [{ stage: 'active' }] })
  expect(await project.json('plugins', 'reload', 'one')).toMatchObject({ code: 0, value: [{ stage: 'active' }] })
  expect(await project.json('permissions', 'revoke', 'one', 'storage')).toMatchObject({
    code: 0,
    value: { permissions: [{ mode: 'deny' }] },
  })
  expect(await project.json('permissions', 'grant', 'one', '--all', '--for', 'session')).toMatchObject({
    code: 0,
    value: { permissions: [{ mode: 'allow', duration: 'session' }] },
  })
  expect(await project.json('approvals')).toEqual({ code: 0, value: [] })
  expect(await project.json('audit', 'verify')).toMatchObject({ code: 0, value: { whole: true } })
  expect((await project.json('audit', 'show', '--plugin', 'one')).value).toContainEqual(
    expect.objectContaining({ act: 'permission.revoked' }),
  )
  expect(await project.json('doctor')).toMatchObject({ code: 0, value: { good: true } })
  expect(JSON.parse((await project.run('logs', 'one', '--json')).stdout.split('\n')[0]!)).toMatchObject({
    plugin: 'one',
    text: 'hello from one',
  })
  expect(
    JSON.parse((await project.run('events', 'plugin.*', '-n', '100', '--json')).stdout.split('\n')[0]!),
  ).toMatchObject({ event: 'plugin.stage', from: 'kernel' })
  expect(await project.json('plugins', 'info', 'two')).toMatchObject({
    code: 1,
    value: { error: { code: 'PLUGIN_UNKNOWN' } },
  })
})

test('K4: a permission that is not declared cannot be granted', async () => {
  await using project = createProject(['one'])
  await project.up()

  expect(await project.run('permissions', 'grant', 'one', 'storage')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('PERMISSION_UNDECLARED'),
  })
})

test('K2: a plugin that was switched off stays off after a restart, and is listed', async () => {
  await using project = createProject(['one', 'two'])
  const first = await project.up()
  await project.run('plugins', 'disable', 'one')
  await first.end()

  await project.up()

  expect((await project.json('plugins')).value).toMatchObject({
    plugins: [
      { id: 'one', stage: 'disabled' },
      { id: 'two', stage: 'active' },
    ],
  })
  expect(await project.json('plugins', 'enable', 'one')).toMatchObject({ value: [{ stage: 'active' }] })
})

test('X5: with no host running, records are read as they lie, and nothing is written', async () => {
  await using project = createProject(['one'])
  project.plugin('one', undefined, { permissions: ['storage'] })

  expect(await project.json('plugins')).toMatchObject({
    code: 0,
    value: {
      running: false,
      plugins: [{ id: 'one', stage: 'stopped', permissions: [{ permission: 'storage', mode: 'ask' }] }],
    },
  })
  expect(existsSync(project.path('.pryx'))).toBe(false)
  const host = await project.up('--consent', 'declared')
  await host.end()

  expect((await project.json('permissions', 'list', 'one')).value).toMatchObject([{ permissions: [{ mode: 'allow' }] }])
  expect((await project.json('audit', 'verify')).value).toMatchObject({ whole: true })
  expect((await project.json('audit', 'show')).value).toContainEqual(
    expect.objectContaining({ act: 'permission.granted' }),
  )
})

test('K4: with no host running, a grant is taken back all the same, and that is recorded', async () => {
  await using project = createProject(['one'])
  project.plugin('one', undefined, { permissions: ['storage'] })
  await (await project.up('--consent', 'declared')).end()

  expect(await project.json('permissions', 'revoke', 'one', 'storage')).toMatchObject({
    code: 0,
    value: { permissions: [{ mode: 'deny' }] },
  })

  expect((await project.json('permissions', 'list', 'one')).value).toMatchObject([{ permissions: [{ mode: 'deny' }] }])
  expect((await project.json('audit', 'show')).value).toContainEqual(
    expect.objectContaining({ act: 'permission.revoked' }),
  )
  expect((await project.json('audit', 'verify')).value).toMatchObject({ whole: true })
})

test('K8: a changed audit log is found, with its place', async () => {
  await using project = createProject(['one'])
  project.plugin('one', undefined, { permissions: ['storage'] })
  await (await project.up('--consent', 'declared')).end()
  const file = project.path('.pryx/audit/audit-000001.jsonl')
  writeFileSync(file, readFileSync(file, 'utf8').replace('"plugin":"one"', '"plugin":"two"'))

  const { code, stderr } = await project.run('audit', 'verify')

  expect(code).toBe(1)
  expect(stderr).toMatch(/audit-000001\.jsonl:1: its hash does not fit/)
})

test.each([
  [['approvals'], 3, 'HOST_DOWN'],
  [['logs'], 3, 'HOST_DOWN'],
  [['events', '--follow'], 3, 'HOST_DOWN'],
  [['plugins', 'reload', 'one'], 3, 'HOST_DOWN'],
  [['up', '--port', 'none'], 2, 'USAGE_COMMAND'],
  [['wibble'], 2, 'USAGE_COMMAND'],
  [['plugins', 'info'], 2, 'USAGE_COMMAND'],
])('X5: pryx %j without a host ends with %i', async (args, exit, error) => {
  await using project = createProject(['one'])

  const { code, stdout } = await project.run(...args, '--json')

  expect(code).toBe(exit)
  expect(JSON.parse(stdout)).toMatchObject({ error: { code: error } })
})

test('X5: every command has help with examples', async () => {
  await using project = createProject()
  const lines = (await project.run('--help')).stdout
  expect(lines).toContain('Exit codes: 0 done')

  for (const args of [
    ['up'],
    ['dev'],
    ['build'],
    ['plugins', 'list'],
    ['plugins', 'reload'],
    ['permissions', 'grant'],
    ['approvals', 'allow'],
    ['audit', 'verify'],
    ['logs'],
    ['events'],
    ['doctor'],
  ]) {
    const { code, stdout } = await project.run(...args, '--help')
    expect(code).toBe(0)
    expect(stdout).toContain(`Examples:\n  pryx ${args[0]}`)
    expect(stdout).toContain('--json')
  }
}, 30_000)

test('doctor names what is wrong and the next step', async () => {
  await using project = createProject(['one'])
  project.write('plugins/one/package.json', {
    name: 'pryx-plugin-one',
    version: '1.0.0',
    pryx: { engine: '*', entry: 'gone.js' },
  })

  const { code, stdout } = await project.run('doctor')

  expect(code).toBe(1)
  expect(stdout).toContain('✔ sandbox: a plugin starts in its isolate')
  expect(stdout).toContain('✖ plugin one')
  expect(stdout).toContain('→ Run `pryx build one` first.')
})

test('X5: the command as it is shipped, one bundle, reaches the network for a plugin', {
  timeout: 60_000,
}, async () => {
  const server = createServer((_request, response) => response.end('good morning')).listen(0, '127.0.0.1')
  try {
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    await using project = createProject(['one'])
    const ask = `fetch('http://localhost:${port}/').then((response) => response.text())`
    const code = `export default { async activate() { console.info('heard ' + (await ${ask})) } }`
    project.plugin('one', code, { permissions: [`net:localhost:${port}`] })
    await project.up('--consent', 'declared')

    await expect
      .poll(async () => (await project.run('logs', 'one')).stdout, { timeout: 20_000 })
      .toContain('heard good morning')
  } finally {
    server.close()
  }
})

test('K4: permissions tighten goes through all of the record, not only its newest entries', async () => {
  await using project = createProject(['busy'])
  project.plugin(
    'busy',
    `export default { async activate(ctx) {
      const [env, storage] = await Promise.all(['env', 'storage'].map((name) => ctx.use({ kind: 'service', name, version: '1.0.0' })))
      await env.get('HOME')
      for (let n = 0; n < 1_100; n++) await storage.get('a')
      console.warn('all asked')
    } }`,
    { permissions: ['env:HOME', 'env:LANG', 'storage'] },
  )
  const host = await project.up('--consent', 'declared', '--verbose')
  await expect.poll(() => host.stderr(), { timeout: 20_000 }).toContain('all asked')
  await host.end('SIGTERM')

  expect(await project.json('permissions', 'tighten', 'busy')).toMatchObject({
    code: 0,
    value: { unused: ['env:LANG'], least: ['env:HOME', 'storage'], calls: 1_101 },
  })
}, 40_000)
