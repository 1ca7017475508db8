import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { openStore, type Store } from './store.ts'

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), 'pryx-store-'))
  folders.push(folder)
  return folder
}

const files = (text = 'code') =>
  new Map([
    ['package.json', Buffer.from('{}')],
    ['dist/plugin.js', Buffer.from(text)],
  ])

async function put(store: Store, content = files()): Promise<{ name: string; folder: string; release(): void }> {
  using staged = await store.stage(content)
  return { name: staged.name, ...staged.place() }
}

test('K10: what was placed is found by its content and proved as it is opened', async () => {
  const store = openStore(temporary())

  const { name, folder } = await put(store)

  expect(store.open(name)).toBe(folder)
  expect((await put(store)).name).toBe(name)
  expect((await put(store, files('other'))).name).not.toBe(name)
  expect(readdirSync(join(store.root, 'staging'))).toEqual([])
})

test('K10: one changed byte is named; so is a file that is missing, added, or a link', async () => {
  const store = openStore(temporary())
  const { name, folder } = await put(store)
  const file = join(folder, 'dist/plugin.js')
  const damaged = (message: string) =>
    expect.objectContaining({ code: 'STORE_DAMAGED', message: expect.stringContaining(message) })
  const rewrite = (path: string, text: string) => {
    rmSync(path, { force: true })
    writeFileSync(path, text)
  }

  rewrite(file, 'cobe')
  expect(() => store.open(name)).toThrow(damaged(`${file}: its content was changed`))
  rewrite(file, 'code!')
  expect(() => store.open(name)).toThrow(damaged('5 bytes instead of 4'))
  rmSync(file)
  expect(() => store.open(name)).toThrow(damaged('it is missing'))
  symlinkSync('/etc/passwd', file)
  expect(() => store.open(name)).toThrow(damaged('not a file'))
  rewrite(file, 'code')
  expect(store.open(name)).toBe(folder)
  rewrite(join(folder, 'dist/more.js'), '')
  expect(() => store.open(name)).toThrow(damaged('does not belong'))
  rmSync(join(folder, 'dist/more.js'))
  const index = join(folder, '..', 'index.json')
  chmodSync(index, 0o600)
  writeFileSync(index, '{}')
  expect(() => store.open(name)).toThrow(damaged(index))
})

test('K10: a damaged package is replaced by a whole one as it is placed again', async () => {
  const store = openStore(temporary())
  const { name, folder } = await put(store)
  rmSync(join(folder, 'dist/plugin.js'))

  await put(store)

  expect(store.open(name)).toBe(folder)
})

test('K10: collection removes what no project uses, and leaves what is pinned or used', async () => {
  const store = openStore(temporary())
  const used = await put(store, files('used'))
  const pinned = await put(store, files('pinned'))
  const unused = await put(store, files('unused'))
  used.release()
  unused.release()
  store.register('project')
  store.register('gone')

  expect(store.collect((project) => (project === 'project' ? [used.name] : undefined))).toBe(1)

  expect([used.name, pinned.name, unused.name].map(store.has)).toEqual([true, true, false])
  pinned.release()
  expect(store.collect((project) => (project === 'project' ? [used.name] : undefined))).toBe(1)
  expect(readdirSync(join(store.root, 'roots'))).toHaveLength(1)
})

test('K10: what is not taken leaves nothing', async () => {
  const store = openStore(temporary())

  const staged = await store.stage(files())
  staged[Symbol.dispose]()

  expect(readdirSync(join(store.root, 'staging'))).toEqual([])
  expect(existsSync(join(store.root, 'packages'))).toBe(false)
})
