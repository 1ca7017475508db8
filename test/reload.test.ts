// test/reload.test.ts: code is swapped under load, and nothing is lost, doubled or put out of order (K7).
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { defineService } from '../packages/kernel/src/contract/index.ts'
import { createTestKernel } from '../packages/kernel/src/kernel-testing.ts'
import { buildPlugin } from '../packages/sdk/src/build/index.ts'

const RELOADS = process.env.PRYX_DEEP ? 200 : 20

interface Heard {
  heard(): Promise<{ versions: number[]; numbers: number[] }>
}
const Heard = defineService<Heard>('heard', '1.0.0')

const subscriber = (version: number): string => `export default { activate(ctx) {
  const state = ctx.previous ?? { versions: [], numbers: [] }
  state.versions.push(${version})
  ctx.events.on('beat.n', async (n) => { await new Promise((done) => setTimeout(done, n % 3)); state.numbers.push(n) }, { capacity: 1000 })
  ctx.provide({ kind: 'service', name: 'heard', version: '1.0.0' }, { heard: () => state })
  return { handOver: () => state }
} }`

const publisher = `export default { activate(ctx) { let n = 0
  const beat = { kind: 'event', name: 'beat.n', schema: { parse: (x) => x } }
  let timer
  ctx.provide({ kind: 'service', name: 'publisher', version: '1.0.0' }, {
    start() { timer = setInterval(() => { void ctx.emit(beat, n++) }, 4) },
    stop() { clearInterval(timer); return n },
  }) } }`

test(`K7: ${RELOADS} reloads under load lose no event, double none and keep their order`, {
  timeout: 120_000,
}, async () => {
  await using host = await createTestKernel()
  const manifest = { provides: { heard: '1.0.0' }, events: { listens: ['beat.*'], emits: [] } }
  await host.kernel.installFolder(await host.write('heard', subscriber(0), manifest))
  await host.add('publisher', publisher, {
    provides: { publisher: '1.0.0' },
    events: { emits: ['beat.*'], listens: [] },
  })
  const source = await host.kernel.use(
    defineService<{ start(): Promise<void>; stop(): Promise<number> }>('publisher', '1.0.0'),
  )
  const heard = await host.kernel.use(Heard)
  let asking = true
  const failed: unknown[] = []
  const asker = (async () => {
    while (asking) {
      await heard.heard().catch((error: unknown) => failed.push(error))
      await new Promise((done) => setTimeout(done, 5))
    }
  })()
  await source.start()

  for (let version = 1; version <= RELOADS; version++) {
    await host.write('heard', subscriber(version), manifest)
    await host.kernel.reloadFolder('heard')
  }
  const sent = await source.stop()
  await expect.poll(async () => (await heard.heard()).numbers.length, { timeout: 10_000 }).toBeGreaterThanOrEqual(sent)
  asking = false
  await asker

  const { versions, numbers } = await heard.heard()
  expect(numbers).toEqual(Array.from({ length: sent }, (_, n) => n))
  expect(versions).toEqual(Array.from({ length: RELOADS + 1 }, (_, n) => n))
  expect(failed).toEqual([])
})

test('K7: of edits that break in every way, the version before goes on', { timeout: 40_000 }, async () => {
  await using host = await createTestKernel()
  const manifest = {
    provides: { heard: '1.0.0' },
    events: { listens: ['beat.*'], emits: [] },
    limits: { activateMs: 1_000 }, // a busy machine takes its time for the good ones too
  }
  await host.kernel.installFolder(await host.write('heard', subscriber(0), manifest))
  const heard = await host.kernel.use(Heard)
  const broken = {
    syntax: 'export default {',
    throwing: 'throw new Error("no")',
    empty: '',
    activate: 'export default { activate() { throw new Error("no") } }',
    hanging: 'export default { activate: () => new Promise(() => {}) }',
    looping: 'for (;;);',
    importing: 'import "node:fs"; export default { activate() {} }',
  }

  for (const [how, code] of Object.entries(broken)) {
    await host.write('heard', code, manifest)
    await expect(host.kernel.reloadFolder('heard'), how).rejects.toThrow()
    host.kernel.emit('beat.n', 1)
    expect((await heard.heard()).versions, how).toEqual([0])
    expect(host.kernel.status('heard').stage, how).toBe('active')
  }
  await host.write('heard', subscriber(1), manifest)
  await host.kernel.reloadFolder('heard')

  expect((await heard.heard()).versions).toEqual([0, 1])
  await expect.poll(async () => (await heard.heard()).numbers.length).toBe(Object.keys(broken).length)
})

test('K7: an error of a plugin written in TypeScript tells the line its author wrote', async () => {
  const folder = mkdtempSync(join(dirname(fileURLToPath(import.meta.url)), '.reload-'))
  try {
    mkdirSync(join(folder, 'src'))
    writeFileSync(
      join(folder, 'package.json'),
      JSON.stringify({
        name: 'typed',
        version: '1.0.0',
        type: 'module',
        pryx: { engine: '^1.0.0', entry: 'dist/plugin.js' },
      }),
    )
    writeFileSync(
      join(folder, 'src/plugin.ts'),
      'interface Nothing {\n  a: string\n}\n\nfunction fail(nothing?: Nothing): never {\n  throw new Error(nothing?.a ?? "on line six")\n}\n\nexport default {\n  activate(): void {\n    fail()\n  },\n}\n',
    )
    await buildPlugin(folder)
    await using host = await createTestKernel()
    const failed = host.next('plugin.failed') as Promise<{ message: string; stack: string }>

    await host.kernel.installFolder(folder)

    expect(await failed).toMatchObject({
      message: 'on line six',
      stack: expect.stringMatching(/src\/plugin\.ts:6:/),
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
