import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Secrets } from '@pryx/capabilities'
import type { CapabilityCall } from '@pryx/kernel/contract'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { socketPath } from '../control/socket-path.ts'
import { loadConfig, parseConfig } from './config.ts'
import { openDrivers } from './drivers.ts'
import { openHost } from './host.ts'
import { lockFolder } from './lock.ts'
import { openSwitches } from './switches.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pryx-host-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

test('paths in pryx.json are relative to it, those of the command line to the current folder', () => {
  const file = join(folder, 'pryx.json')

  const config = parseConfig({ plugins: { a: { source: './plugins/a' } }, data: 'data' }, file, { workspace: 'here' })

  expect(config).toMatchObject({
    data: join(folder, 'data'),
    workspace: join(process.cwd(), 'here'),
    port: 0,
    host: '127.0.0.1',
  })
  expect(config.plugins.a?.source).toBe(join(folder, 'plugins/a'))
})

test.each([
  [{ plugins: { 'a b': { source: '.' } } }, 'plugins.a b', 'a plugin id'],
  [{ plugins: { a: { source: '.', limits: { memoryMb: 'lots' } } } }, 'plugins.a.limits.memoryMb', 'number'],
  [{ plugins: { a: { source: '.', isolation: 'none' } } }, 'plugins.a.isolation', '"shared"|"own"'],
  [{ plugins: { a: { source: '.', storageMb: 0 } } }, 'plugins.a.storageMb', '1'],
  [{ plugin: {} }, 'plugin', 'no such key'],
])('a configuration that cannot be meant is refused with path and expectation: %j', (json, path, expected) => {
  const refused = () => parseConfig(json, '/x/pryx.json')

  expect(refused).toThrow(
    expect.objectContaining({
      code: 'CONFIG_INVALID',
      details: expect.objectContaining({ file: '/x/pryx.json', path, expected: expect.stringContaining(expected) }),
    }),
  )
})

test('a plugin may have as much storage as pryx.json says, and hears where it is said when that is not enough', async () => {
  const entry = { source: '.' }
  const config = parseConfig(
    { plugins: { small: { ...entry, storageMb: 1 }, usual: entry } },
    join(folder, 'pryx.json'),
  )
  const { storage } = openDrivers(config, {} as Secrets)
  const fill = async (plugin: string) => {
    const call = { plugin, place: { data: join(folder, plugin) }, signal: new AbortController().signal }
    for (const key of ['a', 'b', 'c'])
      await storage.methods.set!.run([key, 'x'.repeat(500_000), undefined] as never, call as unknown as CapabilityCall)
  }

  await fill('usual')
  await expect(fill('small')).rejects.toMatchObject({
    code: 'STORAGE_FULL',
    hint: expect.stringContaining('storageMb'),
    details: { quotaBytes: 1_048_576 },
  })
  await storage[Symbol.asyncDispose]?.()
})

test('a missing pryx.json is told with what to write', () => {
  expect(() => loadConfig(join(folder, 'pryx.json'))).toThrow(
    expect.objectContaining({ code: 'CONFIG_MISSING', hint: expect.stringContaining('pryx add') }),
  )
})

test('a data folder has one holder; whatever lies in the lock file, it can be taken', () => {
  writeFileSync(join(folder, 'host.lock'), 'not a database '.repeat(100))
  const lock = lockFolder(folder)

  expect(() => lockFolder(folder)).toThrow(
    expect.objectContaining({ code: 'HOST_RUNNING', message: expect.stringContaining(String(process.pid)) }),
  )

  lock[Symbol.dispose]()
  lockFolder(folder)[Symbol.dispose]()
})

test('a data folder that cannot be used is told with what to do', () => {
  writeFileSync(join(folder, 'file'), '')

  expect(() => lockFolder(join(folder, 'file'))).toThrow(
    expect.objectContaining({ code: 'HOST_DATA', hint: expect.stringContaining('--data') }),
  )
})

test('what was switched is remembered; a damaged file is kept aside and told of', () => {
  const file = join(folder, 'switches.json')
  openSwitches(file).set('a', false)
  expect(openSwitches(file).of('a')).toBe(false)
  writeFileSync(file, '{ "version": 1')
  const told: string[] = []

  const switches = openSwitches(file, (keptAs) => told.push(keptAs))

  expect(switches.of('a')).toBeUndefined()
  expect(readFileSync(told[0]!, 'utf8')).toBe('{ "version": 1')
})

test('a socket path that is too long is replaced by a short one, the same for the same folder', () => {
  const long = `/data/${'x'.repeat(200)}`

  expect(socketPath('/data', '/run')).toBe('/data/control.sock')
  expect(socketPath(long, '/run')).toMatch(/^\/run\/pryx-\d+\/[0-9a-f]{24}\.sock$/)
  expect(socketPath(`${long}/`, '/run')).toBe(socketPath(long, '/run'))
})

test('the control socket refuses what it does not know, and goes on', async () => {
  await using host = await openHost({ config: parseConfig({}, join(folder, 'pryx.json')) })
  const path = socketPath(host.config.data)

  expect(await post(path, '/constructor', '[]')).toMatchObject({ error: { code: 'CONTROL_REQUEST' } })
  expect(await post(path, '/plugin', '["a", "b"]')).toMatchObject({ error: { code: 'CONTROL_REQUEST' } })
  expect(await post(path, '/plugin', '{')).toMatchObject({
    error: { code: 'CONTROL_REQUEST', message: 'the request is not JSON' },
  })
  expect(await post(path, '/plugin', JSON.stringify(['x'.repeat(70_000)]))).toMatchObject({
    error: { code: 'CONTROL_REQUEST' },
  })
  expect(await post(path, '/plugins', '[]')).toEqual({ result: { plugins: [], broken: [] } })
})

test('N2: a host that stopped leaves no socket, no lock, no holder', async () => {
  const config = parseConfig({}, join(folder, 'pryx.json'))
  const host = await openHost({ config })
  const path = socketPath(config.data)
  expect(existsSync(path)).toBe(true)

  await host.stop()

  expect([existsSync(path), existsSync(join(config.data, 'host.json'))]).toEqual([false, false])
  await (await openHost({ config })).stop()
})

function post(path: string, url: string, body: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath: path, path: url, method: 'POST' }, async (response) => {
      let text = ''
      for await (const chunk of response) text += chunk
      resolve(JSON.parse(text))
    })
    sent.on('error', reject)
    sent.end(body)
  })
}
