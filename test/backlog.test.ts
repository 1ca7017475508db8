// test/backlog.test.ts: plugins that hoard large things in the kernel's queues are bounded in bytes, whichever queue it is (K3 K6).
import { expect, test } from 'vitest'
import { defineService } from '../packages/kernel/src/contract/index.ts'
import { createTestKernel, type TestKernel } from '../packages/kernel/src/kernel-testing.ts'

interface Sender {
  emit(count: number): Promise<void>
  call(count: number): Promise<string[]>
}
const Sender = defineService<Sender>('sender', '1.0.0')

const LARGE = 900_000 // bytes of one message, just under its limit
const ROOM = 33_554_432 // limits.ts: queueBytes

const sender = `const event = { kind: 'event', name: 'large.one', schema: { parse: (x) => x } }
export default { activate(ctx) {
  const text = 'x'.repeat(${LARGE})
  ctx.provide({ kind: 'service', name: 'sender', version: '1.0.0' }, {
    async emit(count) { for (let i = 0; i < count; i++) await ctx.emit(event, { text }) },
    async call(count) {
      const hoard = await ctx.use({ kind: 'service', name: 'hoard', version: '1.0.0' })
      const codes = []
      for (let i = 0; i < count; i++) {
        hoard.keep(text).catch((error) => codes.push(error.code))
        await new Promise((done) => setTimeout(done, 5))
      }
      return codes
    },
  })
} }`
const senderManifest = {
  provides: { sender: '1.0.0' },
  requires: { hoard: '^1.0.0' },
  events: { emits: ['large.*'], listens: [] },
}

/** Takes all and answers nothing, and lets go of it at once, so that its own memory does not end it. */
const hoard = `export default { activate(ctx) {
  ctx.events.on('large.*', () => new Promise(() => {}), { capacity: 1000 })
  ctx.provide({ kind: 'service', name: 'hoard', version: '1.0.0' }, { keep: () => new Promise(() => {}) })
} }`
const hoardManifest = {
  provides: { hoard: '1.0.0' },
  events: { listens: ['large.*'], emits: [] },
  limits: { memoryMb: 256 },
}

test('K3 K6: large events that nobody acknowledges take no more than the room there is; what was left out is counted', async () => {
  await using host = await open()
  const service = await host.kernel.use(Sender, { timeoutMs: 20_000 })
  await service.emit(100)
  const { queue } = host.kernel.status('hoard')
  expect((queue.queued + queue.inFlight) * LARGE).toBeLessThan(ROOM)
  expect(queue.queued + queue.inFlight + queue.dropped).toBe(100)
  expect(host.kernel.status('hoard').stage).toBe('active')
})

test('K3 K6: of large calls that are not answered one plugin can have a quarter of the room open, and is told when it is full', async () => {
  await using host = await open()
  const service = await host.kernel.use(Sender, { timeoutMs: 20_000 })
  const codes = await service.call(40)
  expect(new Set(codes)).toEqual(new Set(['SANDBOX_QUEUE_FULL']))
  const open_ = 40 - codes.length
  expect(open_ * LARGE).toBeLessThan(ROOM / 4 + 2 * LARGE)
  expect(open_).toBeGreaterThan(5)
})

async function open(): Promise<TestKernel> {
  const host = await createTestKernel({ limits: { memoryMb: 256, callMs: 60_000, turnMs: 2_000 } })
  await host.add('hoard', hoard, hoardManifest)
  await host.add('sender', sender, senderManifest)
  return host
}
