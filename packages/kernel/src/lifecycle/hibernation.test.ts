import { expect, test } from 'vitest'
import { defineService } from '../contract/index.ts'
import { createTestKernel, type TestKernel } from '../kernel-testing.ts'

interface Tally {
  add(n: number): Promise<number>
  heard(): Promise<number[]>
  later(ms: number): Promise<void>
}
const Tally = defineService<Tally>('tally', '1.0.0')

const tally = `export default { activate(ctx) {
  let { sum, heard } = ctx.previous ?? { sum: 0, heard: [] }
  ctx.events.on('beat.n', (n) => { heard.push(n) }, { capacity: 1000 })
  ctx.provide({ kind: 'service', name: 'tally', version: '1.0.0' }, {
    add: (n) => (sum += n),
    heard: () => heard,
    later(ms) { setTimeout(() => {}, ms) },
  })
  return { handOver: () => ({ sum, heard }) }
} }`
const manifest = {
  provides: { tally: '1.0.0' },
  activation: ['service:tally', 'event:beat.*'],
  events: { listens: ['beat.*'], emits: [] },
}
const isAsleep = ({ kernel }: TestKernel): boolean => kernel.status('tally').process === ''

test('N1: a plugin that starts at first use sleeps after a rest, and the next call finds it as it was', async () => {
  await using host = await createTestKernel({ hibernateAfterMs: 80 })
  await host.add('tally', tally, manifest)
  const service = await host.kernel.use(Tally)
  await service.add(1)

  for (let sum = 2; sum <= 4; sum++) {
    await expect.poll(() => isAsleep(host)).toBe(true)
    expect(host.kernel.status('tally')).toMatchObject({
      stage: 'waiting',
      asleep: true,
      reason: expect.stringMatching(/sleeps/),
    })
    expect(await service.add(1)).toBe(sum)
  }

  expect(host.kernel.status('tally')).toMatchObject({ stage: 'active', failures: 0 })
})

test('N1: a plugin that was never started says what it would provide', async () => {
  await using host = await createTestKernel()
  const tools = [{ name: 'tally.sum', description: 'The sum' }]
  await host.add('tally', tally, { ...manifest, tools })

  expect(host.kernel.status('tally')).toMatchObject({ asleep: true, services: ['tally@1.0.0'], tools: ['tally.sum'] })
})

test('N1: callers that come together all wait for one start', async () => {
  await using host = await createTestKernel({ hibernateAfterMs: 80 })
  await host.add('tally', tally, manifest)
  const service = await host.kernel.use(Tally)
  await expect.poll(() => isAsleep(host)).toBe(true)

  const sums = await Promise.all(Array.from({ length: 20 }, () => service.add(1)))

  expect(sums).toEqual(Array.from({ length: 20 }, (_, n) => n + 1))
})

test('K6: who asks for an optional service while its plugin is on its first start waits for it', async () => {
  await using host = await createTestKernel()
  const asker = `export default { activate(ctx) {
    const token = { kind: 'service', name: 'tally', version: '1.0.0' }
    ctx.provide({ kind: 'service', name: 'asker', version: '1.0.0' }, {
      async ask() { return Promise.all([1, 2, 3].map(async () => (await ctx.tryUse(token)) !== undefined)) },
    })
  } }`
  await host.add('asker', asker, { provides: { asker: '1.0.0' }, optional: { tally: '^1.0.0' } })
  await host.add('tally', tally, manifest)
  const face = await host.kernel.use(defineService<{ ask(): Promise<boolean[]> }>('asker', '1.0.0'))

  expect(await face.ask()).toEqual([true, true, true])
})

test('K6 N1: events wake it, and none is lost or doubled however they fall between sleeping and waking', async () => {
  await using host = await createTestKernel({ hibernateAfterMs: 40 })
  await host.add('tally', tally, manifest)
  const service = await host.kernel.use(Tally)
  let slept = 0
  host.kernel.on('plugin.stage', (fact) => {
    if ((fact as { reason?: string }).reason?.includes('sleeps')) slept++
  })

  for (let n = 0; n < 60; n++) {
    host.kernel.emit('beat.n', n)
    await new Promise((done) => setTimeout(done, 20 + (n % 7) * 12))
  }

  await expect.poll(async () => (await service.heard()).length).toBe(60)
  expect(await service.heard()).toEqual(Array.from({ length: 60 }, (_, n) => n))
  expect(slept).toBeGreaterThan(3)
})

test('N1: a plugin with a timer set, or one that said no, does not sleep', async () => {
  await using host = await createTestKernel({ hibernateAfterMs: 40 })
  await host.add('tally', tally, manifest)
  await host.add('awake', 'export default { activate() {} }', { activation: ['event:beat.*'], hibernate: false })
  await host.add('always', 'export default { activate() {} }')
  const service = await host.kernel.use(Tally)
  await service.later(600)
  host.kernel.emit('beat.n', 1)
  await expect.poll(() => host.kernel.status('awake').stage).toBe('active')

  await new Promise((done) => setTimeout(done, 300))

  for (const plugin of ['tally', 'awake', 'always']) expect(host.kernel.status(plugin).stage).toBe('active')
  await expect.poll(() => isAsleep(host)).toBe(true)
})

test('K4: a permission taken back while it sleeps is felt when it wakes', async () => {
  await using host = await createTestKernel({ hibernateAfterMs: 40 })
  await host.add('tally', tally, manifest)
  const service = await host.kernel.use(Tally)
  host.kernel.emit('beat.n', 1)
  await expect.poll(() => service.heard()).toEqual([1])
  await expect.poll(() => isAsleep(host)).toBe(true)

  await host.kernel.permissions.revoke('tally', 'events:on:beat.*', 'test')
  host.kernel.emit('beat.n', 2)

  await new Promise((done) => setTimeout(done, 100))
  expect(await service.heard()).toEqual([1])
})

test('K2 K6: an event that starts a plugin is heard by it, whatever pattern it then subscribes by, before those that follow', async () => {
  await using host = await createTestKernel()
  await host.add('tally', tally, manifest)
  for (let n = 0; n < 5; n++) host.kernel.emit('beat.n', n)
  await expect.poll(() => host.kernel.status('tally').stage).toBe('active')
  for (let n = 5; n < 10; n++) host.kernel.emit('beat.n', n)

  const service = await host.kernel.use(Tally)

  await expect.poll(() => service.heard()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  expect(host.kernel.status('tally').queue).toEqual({ queued: 0, inFlight: 0, dropped: 0 })
})
