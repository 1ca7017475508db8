import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { createProject, isAlive } from './bin-testing.ts'

const asks = `export default { async activate(ctx) {
  const storage = await ctx.use({ kind: 'service', name: 'storage', version: '1.0.0' })
  const asked = storage.set('a', 1).then(() => console.warn('stored'), (error) => console.warn(error.code))
} }`

test('N2: the host says it is up in one line, and Ctrl-C ends it in under 3 s with no process left', async () => {
  await using project = createProject(['one', 'two'])
  const host = await project.up()
  const pids = host.children()
  expect(pids.length).toBeGreaterThan(0)

  const { code, tookMs, stdout } = await host.end('SIGINT')

  expect(code).toBe(130)
  expect(tookMs).toBeLessThan(3_000)
  expect(stdout).toMatch(/^Pryx is up: http:\/\/127\.0\.0\.1:\d+\/login\/[\w-]{22}\n$/)
  await expect.poll(() => pids.filter(isAlive)).toEqual([])
})

test('N2: a plugin that will not end does not hold the host: SIGTERM ends it in under 3 s, and nothing of it is left', async () => {
  await using project = createProject(['stubborn'])
  project.plugin(
    'stubborn',
    'export default { activate: () => ({ handOver: () => new Promise(() => {}) , [Symbol.asyncDispose]: () => new Promise(() => {}) }) }',
  )
  const host = await project.up()
  const pids = host.children()

  const { code, tookMs } = await host.end('SIGTERM')

  expect(code).toBe(0)
  expect(tookMs).toBeLessThan(3_000)
  await expect.poll(() => pids.filter(isAlive)).toEqual([])
})

test('N2: a second Ctrl-C ends a host at once, and nothing of it is left', async () => {
  await using project = createProject(['stubborn'])
  project.plugin('stubborn', 'export default { activate: () => ({ handOver: () => new Promise(() => {}) }) }')
  const host = await project.up()
  const pids = host.children()
  const first = host.end('SIGINT')
  await expect.poll(() => host.stderr()).toContain('Stopping')

  host.child.kill('SIGINT')
  const { tookMs } = await first

  expect(tookMs).toBeLessThan(1_500)
  await expect.poll(() => pids.filter(isAlive)).toEqual([])
})

test('N2: after kill -9 the next start finds its grants and no lock in its way', async () => {
  await using project = createProject(['one'])
  project.plugin('one', undefined, { permissions: ['storage'] })
  const first = await project.up('--consent', 'declared')
  const pids = first.children()
  await first.end('SIGKILL')
  await expect.poll(() => pids.filter(isAlive)).toEqual([])

  await project.up()

  const { value } = await project.json('permissions', 'list', 'one')
  expect(value).toMatchObject([{ plugin: 'one', permissions: [{ permission: 'storage', mode: 'allow' }] }])
})

test('K4: `--consent declared` also grants what `pryx add --yes` left to be asked, and leaves what was denied', async () => {
  await using project = createProject()
  project.plugin('one', undefined, { permissions: ['storage', 'env:HOME'] })
  await project.run('add', './plugins/one', '--yes')
  await project.run('permissions', 'revoke', 'one', 'env:HOME')

  const host = await project.up('--consent', 'declared')

  await expect.poll(() => host.stderr()).toContain('one was granted what it declares: storage')
  expect((await project.json('permissions', 'list', 'one')).value).toMatchObject([
    {
      permissions: [
        { permission: 'storage', mode: 'allow' },
        { permission: 'env:HOME', mode: 'deny' },
      ],
    },
  ])
})

test('K4: `--consent declared` grants what manifests declare and says so in a line per plugin', async () => {
  await using project = createProject(['one'])
  project.plugin('one', undefined, { permissions: ['storage'], events: { emits: ['one.*'] } })

  const host = await project.up('--consent', 'declared')

  expect(host.stderr()).toContain('one was granted what it declares: storage, events:emit:one.*')
})

test('K5: without a terminal nothing is granted; the question comes at first use and is answered by the command', async () => {
  await using project = createProject(['asker'])
  project.plugin('asker', asks, { permissions: ['storage'] })
  const host = await project.up()
  await expect.poll(() => host.stderr()).toContain('asker wants to')
  const { value: waiting } = await project.json('approvals')
  const { id, permission } = (waiting as { id: string; permission: string }[])[0]!
  expect(permission).toBe('storage')

  expect(await project.run('approvals', 'allow', id.slice(0, 14), '--for', 'forever')).toMatchObject({ code: 0 })

  await expect.poll(() => host.stderr()).toContain('asker stored')
  expect(host.stderr()).toContain('asker: allowed by cli')
  expect((await project.run('approvals', 'deny', id)).stderr).toContain('APPROVAL_RESOLVED')
})

test('a plugin that cannot be taken in is reported with what to do, and stops no other', async () => {
  await using project = createProject(['good', 'entryless', 'crooked', 'future', 'failing'])
  rmSync(project.path('plugins/entryless/plugin.js'))
  project.write('plugins/crooked/package.json', '{ "name": "pryx-plugin-crooked", ')
  project.plugin('future', undefined, { engine: '^9.0.0' })
  project.plugin('failing', 'export default { activate() { throw new Error("no luck") } }')

  const host = await project.up()

  const { value } = await project.json('plugins')
  expect(value).toMatchObject({
    running: true,
    plugins: [
      { id: 'good', stage: 'active' },
      { id: 'failing', reason: expect.stringContaining('no luck') },
    ],
  })
  expect(
    (value as { broken: { id: string; error: { code: string } }[] }).broken
      .map(({ id, error }) => [id, error.code])
      .sort(),
  ).toEqual([
    ['crooked', 'MANIFEST_SYNTAX'],
    ['entryless', 'MANIFEST_ENTRY'],
    ['future', 'MANIFEST_ENGINE'],
  ])
  expect(host.stderr()).toContain('pryx build entryless')
  expect(host.stderr()).toContain('failing failed: no luck')
  expect(host.stderr()).not.toContain('dist/')
})

test('a plugin that was mended is taken in by reload', async () => {
  await using project = createProject(['late'])
  rmSync(project.path('plugins/late/plugin.js'))
  await project.up()
  expect(await project.run('plugins', 'reload', 'late')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('MANIFEST_ENTRY'),
  })
  project.plugin('late')

  expect(await project.run('plugins', 'reload', 'late')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('active'),
  })
})

test('a second host on the same folder is refused with the process that has it; the first goes on', async () => {
  await using project = createProject(['one'])
  const host = await project.up()

  const second = await project.run('up')

  expect(second).toMatchObject({ code: 1, stdout: '' })
  expect(second.stderr).toContain('HOST_RUNNING')
  expect(second.stderr).toContain(`kill ${host.child.pid}`)
  expect((await project.json('plugins')).value).toMatchObject({ running: true, plugins: [{ stage: 'active' }] })
})

test('a port that is taken is told before any plugin runs', async () => {
  await using project = createProject(['one'])
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((done) => server.once('listening', done))
  const { port } = server.address() as { port: number }

  const refused = await project.run('up', '--port', String(port))
  server.close()

  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('HTTP_PORT_TAKEN') })
  expect(refused.stderr).toContain(String(port))
  expect(refused.stderr).not.toContain('is active')
})

test.each([
  ['{ "plugins": { "a": { "source": "./a" }\n  "b": 1 } }', 'CONFIG_SYNTAX', 'pryx.json:2:3'],
  ['{ "plugins": { "a": { "src": "./a" } } }', 'CONFIG_INVALID', 'plugins.a.source is nothing; expected string'],
  ['{ "port": 99999 }', 'CONFIG_INVALID', 'port is 99999'],
  ['[]', 'CONFIG_INVALID', 'the file is []; expected object'],
])('a broken pryx.json is told with its place: %s', async (text, code, place) => {
  await using project = createProject()
  project.write('pryx.json', text)

  const { code: exit, stderr, stdout } = await project.run('up')

  expect({ exit, stdout }).toEqual({ exit: 1, stdout: '' })
  expect(stderr).toContain(code)
  expect(stderr).toContain(place)
  expect(stderr).not.toContain('    at ')
  expect(existsSync(project.path('.pryx'))).toBe(false)
})

test('K4: a corrupt grants file is kept aside and told; the host runs with nothing granted', async () => {
  await using project = createProject(['one'])
  project.plugin('one', undefined, { permissions: ['storage'] })
  project.write('.pryx/grants.json', '{ "version": 1, "grants": [')

  expect(await project.json('permissions')).toMatchObject({ code: 1, value: { error: { code: 'GRANTS_DAMAGED' } } })
  const host = await project.up()

  expect(host.stderr()).toContain('the grants file was damaged; it was kept as')
  const kept = readdirSync(project.path('.pryx')).find((name) => name.startsWith('grants.json.corrupt-'))
  expect(readFileSync(project.path('.pryx', kept!), 'utf8')).toBe('{ "version": 1, "grants": [')
  expect((await project.json('permissions', 'list', 'one')).value).toMatchObject([{ permissions: [{ mode: 'ask' }] }])
})

test('X5: with --json the host speaks in JSON lines', async () => {
  await using project = createProject(['one'])
  const host = await project.up('--json')

  const { stdout, stderr } = await host.end()

  expect(JSON.parse(stdout)).toEqual({ event: 'host.up', url: host.url, link: host.link, pid: host.child.pid })
  const facts = stderr
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { event: string })
  expect(facts).toContainEqual(
    expect.objectContaining({ event: 'plugin.stage', data: { plugin: 'one', stage: 'active' } }),
  )
})

test('N4: the data folder and the control socket are the owner’s alone', async () => {
  await using project = createProject()
  await project.up()

  expect(statSync(project.path('.pryx')).mode & 0o777).toBe(0o700)
  expect(statSync(project.path('.pryx/control.sock')).mode & 0o777).toBe(0o600)
})

test('a data folder with a long path works too', async () => {
  await using project = createProject(['one'])
  const data = project.path('d'.repeat(60), 'e'.repeat(60))

  await project.up('--data', data)

  expect((await project.json('plugins', 'list', '--data', data)).value).toMatchObject({ running: true })
})
