// test/hostile/escapes/prison.ts: one kernel, an honest neighbour and traps all around; guests come in one by one and try to get out.
//   E1  Every attempt is watched by all watches, whatever it claims to try.
//   E2  A watch that cannot see is worse than none: open-realm.ts and watches.test.ts show each of them something to see.
import { randomUUID } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { defineService } from '../../../packages/kernel/src/contract/index.ts'
import { createTestKernel, type TestKernel } from '../../../packages/kernel/src/kernel-testing.ts'
import { type Attempt, guestOf } from './attempt.ts'
import { createLab, type Lab } from './lab.ts'
import { changed, fingerprint, foreignIn } from './watches.ts'

export interface Outcome {
  /** What the guest answered; undefined if it failed. */
  value: unknown
  /** Code its call ended with. */
  code: string
  /** What it says it got. */
  reached: readonly string[]
  /** Which watches saw something, in words. */
  seen: readonly string[]
  /** The kernel has heard its forged messages. */
  forged: boolean
}

export interface Prison extends AsyncDisposable {
  /** Where the canary file lies. */
  readonly yard: string
  /** What nobody may say. */
  readonly secrets: { host: string; file: string; neighbour: string }
  readonly host: TestKernel
  readonly lab: Lab
  attempt(attempt: Attempt): Promise<Outcome>
}

interface Keeper {
  look(): Promise<{ secret: string; marks: string[]; events: number }>
}

const CALL_MS = 8_000
const TURN_MS = 2_000 // climbing takes its time, and a time-out would hide what is found

/** What the neighbour knows stays in its own realm; `marks` tells of changes to it. */
const keeperOf = (secret: string): string => `
globalThis.secret = '${secret}'
const names = () => [globalThis, Object.prototype, Array.prototype, Function.prototype, Promise.prototype, Error.prototype, JSON, Reflect]
  .flatMap((o, i) => Reflect.ownKeys(o).map((key) => i + String(key)))
const before = names().join()
let events = 0
export default { activate(ctx) {
  ctx.events.on('note.**', () => { events++ })
  ctx.provide({ kind: 'service', name: 'keeper', version: '1.0.0' }, {
    look: () => ({ secret: globalThis.secret, marks: names().join() === before ? [] : ['its realm has changed'], events }),
  })
} }`

export async function openPrison(): Promise<Prison> {
  const secrets = { host: `host-${randomUUID()}`, file: `file-${randomUUID()}`, neighbour: `neighbour-${randomUUID()}` }
  const lab = createLab()
  const host = await createTestKernel({ capabilities: [lab], limits: { turnMs: TURN_MS } })
  const { kernel } = host
  const yard = join(host.folder, 'yard')
  mkdirSync(yard)
  writeFileSync(join(yard, 'canary.txt'), secrets.file)
  Reflect.set(globalThis, '__pryxCanary', { secret: secrets.host })
  process.env.PRYX_CANARY = secrets.host
  await host.add('keeper', keeperOf(secrets.neighbour), {
    provides: { keeper: '1.0.0' },
    events: { listens: ['note.**'], emits: [] },
  })
  const keeper = await kernel.use(defineService<Keeper>('keeper', '1.0.0'))
  const said: string[] = []
  const release = kernel.on('**', (data, info) => void said.push(textOf([info.name, info.from, data])))
  const home = standing()
  let intrinsics = fingerprint()
  let serial = 0
  await run({ title: 'is innocent', code: '' }, 'innocent')
  intrinsics = fingerprint() // Node makes some of its own at their first use
  return {
    host,
    lab,
    yard,
    secrets,
    attempt: (attempt) => run(attempt, `guest${++serial}`),
    async [Symbol.asyncDispose]() {
      void release()
      Reflect.deleteProperty(globalThis, '__pryxCanary')
      delete process.env.PRYX_CANARY
      await host[Symbol.asyncDispose]()
    },
  }

  async function run(attempt: Attempt, id: string): Promise<Outcome> {
    said.length = 0
    lab.calls.length = 0
    const eventsBefore = (await keeper.look()).events
    const code = guestOf(attempt, id).replaceAll('CANARY_FILE', JSON.stringify(join(yard, 'canary.txt')))
    await host.add(id, code, {
      ...attempt.manifest,
      provides: { [id]: '1.0.0' },
      permissions: ['lab:own', ...((attempt.manifest?.permissions as string[] | undefined) ?? [])],
    })
    const answer = await answerOf(id)
    said.push(textOf(answer), textOf(kernel.logs(id)), String(kernel.status(id).reason ?? ''))
    const forged = kernel.logs(id).some(({ text }) => text === 'forged')
    await kernel.remove(id)
    const seen = [...(await neighbourSees(eventsBefore)), ...hostSees(id)]
    return { ...answer, seen, forged }
  }

  async function answerOf(id: string): Promise<Pick<Outcome, 'value' | 'code' | 'reached'>> {
    try {
      const guest = await kernel.use(defineService<{ attack(): Promise<unknown> }>(id, '1.0.0'), { timeoutMs: CALL_MS })
      const answer = (await guest.attack()) as { value: unknown; reached: string[] }
      return { value: answer.value, code: '', reached: answer.reached }
    } catch (error) {
      return { value: undefined, code: String((error as { code?: unknown }).code ?? error), reached: [] }
    }
  }

  async function neighbourSees(eventsBefore: number): Promise<string[]> {
    const { secret, marks, events } = await keeper.look()
    const seen = [...marks]
    if (secret !== secrets.neighbour) seen.push('the neighbour has another secret')
    if (events !== eventsBefore) seen.push('the neighbour heard an event')
    return seen
  }

  function hostSees(id: string): string[] {
    const now = standing()
    const seen = (Object.keys(home) as (keyof typeof home)[])
      .filter((what) => now[what] !== home[what])
      .map((what) => `${what} is not what it was`)
    seen.push(...changed(intrinsics, fingerprint()))
    for (const [what, secret] of Object.entries(secrets))
      if (said.some((text) => text.includes(secret))) seen.push(`the secret of the ${what} was said`)
    for (const { plugin, what, args } of lab.calls) {
      if (plugin !== id || what !== 'own') seen.push(`the lab acted on ${what} for ${plugin}`)
      for (const found of foreignIn(args)) seen.push(`the lab was handed ${found}`)
    }
    for (const { plugin, act, outcome, access } of kernel.audit.tail(200))
      if (plugin === id && outcome === 'allowed' && !isOwn(act, access))
        seen.push(`the audit log allows ${act} ${access}`)
    return seen
  }

  /** What must be the same after every attempt. */
  function standing() {
    return {
      canary: textOf(Reflect.get(globalThis, '__pryxCanary')) + process.env.PRYX_CANARY,
      yard: readdirSync(yard).join() + readFileSync(join(yard, 'canary.txt'), 'utf8'),
      process: kernel.host().processes.find(({ plugins }) => plugins.includes('keeper'))?.pid,
      neighbour: textOf(kernel.status('keeper').failures),
    }
  }
}

const OWN = /^(lab:own|events:(on|emit):own\..+)$/

/** Acts a hostile guest may have done: its own part of the lab and its own events, and what the test's consent granted as it came in. */
function isOwn(act: string, access: readonly string[]): boolean {
  return act.startsWith('permission.') || access.every((permission) => OWN.test(permission))
}

function textOf(value: unknown): string {
  try {
    return JSON.stringify(value, (_key, item) => (typeof item === 'bigint' ? String(item) : item)) ?? ''
  } catch (error) {
    return String(error)
  }
}
