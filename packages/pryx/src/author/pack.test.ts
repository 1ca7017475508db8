import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { list } from 'tar'
import { expect, test } from 'vitest'
import { packPlugin } from './pack.ts'

interface Folder extends Disposable {
  path: string
  write(name: string, text: string): void
}

function openFolder(packageJson: object = {}): Folder {
  const path = mkdtempSync(join(tmpdir(), 'pryx-pack-'))
  const write = (name: string, text: string) => {
    mkdirSync(dirname(join(path, name)), { recursive: true })
    writeFileSync(join(path, name), text)
  }
  const pryx = { engine: '^1.0.0', entry: 'dist/plugin.js' }
  write(
    'package.json',
    JSON.stringify({ name: '@ada/pryx-plugin-x', version: '1.0.0', files: ['dist'], pryx, ...packageJson }),
  )
  write('dist/plugin.js', 'export default { activate() {} }')
  write('dist/a/deep.js', '1')
  write('README.md', '# x')
  write('notes.txt', 'not listed')
  return { path, write, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}

test('K9: the same files give the same bytes, whatever their times and modes', async () => {
  using one = openFolder()
  using other = openFolder()
  utimesSync(join(other.path, 'dist/plugin.js'), 1, 1)
  chmodSync(join(other.path, 'dist/plugin.js'), 0o700)

  const [first, again, elsewhere] = [
    await packPlugin(one.path),
    await packPlugin(one.path),
    await packPlugin(other.path),
  ]

  expect(again.integrity).toBe(first.integrity)
  expect(elsewhere.tarball.equals(first.tarball)).toBe(true)
  other.write('dist/plugin.js', 'export default { activate() { } }')
  expect((await packPlugin(other.path)).integrity).not.toBe(first.integrity)
})

test('K9: the tarball holds what "files" names, sorted, below package/, plain files of one mode', async () => {
  using folder = openFolder()

  const { tarball, files, file } = await packPlugin(folder.path)

  const seen: [string, string, number | undefined][] = []
  list({ sync: true, onReadEntry: (entry) => seen.push([entry.path, entry.type, entry.mode]) }).end(gunzipSync(tarball))
  expect(files).toEqual(['README.md', 'dist/a/deep.js', 'dist/plugin.js', 'package.json'])
  expect(seen).toEqual(files.map((name) => [`package/${name}`, 'File', 0o644]))
  expect(file).toBe('ada-pryx-plugin-x-1.0.0.tgz')
})

test('K9: what could not be installed or should not be seen is refused by name', async () => {
  using secret = openFolder()
  secret.write('dist/server.key', 'x')
  using left = openFolder({ files: ['src'] })
  using workspace = openFolder({ dependencies: { '@pryx/sdk': 'workspace:*' } })

  await expect(packPlugin(secret.path)).rejects.toMatchObject({
    code: 'PACK_SECRET',
    message: expect.stringContaining('dist/server.key'),
  })
  await expect(packPlugin(left.path)).rejects.toMatchObject({ code: 'PACK_ENTRY' })
  await expect(packPlugin(workspace.path)).rejects.toMatchObject({ code: 'PACK_WORKSPACE' })
})

test.each([
  ['to a file outside', '/etc/hostname', 'dist/link.js'],
  ['to a file of its own', 'plugin.js', 'dist/link.js'],
  ['to a folder', '/etc', 'dist/all'],
  ['to nothing', '/nowhere', 'dist/gone'],
  ['in place of the changelog', '/etc/hostname', 'CHANGELOG.md'],
])('K9: a link %s is refused by name', async (_what, target, name) => {
  using folder = openFolder()
  symlinkSync(target, join(folder.path, name))

  await expect(packPlugin(folder.path)).rejects.toMatchObject({
    code: 'PACK_LINK',
    message: expect.stringContaining(name),
  })
})

test('K9: the changelog goes along, whatever "files" says: users are shown it before an update', async () => {
  using folder = openFolder()
  folder.write('CHANGELOG.md', '# Changes')

  expect((await packPlugin(folder.path)).files).toContain('CHANGELOG.md')
})
