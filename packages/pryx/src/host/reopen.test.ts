// packages/pryx/src/host/reopen.test.ts: whoever asks for a reload of an installed plugin, it is proved again (K10).
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openProjectFiles } from '../store/project.ts'
import { openStore } from '../store/store.ts'
import { packageJson } from '../store/tarball-testing.ts'
import { parseConfig } from './config.ts'
import { openHost } from './host.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pryx-reopen-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** A plugin as a page is one: it reloads another through the kernel's own service, and tells how that went. */
const RULER = `export default { async activate(ctx) {
  const kernel = await ctx.use({ kind: 'service', name: 'kernel', version: '1.0.0' })
  ctx.tools.provide({ name: 'reload', description: 'Reloads a plugin.', run: ({ id }) =>
    kernel.reload(id).then(() => 'reloaded', ({ code, message }) => code + ' ' + message) })
} }`

const KEPT = { name: 'pryx-plugin-kept', pryx: { permissions: ['storage'] } }
const CODE = 'export default { activate() {} }'

/** A host with an installed plugin, and one that may reload it. */
async function setUp() {
  const store = openStore(join(folder, 'store'))
  const files = new Map([
    ['package.json', Buffer.from(JSON.stringify(packageJson(KEPT)))],
    ['plugin.js', Buffer.from(CODE)],
  ])
  using staged = await store.stage(files)
  const place = staged.place()
  place.release()
  const ruler = join(folder, 'ruler')
  mkdirSync(ruler)
  const pryx = { permissions: ['kernel:control'], tools: [{ name: 'reload', description: 'Reloads a plugin.' }] }
  writeFileSync(join(ruler, 'package.json'), JSON.stringify(packageJson({ name: 'pryx-plugin-ruler', pryx })))
  writeFileSync(join(ruler, 'plugin.js'), RULER)
  const file = join(folder, 'pryx.json')
  const source = 'npm:pryx-plugin-kept'
  const plugins = { kept: { source }, ruler: { source: './ruler' } }
  writeFileSync(file, JSON.stringify({ plugins }))
  const config = parseConfig({ plugins }, file)
  openProjectFiles(config).put('kept', {
    source,
    name: KEPT.name,
    version: '1.0.0',
    resolved: 'https://registry.example/pryx-plugin-kept-1.0.0.tgz',
    content: staged.name,
    permissions: ['storage'],
    trust: 'unsigned',
  })
  const policy = join(folder, 'policy.json')
  writeFileSync(policy, JSON.stringify({ version: 1 }))
  const host = await openHost({ config, consent: 'declared', store: store.root, policy })
  await host.start()
  return {
    host,
    installed: place.folder,
    policy,
    reload: () => host.kernel.tools.call('reload', { id: 'kept' }),
    [Symbol.asyncDispose]: () => host.stop(),
  }
}

test('K10: a reload through the kernel’s own service finds one changed byte, names the file, and the old code goes on', async () => {
  await using bench = await setUp()
  expect(bench.host.kernel.status('kept').stage).toBe('active')
  expect(await bench.reload()).toBe('reloaded')
  const file = join(bench.installed, 'plugin.js')
  rmSync(file)
  writeFileSync(file, CODE.replace('export', 'Export'))

  const answer = await bench.reload()

  expect(answer).toMatch(/^STORE_DAMAGED .*plugin\.js: its content was changed/)
  await expect(bench.host.reload('kept')).rejects.toMatchObject({ code: 'STORE_DAMAGED' })
  await expect(bench.host.kernel.reloadFolder('kept')).rejects.toMatchObject({ code: 'STORE_DAMAGED' })
  expect(bench.host.kernel.status('kept').stage).toBe('active')
  expect(await bench.host.kernel.package('kept').code()).toBe(CODE)
})

test('K10: a reload meets the policy as it is now', async () => {
  await using bench = await setUp()
  writeFileSync(bench.policy, JSON.stringify({ version: 1, permissions: { deny: ['storage'] } }))

  expect(await bench.reload()).toMatch(/^POLICY_REFUSED .*storage/)
  expect(bench.host.kernel.status('kept').stage).toBe('active')

  writeFileSync(bench.policy, '{ "version": 1, "permissions"')
  expect(await bench.reload()).toMatch(/^POLICY_INVALID /)
})
