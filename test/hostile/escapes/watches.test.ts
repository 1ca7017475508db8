import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { families } from './families.ts'
import { GETS_OUT } from './gets-out.ts'
import { openPrison, type Prison } from './prison.ts'
import { foreignIn } from './watches.ts'

let prison: Prison
beforeEach(async () => {
  prison = await openPrison()
})
afterEach(() => prison[Symbol.asyncDispose]())

const ASKS = `const lab = await ctx.use(service('lab')); return lab.act('own')`

/** What the host does to itself here, as if a guest had got out, and what the prison must say of it. */
const harms: [string, (prison: Prison) => unknown, RegExp, () => void][] = [
  [
    'a prototype of the host is polluted',
    () => Reflect.set(Object.prototype, 'polluted', 1),
    /polluted of the host has changed/,
    () => Reflect.deleteProperty(Object.prototype, 'polluted'),
  ],
  [
    'a method of the host is replaced',
    () => Reflect.set(Array.prototype, 'copyWithin', () => 1),
    /copyWithin of the host has changed/,
    () => Reflect.set(Array.prototype, 'copyWithin', copyWithin),
  ],
  ['the canary is changed', () => Reflect.set(globalThis, '__pryxCanary', 1), /canary is not what it was/, () => {}],
  ['a file is written', ({ yard }) => writeFileSync(join(yard, 'new.txt'), 'x'), /yard is not what it was/, () => {}],
  ['a secret of the host is said', ({ secrets }) => secrets.host, /secret of the host was said/, () => {}],
  ['a secret of a file is said', ({ secrets }) => `so ${secrets.file}`, /secret of the file was said/, () => {}],
  [
    'the neighbour’s secret is said',
    ({ secrets }) => [secrets.neighbour],
    /secret of the neighbour was said/,
    () => {},
  ],
  ['the neighbour hears an event', ({ host }) => host.kernel.emit('note.x', 1), /neighbour heard an event/, () => {}],
  [
    'the neighbour’s process is lost',
    async ({ host }) => {
      const { pid } = host.kernel.host().processes[0] as { pid: number }
      process.kill(pid, 'SIGKILL')
    },
    /process is not what it was/,
    () => {},
  ],
]
const { copyWithin } = Array.prototype

test.each(harms)('K3: the prison sees that %s', async (_what, harm, seen, undo) => {
  prison.lab.harm = () => harm(prison)

  const outcome = await prison.attempt({ title: 'is helped', code: ASKS }).finally(undo)

  expect(outcome.seen.join('\n')).toMatch(seen)
})

test('K4: the prison sees a call that was granted by mistake, in the driver and in the audit log', async () => {
  const { seen } = await prison.attempt({
    title: 'is granted too much',
    code: `const lab = await ctx.use(service('lab')); return lab.act('other')`,
    manifest: { permissions: ['lab:other'] },
  })

  expect(seen.join('\n')).toMatch(/the lab acted on other/)
  expect(seen.join('\n')).toMatch(/the audit log allows lab.act lab:other/)
})

test('K3: live objects of the host are told from copies', () => {
  const made = Object.create({ inherited: 1 }) as object

  for (const value of [
    Array.prototype,
    Array.prototype.push,
    { a: [Object] },
    [made],
    {
      get a() {
        return 1
      },
    },
    Symbol('x'),
    process,
  ])
    expect(foreignIn(value)).not.toEqual([])
  for (const value of [
    null,
    1,
    'x',
    { a: [{ b: new Date() }] },
    new Uint8Array(2),
    new Map([[1, new Set([{}])]]),
    () => 1,
  ])
    expect(foreignIn(value)).toEqual([])
})

test('K3: what the guests look for is there to be seen: these attempts get out of an open realm', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [join(import.meta.dirname, 'open-realm.ts')], {
    timeout: 60_000,
  })
  const out = JSON.parse(stdout) as Record<string, string[]>

  expect(Object.keys(out).sort()).toEqual([...GETS_OUT].sort())
  expect(Object.entries(out).filter(([, reached]) => reached.length === 0)).toEqual([])
})

test('the corpus has its 150 attempts, each with a name of its own', () => {
  const titles = families.flatMap(([, attempts]) => attempts.map(({ title }) => title))

  expect(titles.length).toBeGreaterThanOrEqual(150)
  expect(new Set(titles).size).toBe(titles.length)
  expect(families.every(([, attempts]) => attempts.length > 0)).toBe(true)
})
