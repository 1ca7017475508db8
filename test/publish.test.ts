// test/publish.test.ts: an author's last step, against a real registry (K9 K10).
import { execFile } from 'node:child_process'
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { packPlugin } from '../packages/pryx/src/author/pack.ts'
import { openTestRegistry } from './registry-testing.ts'

const BIN = join(import.meta.dirname, '../packages/pryx/dist/bin.js')

interface Ended {
  code: number
  stdout: string
  stderr: string
}

function openPlugin(over: object = {}): Disposable & { folder: string; pryx(...args: string[]): Promise<Ended> } {
  const folder = mkdtempSync(join(tmpdir(), 'pryx-publish-'))
  const pryx = { engine: '^1.0.0', entry: 'dist/plugin.js', permissions: ['storage'] }
  const packageJson = {
    name: '@ada/pryx-plugin-notes',
    version: '1.0.0',
    description: 'Notes',
    license: 'MIT',
    type: 'module',
    files: ['dist'],
    pryx,
    ...over,
  }
  mkdirSync(join(folder, 'src'))
  writeFileSync(join(folder, 'package.json'), JSON.stringify(packageJson))
  writeFileSync(join(folder, 'README.md'), '# notes')
  writeFileSync(
    join(folder, 'src/plugin.ts'),
    "const Storage = { kind: 'service', name: 'storage', version: '1.0.0' }\nexport default { async activate(ctx: { use(token: object): unknown }) { await ctx.use(Storage) } }\n",
  )
  return {
    folder,
    pryx: (...args) =>
      new Promise((resolve) => {
        const env = { PATH: process.env.PATH, HOME: folder, NO_COLOR: '1' }
        execFile(process.execPath, [BIN, ...args], { cwd: folder, env, timeout: 120_000 }, (error, stdout, stderr) =>
          resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr }),
        ).stdin?.end()
      }),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
}

test('K9: a plugin is published as it was packed, once, and what it was packed from is what is served', async () => {
  await using registry = await openTestRegistry()
  using plugin = openPlugin()
  registry.npmrc(plugin.folder)

  const packed = JSON.parse((await plugin.pryx('pack', '--out', 'out', '--json')).stdout) as {
    path: string
    integrity: string
  }
  const dry = await plugin.pryx('publish', '--dry-run')
  expect(dry).toMatchObject({ code: 0, stdout: expect.stringContaining('nothing was sent') })
  await expect(registry.packument('@ada/pryx-plugin-notes')).rejects.toThrow(/404/)
  expect(await plugin.pryx('publish')).toMatchObject({ code: 0, stdout: expect.stringContaining('is published') })

  const { versions, 'dist-tags': tags } = (await registry.packument('@ada/pryx-plugin-notes')) as {
    versions: Record<string, { pryx: object; dist: { integrity: string; tarball: string } }>
    'dist-tags': object
  }
  expect(tags).toEqual({ latest: '1.0.0' })
  expect(versions['1.0.0']).toMatchObject({ pryx: { permissions: ['storage'] }, dist: { integrity: packed.integrity } })
  const served = Buffer.from(await (await fetch(versions['1.0.0']!.dist.tarball)).arrayBuffer())
  expect(served.equals(readFileSync(packed.path))).toBe(true)

  const again = await plugin.pryx('publish')
  expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('PUBLISH_EXISTS') })
  expect(again.stderr).not.toContain('    at ')
}, 240_000)

test('K9: every plugin of this repository can be packed as its users get it, and its manifest says what its code does', async () => {
  const root = join(import.meta.dirname, '..')
  using out = openPlugin()
  for (const file of globSync('plugins/*/package.json', { cwd: root })) {
    const folder = dirname(join(root, file))
    const linted = await out.pryx('lint', folder, '--json')
    const { findings } = JSON.parse(linted.stdout) as { findings: { level: string }[] }
    expect(
      findings.filter(({ level }) => level === 'error'),
      file,
    ).toEqual([])
    const { tarball, file: name } = await packPlugin(folder)
    expect(name).toBe(
      `${JSON.parse(readFileSync(join(root, file), 'utf8'))
        .name.replace('@', '')
        .replace('/', '-')}-1.0.0.tgz`,
    )
    expect(tarball.length).toBeLessThan(1_500_000)
  }
}, 240_000)

test('K9: what cannot be published is refused before anything is sent, with the next step', async () => {
  await using registry = await openTestRegistry()
  using early = openPlugin({ version: '2.0.0-beta.1' })
  using secret = openPlugin({ private: true })
  using lying = openPlugin({ pryx: { engine: '^1.0.0', entry: 'dist/plugin.js' } })
  for (const { folder } of [early, secret, lying]) registry.npmrc(folder)

  expect(await early.pryx('publish')).toMatchObject({ code: 1, stderr: expect.stringContaining('--tag next') })
  expect(await secret.pryx('publish')).toMatchObject({ code: 1, stderr: expect.stringContaining('PUBLISH_PRIVATE') })
  expect(await lying.pryx('publish')).toMatchObject({ code: 1, stderr: expect.stringContaining('PUBLISH_LINT') })
  await expect(registry.packument('@ada/pryx-plugin-notes')).rejects.toThrow(/404/)

  expect(await early.pryx('publish', '--tag', 'next')).toMatchObject({ code: 0 })
  expect(await registry.packument('@ada/pryx-plugin-notes')).toMatchObject({ 'dist-tags': { next: '2.0.0-beta.1' } })
}, 240_000)

test('K9: without a login the error says how to log in, and no token is ever shown', async () => {
  await using registry = await openTestRegistry()
  using plugin = openPlugin()
  const token = 'npm_notarealtoken'
  writeFileSync(
    join(plugin.folder, '.npmrc'),
    `registry=${registry.url}\n${registry.url.replace(/^http:/, '')}:_authToken=${token}\n`,
  )

  const { code, stdout, stderr } = await plugin.pryx('publish')

  expect(code).toBe(1)
  expect(stderr).toMatch(/PUBLISH_AUTH[\s\S]*npm login/)
  expect(stdout + stderr).not.toContain(token)
}, 240_000)
