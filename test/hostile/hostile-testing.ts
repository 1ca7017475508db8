// test/hostile/hostile-testing.ts: a siege: one hostile plugin among three honest ones, and what the honest ones felt of it.
//   G1  Honest calls go out at their time whatever came back before (open loop), so a stall is felt by every call it would delay.
//   G2  A call that overlaps a process replacement is judged by the bound for replacements, all others by the one for latency.
//   G3  A bound that is missed is measured again, twice, and more often while the machine is busy with other things: a defect is there each time.
import { readFileSync } from 'node:fs'
import { defineService } from '../../packages/kernel/src/contract/index.ts'
import { createTestKernel, type TestKernel } from '../../packages/kernel/src/kernel-testing.ts'

export const P99_MS = 50
export const REPLACED_MS = 500
const PACE_MS = 5
const BEAT_MS = 10
const QUIET_MS = 200 // before the attack
const AGAIN_MS = 700 // between blows
const TRIES = 3
const MOST_TRIES = 6 // on a machine that is busy with other things
const STARVED = 0.3

export interface Attack {
  /** Goes on from "K3: a plugin …". */
  title: string
  /** Body of the hostile method `go`, run in blows; or the whole module where `whole` is set. */
  code: string
  whole?: boolean
  manifest?: Record<string, unknown>
  /** Show short turns first, so that the blow falls on the lane honest plugins share. */
  trusted?: boolean
  /** Code the kernel must name it with; absent: it does harm to nobody and must not fail. */
  fails?: string | RegExp
  /** It need not fail: what it tries may be fended off before it comes to that. */
  mayHold?: boolean
  /** What `go` must answer. */
  answers?: unknown
  seconds?: number
  /** Much like another: only with PRYX_DEEP=1. */
  deep?: boolean
}

export interface SiegeReport {
  calls: number
  failedCalls: string[]
  p50: number
  p99: number
  max: number
  /** Longest call that overlapped a replacement, ms; 0 if there was none. */
  replacedMs: number
  replacements: { reason: string; culprit?: string }[]
  lost: number
  doubled: number
  beats: number
  failures: { code: string; message: string; failures: number; final: boolean }[]
  answers: unknown[]
  /** Share of the siege this thread was ready to run and no processor was free. */
  starved: number
}

interface Honest {
  ping(n: number): Promise<number>
}
interface Counter extends Honest {
  count(): Promise<{ got: number; lost: number; doubled: number }>
}
interface Hostile {
  warm(): Promise<void>
  go(): Promise<unknown>
}

const HONEST = ['echo', 'relay', 'counter'] as const

const sources: Record<(typeof HONEST)[number], string> = {
  echo: `export default { activate(ctx) { ctx.provide({ kind: 'service', name: 'echo', version: '1.0.0' }, { ping: (n) => n }) } }`,
  relay: `const out = { kind: 'event', name: 'relay.beat', schema: { parse: (x) => x } }
export default { activate(ctx) {
  ctx.events.on('beat.n', (n) => { ctx.emit(out, n).catch(() => {}) }, { capacity: 1000 })
  ctx.provide({ kind: 'service', name: 'relay', version: '1.0.0' }, { ping: async (n) => n })
} }`,
  counter: `export default { activate(ctx) {
  const state = ctx.previous ?? { got: 0, lost: 0, doubled: 0, next: undefined }
  ctx.events.on('relay.beat', (n) => {
    state.got++
    if (state.next !== undefined && n > state.next) state.lost += n - state.next
    if (state.next !== undefined && n < state.next) state.doubled++
    else state.next = n + 1
    ctx.checkpoint(state)
  }, { capacity: 1000 })
  ctx.provide({ kind: 'service', name: 'counter', version: '1.0.0' }, {
    ping: async (n) => { await null; return n },
    count: () => state,
  })
} }`,
}

/** The honest town: a kernel with the three plugins, used for siege after siege. */
export interface Town extends AsyncDisposable {
  host: TestKernel
  siege(attack: Attack): Promise<SiegeReport>
}

export async function openTown(): Promise<Town> {
  const host = await createTestKernel({ standby: 'always' })
  await host.add('counter', sources.counter, {
    provides: { counter: '1.0.0' },
    events: { listens: ['relay.beat'], emits: [] },
  })
  await host.add('relay', sources.relay, {
    provides: { relay: '1.0.0' },
    events: { listens: ['beat.n'], emits: ['relay.*'] },
  })
  await host.add('echo', sources.echo, { provides: { echo: '1.0.0' } })
  let serial = 0
  return {
    host,
    async siege(attack) {
      let report = await besiege(host, attack, `hostile${++serial}`)
      for (let tries = 1; missed(report) && tries < (report.starved > STARVED ? MOST_TRIES : TRIES); tries++)
        report = await besiege(host, attack, `hostile${++serial}`) // G3
      return report
    },
    [Symbol.asyncDispose]: () => host[Symbol.asyncDispose](),
  }
}

function missed({ p99, replacedMs }: SiegeReport): boolean {
  return p99 >= P99_MS || replacedMs >= REPLACED_MS
}

interface Sample {
  from: number
  to: number
}

async function besiege(host: TestKernel, attack: Attack, id: string): Promise<SiegeReport> {
  const { kernel } = host
  await standbyReady(host)
  const honest = await Promise.all(HONEST.map((name) => kernel.use(defineService<Honest>(name, '1.0.0'))))
  for (const service of honest) for (let n = 0; n < 30; n++) await service.ping(n)
  const counter = await kernel.use(defineService<Counter>('counter', '1.0.0'))
  const before = await counter.count()
  const samples: Sample[] = []
  const failedCalls: string[] = []
  const outages: Sample[] = []
  const replacements: SiegeReport['replacements'] = []
  const failures: SiegeReport['failures'] = []
  const down = new Set<string>()
  const releases = [
    kernel.on('sandbox.replaced', (fact) => {
      replacements.push(fact as never)
      outages.push({ from: performance.now(), to: Number.POSITIVE_INFINITY })
    }),
    kernel.on('plugin.failed', (fact) => (fact as { plugin: string }).plugin === id && failures.push(fact as never)),
    kernel.on('plugin.stage', (fact) => {
      const { plugin, stage } = fact as { plugin: string; stage: string }
      if (!(HONEST as readonly string[]).includes(plugin)) return
      if (stage === 'active') down.delete(plugin)
      else down.add(plugin)
      if (down.size === 0) for (const outage of outages) outage.to = Math.min(outage.to, performance.now())
    }),
  ]
  const seconds = attack.seconds ?? 3.1
  const startedAt = performance.now()
  const waitedAtStart = waitedMs()
  const until = startedAt + seconds * 1_000
  const open = new Set<Promise<void>>()
  let sent = 0
  let beats = 0
  const answers: unknown[] = []
  const attacking = assault(host, attack, { id, until, answers })
  while (performance.now() < until) {
    const now = performance.now()
    for (; startedAt + sent * PACE_MS <= now; sent++) call(startedAt + sent * PACE_MS, sent) // G1
    for (; startedAt + beats * BEAT_MS <= now; beats++) kernel.emit('beat.n', beats + before.got)
    await new Promise((done) => setTimeout(done, 1))
  }
  const lasted = performance.now() - startedAt
  const starved = (waitedMs() - waitedAtStart) / lasted
  await Promise.all(open)
  await attacking
  await settledCount()
  await kernel.remove(id).catch(() => {})
  for (const release of releases) void release()
  const after = await counter.count()

  const doubled = after.doubled - before.doubled
  const inOutage = samples.filter((sample) =>
    outages.some((outage) => sample.from < outage.to && sample.to > outage.from),
  ) // G2
  const others = samples
    .filter((sample) => !inOutage.includes(sample))
    .map(length)
    .sort((a, b) => a - b)
  return {
    calls: samples.length,
    failedCalls,
    p50: quantile(others, 0.5),
    p99: quantile(others, 0.99),
    max: others.at(-1) ?? 0,
    replacedMs: Math.max(0, ...inOutage.map(length)),
    replacements,
    lost: beats - (after.got - before.got - doubled),
    doubled,
    beats,
    failures,
    answers,
    starved,
  }

  function call(at: number, n: number): void {
    const service = honest[n % honest.length] as Honest
    const work = service.ping(n).then(
      (answer) => {
        if (answer !== n) failedCalls.push(`${n} was answered ${String(answer)}`)
        samples.push({ from: at, to: performance.now() })
      },
      (error: unknown) => void failedCalls.push(String(error)),
    )
    open.add(work.finally(() => open.delete(work)))
  }

  async function settledCount(): Promise<void> {
    const deadline = performance.now() + 3_000
    while (performance.now() < deadline) {
      const { got } = await counter.count()
      if (got - before.got >= beats) return
      await new Promise((done) => setTimeout(done, 20))
    }
  }
}

/** Installs the hostile plugin and lets it strike, again and again, until `until`. */
async function assault(
  { kernel, write }: TestKernel,
  attack: Attack,
  { id, until, answers }: { id: string; until: number; answers: unknown[] },
): Promise<void> {
  await new Promise((done) => setTimeout(done, QUIET_MS))
  const code = attack.whole
    ? attack.code
    : `export default { activate(ctx) { ctx.provide({ kind: 'service', name: '${id}', version: '1.0.0' }, { warm() {}, go() { ${attack.code} } }) } }`
  const folder = await write(id, code.replaceAll('HOSTILE', id), {
    ...(!attack.whole && { provides: { [id]: '1.0.0' } }),
    ...attack.manifest,
  })
  await kernel.installFolder(folder).catch(() => {})
  if (attack.whole) return
  while (performance.now() < until - 300) {
    const hostile = await kernel.use(defineService<Hostile>(id, '1.0.0'), { timeoutMs: 5_000 }).catch(() => undefined)
    if (attack.trusted) for (let n = 0; n < 40; n++) await hostile?.warm().catch(() => {})
    hostile?.go().then(
      (answer) => answers.push(answer),
      (error: unknown) => answers.push(error),
    )
    await new Promise((done) => setTimeout(done, AGAIN_MS))
  }
}

async function standbyReady({ kernel }: TestKernel): Promise<void> {
  const deadline = performance.now() + 5_000
  while (performance.now() < deadline) {
    const { processes } = kernel.host()
    if (processes.some(({ plugins }) => plugins.length === 0)) break
    await new Promise((done) => setTimeout(done, 20))
  }
  await kernel.settled()
}

/** ms this thread was ready to run and no processor was free, since it started; 0 where the system does not say. */
function waitedMs(): number {
  try {
    return Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[1]) / 1e6
  } catch {
    return 0
  }
}

function length({ from, to }: Sample): number {
  return to - from
}

function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0
}
