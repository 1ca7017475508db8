// test/guards.test.ts: a guard is not got past: not by crashing it, not by its sleep, not before it is up; and what only looks asks nothing (K4 K6).
import { expect, onTestFinished, test, vi } from 'vitest'
import { defineService } from '../packages/kernel/src/contract/index.ts'
import { createTestKernel, type TestKernel } from '../packages/kernel/src/kernel-testing.ts'
import { Hand, handSource } from './guests-testing.ts'

vi.setConfig({ testTimeout: 60_000 }) // hooks that wait for their 5 s, on a busy machine

const guardOf = (before: string, judge = '() => { }') => `
import { z } from 'zod'
export default { async activate(ctx) {
  ${before}
  ctx.hooks.on({ kind: 'hook', name: 'before:tool.call', schema: z.any(), failure: 'closed', timeoutMs: 5000 }, ${judge})
} }`
const guard = { hooks: ['before:tool.call'] }

test('K6: a guard that never came up stops what it was to judge, until the user takes it away', async () => {
  await using host = await openHost()
  await host.add('guard', guardOf("throw new Error('no')"), guard)

  await expect(host.kernel.tools.call('tool.run', {})).rejects.toMatchObject({ code: 'HOOK_FAILED' })

  await host.kernel.disable('guard')
  expect(await host.kernel.tools.call('tool.run', {})).toBe('ran')
})

test('K6: a guard that is not up yet is waited for', async () => {
  await using host = await openHost()
  const veto = "() => ({ veto: 'not today' })"
  const added = host.add('guard', guardOf('await new Promise((done) => setTimeout(done, 500))', veto), guard)
  await expect.poll(() => host.kernel.plugins().find(({ id }) => id === 'guard')?.stage).toBe('starting')

  await expect(host.kernel.tools.call('tool.run', {})).rejects.toMatchObject({ code: expect.stringMatching(/^HOOK_/) }) // late, on a slow machine

  await added
})

test('K6: a guard may call tools while it starts: it does not wait for itself', async () => {
  await using host = await openHost()
  await host.add('guard', guardOf("await ctx.tools.call('tool.run', {})"), {
    ...guard,
    permissions: ['tools:tool.run'],
  })

  expect(host.kernel.status('guard')).toMatchObject({ stage: 'active', failures: 0 })
})

test('K4 K6: a guard that the user does not let listen stops nothing, up or down', async () => {
  await using host = await openHost()
  await host.add('guard', guardOf("setTimeout(() => { throw new Error('late') }, 1); throw new Error('no')"), guard)

  await host.kernel.permissions.revoke('guard', 'hooks:before:tool.call', 'test')

  expect(await host.kernel.tools.call('tool.run', {})).toBe('ran')
})

test('K6: a guard that crashes while it judges lets nothing pass; the next life judges again', async () => {
  await using host = await openHost()
  await host.add('guard', guardOf('', '() => { while (true); }'), guard)

  await expect(host.kernel.tools.call('tool.run', {})).rejects.toMatchObject({ code: 'HOOK_FAILED' })
  await expect(host.kernel.tools.call('tool.run', {})).rejects.toMatchObject({ code: 'HOOK_FAILED' })
})

test('N1 K6: a guard that sleeps is woken and judges', async () => {
  await using host = await openHost({ hibernateAfterMs: 60 })
  await host.add('guard', guardOf('', "() => ({ veto: 'not today' })"), {
    ...guard,
    activation: ['tool:guard.wake'],
    tools: [{ name: 'guard.wake', description: 'x' }],
  })
  expect(host.kernel.status('guard').process).toBe('') // it has not been up at all

  await expect(host.kernel.tools.call('tool.run', {})).rejects.toMatchObject({ code: 'HOOK_VETOED' })
  await expect.poll(() => host.kernel.status('guard').process).toBe('')
  await expect(host.kernel.tools.call('tool.run', {})).rejects.toMatchObject({ code: 'HOOK_VETOED' })
})

test('K6: no plugin runs the hooks that are the kernel’s', async () => {
  await using host = await openHost()
  const code = `import { z } from 'zod'
export default { activate(ctx) {
  ctx.provide({ kind: 'service', name: 'forger', version: '1.0.0' }, { run: (name) => ctx.hooks.run({ kind: 'hook', name, schema: z.any(), failure: 'open', timeoutMs: 1000 }, { name: 'tool.run' }).then(() => 'ran', (error) => error.code) })
} }`
  await host.add('forger', code, { provides: { forger: '1.0.0' } })
  const forger = await host.kernel.use(defineService<{ run(name: string): Promise<string> }>('forger', '1.0.0'))

  expect(await forger.run('before:tool.call')).toBe('USAGE_HOOK_RESERVED')
  expect(await forger.run('after:tool.call')).toBe('USAGE_HOOK_RESERVED')
  expect(await forger.run('before:note.save')).toBe('ran')
})

test('K6: a tool call that its caller gives up while a guard judges ends, and no rejection is left over', async () => {
  const left: unknown[] = []
  const hear = (error: unknown) => left.push(error)
  process.on('unhandledRejection', hear)
  onTestFinished(() => void process.off('unhandledRejection', hear))
  await using host = await openHost()
  await host.add('guard', guardOf('', '() => new Promise(() => {})'), guard)
  const giveUp = new AbortController()

  const called = host.kernel.tools.call('tool.run', {}, { signal: giveUp.signal })
  setTimeout(() => giveUp.abort(new Error('enough')), 50)

  await expect(called).rejects.toBeDefined()
  await new Promise((done) => setTimeout(done, 50))
  expect(left).toEqual([])
})

test('K4 K5: to hold a service in the hand asks nobody and spends nothing', async () => {
  await using host = await openHost()
  const hand = await addHand(host, { requires: { echo: '^1.0.0' } })
  const asked: unknown[] = []
  host.kernel.on('approval.needed', (fact) => asked.push(fact))
  await host.kernel.permissions.revoke('hand', 'service:echo', 'test')
  await host.kernel.permissions.grant('hand', 'service:echo', { mode: 'allow', duration: 'once', by: 'test' })

  for (let i = 0; i < 3; i++) expect((await hand.call('echo', 'then')).code).toBeDefined() // no such method: the face alone was had

  expect(asked).toEqual([])
  expect(await hand.call('echo', 'ping', 1)).toEqual({ value: 1 }) // once was still to be had
})

test('K4 K7: after a reload that failed the old manifest judges, not the one that asked for more', async () => {
  await using host = await openHost()
  const hand = await addHand(host, { events: { emits: ['a.*'], listens: [] } })
  await host.write('hand', `throw new Error('broken')`, {
    provides: { hand: '1.0.0' },
    events: { emits: ['a.*', 'b.*'], listens: [] },
  })

  const reloading = host.kernel.reload('hand')
  reloading.catch(() => {}) // looked at below
  await expect.poll(() => host.kernel.approvals.pending()).toHaveLength(1)
  const { id } = host.kernel.approvals.pending()[0]!
  host.kernel.approvals.resolve(id, { answer: 'allow', duration: 'forever', by: 'test' })
  await expect(reloading).rejects.toBeDefined()

  expect((await hand.emit('a.b', 1)).code).toBeUndefined()
  expect((await hand.emit('b.c', 1)).code).toBe('PERMISSION_UNDECLARED')
  await expect(
    host.kernel.permissions.grant('hand', 'events:emit:b.*', { mode: 'allow', duration: 'forever', by: 'test' }),
  ).rejects.toMatchObject({ code: 'PERMISSION_UNDECLARED' })
})

async function openHost(options: Parameters<typeof createTestKernel>[0] = {}): Promise<TestKernel> {
  const host = await createTestKernel(options)
  const tool = `export default { activate(ctx) { ctx.tools.provide({ name: 'tool.run', description: 'x', run: () => 'ran' }); ctx.provide({ kind: 'service', name: 'echo', version: '1.0.0' }, { ping: (n) => n }) } }`
  await host.add('tool', tool, { tools: [{ name: 'tool.run', description: 'x' }], provides: { echo: '1.0.0' } })
  return host
}

async function addHand(host: TestKernel, manifest: Record<string, unknown>): Promise<Hand> {
  await host.add('hand', handSource, { provides: { hand: '1.0.0' }, ...manifest })
  return host.kernel.use(Hand)
}
