// test/model.test.ts: whatever order things happen in, three promises hold (K2 K4 K8):
//   no act without declared + granted + audited; no message to an instance that has ended; the kernel stays answerable.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { type Capability, defineMethod, defineService, PryxError } from '../packages/kernel/src/contract/index.ts'
import { createTestKernel, type TestKernel } from '../packages/kernel/src/kernel-testing.ts'

const RUNS = process.env.PRYX_DEEP ? 200 : 6
const NAMES = ['a', 'b', 'c'] as const
type Name = (typeof NAMES)[number]

interface Subject {
  act(what: string): Promise<string>
  heard(): Promise<number>
}

type Step =
  | { do: 'enable' | 'disable' | 'reload' | 'remove' | 'install' | 'crash'; plugin: Name }
  | { do: 'grant' | 'revoke' | 'act'; plugin: Name; what: string }
  | { do: 'emit' }

const plugin = fc.constantFrom(...NAMES)
const what = fc.constantFrom('one', 'two', 'undeclared')
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('enable', 'disable', 'reload', 'remove', 'install', 'crash'),
      plugin,
    }) as fc.Arbitrary<Step>,
  },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constantFrom('grant', 'revoke', 'act'), plugin, what }) as fc.Arbitrary<Step>,
  },
  { weight: 1, arbitrary: fc.constant<Step>({ do: 'emit' }) },
)

test(`K2 K4 K8: ${RUNS} random histories keep what was promised`, { timeout: 600_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(step, fc.boolean()), { minLength: 10, maxLength: 40 }), async (history) => {
      const acts: { plugin: string; what: string }[] = []
      const stolen: string[] = []
      /** What may be in force: from before it is given until after it was taken back. Each act is judged by it when it happens, whoever waits for it. */
      const granted = new Map<string, boolean>(
        NAMES.flatMap((name) => ['one', 'two'].map((thing) => [`${name} ${thing}`, true])),
      )
      const saw = (act: { plugin: string; what: string }) => {
        acts.push(act)
        if (granted.get(`${act.plugin} ${act.what}`) !== true) stolen.push(`${act.plugin} ${act.what}`)
      }
      await using host = await createTestKernel({ capabilities: [createWitness(saw)] })
      for (const name of NAMES) await install(host, name)
      const open: Promise<unknown>[] = []

      for (const [one, wait] of history) {
        if (one.do === 'grant' || one.do === 'install') {
          const keys = keysOf(one)
          const had = keys.map((key) => granted.get(key) === true)
          for (const key of keys) granted.set(key, true) // who comes back is asked for consent again
          const done = await perform(host, one).then(() => true, expectPryxError)
          if (!done) keys.forEach((key, i) => void granted.set(key, had[i] === true))
        } else if (one.do === 'revoke' || one.do === 'remove') {
          const done = await perform(host, one).then(() => true, expectPryxError)
          if (done) for (const key of keysOf(one)) granted.set(key, false) // what goes takes its grants along
        } else if (one.do === 'act') {
          await perform(host, one).catch(expectPryxError)
        } else {
          const work = perform(host, one).catch(expectPryxError)
          if (wait) await work
          else open.push(work)
        }
        expect(stolen).toEqual([])
        expect(host.kernel.plugins().length).toBeLessThanOrEqual(NAMES.length)
      }
      await Promise.all(open)
      expect(stolen).toEqual([])

      await host.kernel.audit.flush()
      expect(await host.kernel.audit.verify()).toMatchObject({ whole: true })
      const audited = host.kernel.audit
        .tail(1_000)
        .filter(({ act, outcome }) => act === 'witness.act' && outcome === 'allowed')
      expect(audited.length).toBe(acts.length)
      expect(acts.every((act) => act.what !== 'undeclared')).toBe(true)
      for (const status of host.kernel.plugins()) expect(status.reason ?? '').not.toMatch(/undefined/)
    }),
    { numRuns: RUNS },
  )
})

function keysOf(one: Extract<Step, { plugin: Name }>): string[] {
  const things = 'what' in one ? [one.what].filter((thing) => thing !== 'undeclared') : ['one', 'two']
  return things.map((thing) => `${one.plugin} ${thing}`)
}

async function perform({ kernel, ...host }: TestKernel, one: Step): Promise<unknown> {
  switch (one.do) {
    case 'enable':
      return kernel.enable(one.plugin)
    case 'disable':
      return kernel.disable(one.plugin)
    case 'reload':
      return kernel.reload(one.plugin)
    case 'remove':
      return kernel.remove(one.plugin)
    case 'install':
      return install({ kernel, ...host }, one.plugin)
    case 'crash':
      for (const { pid, plugins } of kernel.host().processes)
        if (plugins.includes(one.plugin)) process.kill(pid, 'SIGKILL')
      return undefined
    case 'grant':
      return kernel.permissions.grant(one.plugin, `witness:${one.what}`, {
        mode: 'allow',
        duration: 'forever',
        by: 'test',
      })
    case 'revoke':
      return kernel.permissions.revoke(one.plugin, `witness:${one.what}`, 'test')
    case 'act':
      return (await kernel.use(defineService<Subject>(`subject-${one.plugin}`, '1.0.0'), { timeoutMs: 500 })).act(
        one.what,
      )
    case 'emit':
      return kernel.emit('beat.n', 1)
  }
}

function install(host: TestKernel, name: Name): Promise<string> {
  const code = `export default { async activate(ctx) { let heard = 0
    const witness = await ctx.use({ kind: 'service', name: 'witness', version: '1.0.0' })
    ctx.events.on('beat.n', () => { heard++ })
    ctx.provide({ kind: 'service', name: 'subject-${name}', version: '1.0.0' }, { act: (what) => witness.act(what), heard: () => heard })
    return { handOver: () => heard } } }`
  return host.add(name, code, {
    provides: { [`subject-${name}`]: '1.0.0' },
    permissions: ['witness:one', 'witness:two'],
    events: { listens: ['beat.n'], emits: [] },
  })
}

function createWitness(saw: (act: { plugin: string; what: string }) => void): Capability {
  return {
    name: 'witness',
    version: '1.0.0',
    summary: 'For tests',
    parse: (rest) => rest,
    covers: (granted, wanted) => granted === wanted,
    consent: (rest) => ({ text: `act on ${rest}`, risk: 'low', traits: [] }),
    methods: {
      act: defineMethod<[string]>({
        input: z.tuple([z.string()]),
        access: ([thing]) => [thing],
        async run([thing], { plugin: id, signal }) {
          expect(signal.aborted).toBe(false) // never for an instance that has ended
          saw({ plugin: id, what: thing })
          return thing
        },
      }),
    },
  }
}

/** Whatever was refused was refused in words, with a code. */
function expectPryxError(error: unknown): void {
  if (!PryxError.is(error)) throw error
}
