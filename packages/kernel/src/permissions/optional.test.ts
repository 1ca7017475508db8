import { expect, test } from 'vitest'
import { z } from 'zod'
import { type Capability, defineMethod, defineService } from '../contract/index.ts'
import { createTestKernel } from '../kernel-testing.ts'

interface Caller {
  call(what: string): Promise<string>
}
const Caller = defineService<Caller>('caller', '1.0.0')
const SOURCE = `export default { async activate(ctx) {
  const lab = await ctx.use({ kind: 'service', name: 'lab', version: '1.0.0' })
  ctx.provide({ kind: 'service', name: 'caller', version: '1.0.0' }, { call: (what) => lab.act(what) })
} }`
const MANIFEST = { provides: { caller: '1.0.0' }, permissions: ['lab:one'], optionalPermissions: ['lab:any'] }

test('K4: an optional permission is in no blanket consent; it is asked for at first use, by the name of what is used', async () => {
  await using host = await createTestKernel({ capabilities: [lab] })
  const asked: string[] = []
  host.kernel.on('approval.needed', (payload) => {
    const { id, permission } = payload as { id: string; permission: string }
    asked.push(permission)
    queueMicrotask(() => host.kernel.approvals.resolve(id, { answer: 'allow', duration: 'forever', by: 'test' }))
  })
  await host.add('caller', SOURCE, MANIFEST)
  const caller = await host.kernel.use(Caller)

  expect(await caller.call('one')).toBe('one')
  expect(await caller.call('two')).toBe('two')
  expect(await caller.call('two')).toBe('two')

  expect(asked).toEqual(['lab:two'])
  const modes = host.kernel.permissions.list('caller').map(({ permission, mode }) => [permission, mode])
  expect(modes).toEqual([
    ['lab:one', 'allow'],
    ['lab:any', 'ask'],
  ])
})

const lab: Capability = {
  name: 'lab',
  version: '1.0.0',
  summary: 'For tests',
  parse: (rest) => rest,
  covers: (granted, wanted) => granted === wanted || granted === 'any',
  consent: (rest) => ({ text: `act on ${rest}`, risk: 'low', traits: [] }),
  methods: {
    act: defineMethod<[string]>({
      input: z.tuple([z.string()]),
      access: ([what]) => [what],
      run: async ([what]) => what,
    }),
  },
}
