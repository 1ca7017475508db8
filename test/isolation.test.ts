// test/isolation.test.ts: nothing is shared between isolates: one plugin sees nothing of another's (K3 K4).
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createPassphraseKey } from '../packages/capabilities/src/secrets/key.ts'
import { createSecretsCapability } from '../packages/capabilities/src/secrets/secrets.ts'
import { openSecrets } from '../packages/capabilities/src/secrets/vault.ts'
import { createMemoryStorage, createStorageCapability } from '../packages/capabilities/src/storage/storage.ts'
import { defineService } from '../packages/kernel/src/contract/index.ts'
import { createTestKernel, type TestKernel } from '../packages/kernel/src/kernel-testing.ts'
import { createLab, type Lab } from './hostile/escapes/lab.ts'

const QUICK = 4 // log2 of scrypt's N: this vault guards nothing
const COARSE_MS = 0.1

/** Does what the test says: `run` takes the body of an async function with `ctx`, `use`, `event` and `outcome`. */
const puppet = (id: string): string => `
globalThis.own = '${id}'
const AsyncFunction = (async () => {}).constructor
export default { activate(ctx) {
  const use = (name) => ctx.use({ kind: 'service', name, version: '1.0.0' })
  const event = (name) => ({ kind: 'event', name, schema: { parse: (x) => x } })
  const outcome = async (work) => { try { return { value: await work() } } catch (error) { return { code: error.code ?? error.name } } }
  ctx.provide({ kind: 'service', name: '${id}', version: '1.0.0' }, {
    run: (body) => new AsyncFunction('ctx', 'use', 'event', 'outcome', body)(ctx, use, event, outcome),
  })
} }`

interface Puppet {
  run(body: string): Promise<unknown>
}

const vault = mkdtempSync(join(tmpdir(), 'pryx-vault-'))
let host: TestKernel
let lab: Lab
let ann: Puppet
let bob: Puppet
beforeAll(async () => {
  lab = createLab()
  const secrets = openSecrets({ file: join(vault, 'vault.json'), key: createPassphraseKey('x', QUICK) })
  await secrets.set('ann', 'token', 'of ann')
  host = await createTestKernel({ capabilities: [lab, createMemoryStorage(), createSecretsCapability(secrets)] })
  ann = await add('ann', { events: { emits: ['ann.*'], listens: ['ann.*'] } })
  bob = await add('bob', { events: { emits: ['bob.*'], listens: ['bob.*'] } })
})
afterAll(async () => {
  await host[Symbol.asyncDispose]()
  rmSync(vault, { recursive: true, force: true })
})

async function add(id: string, manifest: Record<string, unknown>): Promise<Puppet> {
  await host.add(id, puppet(id), {
    provides: { [id]: '1.0.0' },
    permissions: ['storage', 'secrets:token', 'lab:own'],
    ...manifest,
  })
  return host.kernel.use(defineService<Puppet>(id, '1.0.0'))
}

test('K3: both live in one process, and each has globals of its own', async () => {
  expect(host.kernel.status('ann').process).toBe(host.kernel.status('bob').process)

  await ann.run(`globalThis.left = 1; Object.prototype.left = 2; Symbol.for('left').x; Array.prototype.left = 3`)

  expect(await ann.run(`return [own, {}.left, [].left]`)).toEqual(['ann', 2, 3])
  expect(await bob.run(`return [own, typeof left, [].left]`)).toEqual(['bob', 'undefined', undefined])
})

test('K4: a plugin finds nothing in the storage of another, by the same key or by listing', async () => {
  await ann.run(`const s = await use('storage'); await s.set('key', 'of ann'); await s.set('../bob/key', 'of ann')`)
  const look = `const s = await use('storage'); return [await s.get('key'), await s.get('../ann/key'), (await outcome(() => s.list({ prefix: '' }))).value ?? [], (await outcome(() => s.keys?.())).value ?? []]`

  expect(await ann.run(`return (await use('storage')).get('key')`)).toBe('of ann')
  expect(JSON.stringify(await bob.run(look))).not.toContain('of ann')
})

test('K4: a plugin finds nothing in the storage of another by SQL, and no other file', async () => {
  await using real = await createTestKernel({ capabilities: [createStorageCapability()] })
  for (const id of ['ann', 'bob'])
    await real.add(id, puppet(id), { provides: { [id]: '1.0.0' }, permissions: ['storage'] })
  const [owner, thief] = [
    await real.kernel.use(defineService<Puppet>('ann', '1.0.0')),
    await real.kernel.use(defineService<Puppet>('bob', '1.0.0')),
  ]
  await owner.run(
    `const { sqlExec } = await use('storage'); await sqlExec("CREATE TABLE t (x); INSERT INTO t VALUES ('of ann')")`,
  )
  const database = readdirSync(real.folder, { recursive: true, encoding: 'utf8' }).find((file) =>
    /ann.*storage\.db$/.test(file),
  )
  const file = join(real.folder, database ?? 'no storage.db of ann')
  const ask = (sql: string) =>
    thief.run(`return outcome(async () => (await use('storage')).sqlAll(${JSON.stringify(sql)}))`)

  expect(existsSync(file)).toBe(true)
  expect(await owner.run(`return (await use('storage')).sqlAll('SELECT x FROM t')`)).toEqual([{ x: 'of ann' }])
  expect(await ask(`SELECT name FROM sqlite_master WHERE name NOT GLOB '*_pryx_*'`)).toEqual({ value: [] })
  for (const sql of [
    'SELECT x FROM t',
    'SELECT x FROM ann.t',
    `ATTACH '${file}' AS ann`,
    `ATTACH 'file:${file}?mode=ro' AS ann`,
    `VACUUM INTO '${file}.copy'`,
    `SELECT readfile('${file}')`,
    `SELECT load_extension('${file}')`,
    `CREATE VIRTUAL TABLE v USING csv(filename='${file}')`,
  ])
    expect([sql, await ask(sql)]).toEqual([sql, { code: expect.stringMatching(/^STORAGE_/) }])
  expect(existsSync(`${file}.copy`)).toBe(false)
})

test('K4: a plugin with the same grant does not read another’s secret of the same name', async () => {
  const read = `return outcome(async () => (await use('secrets')).get('token'))`

  expect(await ann.run(read)).toEqual({ value: 'of ann' })
  expect(JSON.stringify(await bob.run(read))).not.toContain('of ann')
})

test('K4: events without the permission are not heard, whatever pattern asks for them', async () => {
  const codes = await bob.run(
    `globalThis.heard = []; const codes = []; for (const pattern of ['ann.*', '**', 'ann.x', '*.x', 'bob.*']) { try { ctx.events.on(pattern, (data) => { heard.push(data) }); codes.push('asked') } catch (error) { codes.push(error.code) } } return codes`,
  )
  await ann.run(`await ctx.emit(event('ann.x'), 'of ann')`)
  await bob.run(`await ctx.emit(event('bob.x'), 'own')`)

  await expect.poll(() => bob.run('return heard')).toContain('own')
  expect(codes).toHaveLength(5)
  expect(await bob.run('return heard')).not.toContain('of ann')
  expect(await bob.run(`return outcome(() => ctx.emit(event('ann.x'), 1))`)).toMatchObject({
    code: 'PERMISSION_UNDECLARED',
  })
})

test('K4: the number of another’s function leads to one’s own or to none', async () => {
  await ann.run(`await (await use('lab')).lend('own', () => 'of ann')`)
  const forge = (id: number) =>
    `const real = JSON.stringify; const l = await use('lab'); JSON.stringify = (v) => real(v).replace('"FN"', '{"$":"fn","id":${id}}'); try { return await outcome(() => l.lend('own', 'FN')) } finally { JSON.stringify = real }`

  for (const id of [1, 2, 3, 99]) expect(JSON.stringify(await bob.run(forge(id)))).not.toContain('of ann')
  expect(await bob.run(forge(99))).toEqual({ code: 'USAGE_FUNCTION_GONE' })
})

test('K4: the number of another’s stream does not pull, stop or end it', async () => {
  const reading = ann.run(
    `const l = await use('lab'); let n = 0; const s = new ReadableStream({ async pull(c) { await new Promise((d) => setTimeout(d, 5)); n++ < 20 ? c.enqueue(n) : c.close() } }); return (await l.read('own', s)).length`,
  )
  const disturb = `const real = JSON.stringify; JSON.stringify = (v) => v?.t === 'log' ? Array.from({ length: 40 }, (_, i) => real({ t: ['pull', 'stop', 'chunk', 'end'][i % 4], s: i >> 2, n: 9, data: 'of bob' })).join(',') : real(v); try { ctx.log.info('x') } finally { JSON.stringify = real }`

  for (let i = 0; i < 10; i++) await bob.run(disturb)

  expect(await reading).toBe(20)
})

test('K3: clocks are coarse, and nothing finer can be made', async () => {
  const { steps, dates } = (await bob.run(
    `const steps = new Set(); const dates = new Set(); for (let i = 0; i < 3000; i++) { steps.add(performance.now()); dates.add(Date.now()) } return { steps: [...steps], dates: [...dates] }`,
  )) as { steps: number[]; dates: number[] }

  expect(steps.length).toBeGreaterThan(1)
  for (const [i, step] of steps.entries()) if (i > 0) expect(step - steps[i - 1]!).toBeGreaterThan(COARSE_MS * 0.99)
  for (const date of dates) expect(Number.isInteger(date)).toBe(true)
  expect(
    await bob.run(
      `return ['SharedArrayBuffer', 'Atomics', 'WebAssembly', 'Worker'].filter((name) => name in globalThis)`,
    ),
  ).toEqual([])
})

test('K3: a plugin cannot ask about others without `kernel:read`', async () => {
  const ask = `return outcome(async () => (await use('kernel')).plugins())`

  expect(await bob.run(ask)).toMatchObject({ code: expect.stringMatching(/^(PERMISSION|CAPABILITY)_/) })
  expect(lab.calls.every(({ what }) => what === 'own')).toBe(true)
})

test('K3: a flood of long key derivations leaves room for the digests of others, and ends with its plugin', async () => {
  const derive = `const key = await crypto.subtle.importKey('raw', new Uint8Array(8), 'PBKDF2', false, ['deriveBits']); for (let i = 0; i < 60; i++) crypto.subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-512', salt: new Uint8Array(8), iterations: 3e6 }, key, 256).catch(() => {})`
  const hog = await add('hog', {})
  await hog.run(derive)

  const digest = `return (await crypto.subtle.digest('SHA-256', new Uint8Array(1))).byteLength`
  expect(await Promise.race([bob.run(digest), late(9_000)])).toBe(32)
  await host.kernel.remove('hog')
  expect(await Promise.race([bob.run(digest), late(9_000)])).toBe(32)
})

function late(ms: number): Promise<string> {
  return new Promise((done) => setTimeout(done, ms, 'late').unref())
}
