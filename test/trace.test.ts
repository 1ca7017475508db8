// test/trace.test.ts: one request drawn across kernel, gate, sandbox and driver (N5).
import { Buffer } from 'node:buffer'
import { expect, test } from 'vitest'
import { z } from 'zod'
import {
  type Capability,
  defineMethod,
  defineService,
  type KernelService,
  type TraceRecord,
} from '../packages/kernel/src/contract/index.ts'
import { createTestKernel } from '../packages/kernel/src/kernel-testing.ts'

const box: Capability = {
  name: 'box',
  version: '1.0.0',
  summary: 'keeps things',
  parse: (rest) => rest,
  covers: (granted, wanted) => granted === wanted,
  consent: () => ({ text: 'keep things', risk: 'low', traits: [] }),
  methods: {
    put: defineMethod({
      input: z.tuple([z.string()]),
      access: () => ['put'],
      async run([text]) {
        await new Promise((done) => setTimeout(done, 30))
        return Buffer.byteLength(text)
      },
    }),
  },
}

const INNER = `export default { async activate(ctx) {
  const box = await ctx.use({ name: 'box', version: '1.0.0', methods: {} })
  ctx.provide({ name: 'inner', version: '1.0.0' }, { save: (text) => box.put(text), async bad() { throw new Error('no') } })
} }`
const OUTER = `export default { async activate(ctx) {
  const inner = await ctx.use({ name: 'inner', version: '1.0.0', methods: {} })
  ctx.provide({ name: 'outer', version: '1.0.0' }, {
    async note(text) {
      const until = Date.now() + 20
      while (Date.now() < until);
      return inner.save(text)
    },
    bad: () => inner.bad(),
  })
} }`

interface Outer {
  note(text: string): Promise<number>
  bad(): Promise<void>
}

test('N5: a nested request is one tree from the host’s call to the driver, with where its time went', async () => {
  await using pryx = await createTestKernel({ capabilities: [box] })
  await pryx.add('inner', INNER, { provides: { inner: '1.0.0' }, permissions: ['box:put'] })
  await pryx.add('outer', OUTER, { provides: { outer: '1.0.0' }, requires: { inner: '^1.0.0' } })
  const outer = await pryx.kernel.use(defineService<Outer>('outer', '1.0.0'))
  await outer.note('before anybody looks')
  expect(pryx.kernel.traces.on).toBe(false)
  const told: TraceRecord[] = []
  const release = pryx.kernel.traces.watch((trace) => told.push(trace))

  expect(await outer.note('hello')).toBe(5)
  await expect(outer.bad()).rejects.toThrow('no')
  await expect.poll(() => told.length, { timeout: 10_000 }).toBe(2)
  await release()
  expect(pryx.kernel.traces.on).toBe(false)

  const [good, bad] = told as [TraceRecord, TraceRecord]
  expect(shape(good)).toEqual([
    'call outer.note outer',
    '  queue outer.note outer',
    '  request inner.save outer',
    '    call inner.save inner',
    '      queue inner.save inner',
    '      request box.put inner',
    '        driver box.put inner',
    '        gate box.put inner',
    '      turn inner.save inner',
    '  turn outer.note outer',
  ])
  const span = (kind: string, plugin: string) => good.spans.find((one) => one.kind === kind && one.plugin === plugin)!
  expect(span('driver', 'inner').ms).toBeGreaterThan(25)
  expect(span('turn', 'outer').ms).toBeGreaterThan(15)
  expect(span('gate', 'inner').ms).toBeLessThan(span('driver', 'inner').ms)
  for (const { startMs, ms } of good.spans) {
    expect(startMs).toBeGreaterThanOrEqual(0)
    expect(startMs + ms).toBeLessThanOrEqual(good.ms + 0.01)
  }
  expect(bad).toMatchObject({ name: 'outer.bad', error: expect.any(String) })
  expect(bad.spans.filter(({ error }) => error !== undefined)).toHaveLength(3)
})

const LOOKER = `export default { async activate(ctx) {
  const kernel = await ctx.use({ name: 'kernel', version: '1.0.0', methods: {} })
  ctx.provide({ name: 'looker', version: '1.0.0' }, {
    traces: (...args) => kernel.traces(...args),
    trace: (id) => kernel.trace(id),
  })
} }`

test('N5: a plugin with kernel:read sees which requests were slow, recording only while it looks; what was said in them it does not see', async () => {
  await using pryx = await createTestKernel({ capabilities: [box] })
  await pryx.add('inner', INNER, { provides: { inner: '1.0.0' }, permissions: ['box:put'] })
  await pryx.add('outer', OUTER, { provides: { outer: '1.0.0' }, requires: { inner: '^1.0.0' } })
  await pryx.add('looker', LOOKER, { provides: { looker: '1.0.0' }, permissions: ['kernel:read'] })
  const outer = await pryx.kernel.use(defineService<Outer>('outer', '1.0.0'))
  const looker = await pryx.kernel.use(defineService<Pick<KernelService, 'traces' | 'trace'>>('looker', '1.0.0'))
  const slow = () => looker.traces(50, { minMs: 25, others: true })
  expect([await slow(), pryx.kernel.traces.on]).toEqual([[], true])

  await outer.note('the-secret-word')
  await expect.poll(slow, { timeout: 10_000 }).toMatchObject([{ name: 'outer.note', plugin: 'outer' }])
  const [summary] = await slow()
  const whole = await looker.trace(summary!.trace)

  expect(summary!.parts.driver).toBeGreaterThan(25)
  expect(summary).toMatchObject({ ms: whole!.ms, spans: whole!.spans.length })
  expect(whole!.spans.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['call', 'turn', 'gate', 'driver']))
  expect(JSON.stringify([summary, whole])).not.toContain('secret')
  expect(await looker.trace('none')).toBeNull()
  await expect(looker.traces(501)).rejects.toMatchObject({ code: expect.stringMatching(/INPUT|USAGE/) })
})

/** The tree as lines, siblings by name so that order does not depend on the machine. */
function shape({ spans }: TraceRecord, parent = 0, depth = 0): string[] {
  return spans
    .filter((span) => span.parent === parent)
    .map(({ id, kind, name, plugin }) => ({ id, line: `${'  '.repeat(depth)}${kind} ${name} ${plugin}` }))
    .sort((a, b) => (a.line < b.line ? -1 : 1))
    .flatMap(({ id, line }) => [line, ...shape({ spans } as TraceRecord, id, depth + 1)])
}
