// test/hostile/town.ts: twenty honest plugins on one host, who called them when, and what became of their events and state.
//   T1  Honest calls go out at their time whatever came back before (open loop), so a stall is felt by every call it would delay.
//   T2  Events are numbered from the town's first day to its last: one that is lost or doubled shows, and so does forgotten state.
import { defineService } from '../../packages/kernel/src/contract/index.ts'
import { createTestKernel, type TestKernel } from '../../packages/kernel/src/kernel-testing.ts'

const CITIZENS = 20
const CALL_EVERY_MS = 5 // each time the next citizen
const BEAT_EVERY_MS = 10
const WARM_CALLS = 25 // after which a plugin counts as quick
const AT_REST_MS = 2_000
const SETTLE_MS = 15_000

/** A call from when it was due to its answer, on the host's clock, ms. */
export interface Sample {
  from: number
  to: number
}

export interface Outage extends Sample {
  process: string
}

export interface Watch {
  samples: Sample[]
  failedCalls: string[]
}

/** What the citizens have counted in all their lives. `behind`: events that have not come. */
export interface Census {
  got: number
  lost: number
  doubled: number
  behind: number
}

export interface Town extends AsyncDisposable {
  host: TestKernel
  isHonest(plugin: string): boolean
  /** When the honest were without their process. */
  outages: readonly Outage[]
  /** Calls and beats for `ms`; resolves when all calls are answered. */
  tick(ms: number): Promise<Watch>
  /** The same, until `done` says so. */
  tickUntil(done: () => boolean): Promise<Watch>
  /** Counts once all events have come, or will not. */
  census(): Promise<Census>
  /** All citizens are known for short turns, and a spare process is ready. */
  ready(): Promise<void>
  /** Calls with nobody hostile, and the longest call over a lost process, ms, on this machine at the start. */
  atRest: { samples: readonly Sample[]; replacedMs: number }
}

interface Tally {
  got: number
  next: number
  lost: number
  doubled: number
}
interface Citizen {
  ping(n: number): Promise<number>
  counts(): Promise<{ beats: Tally; walks: Tally }>
}

const name = (i: number): string => `honest${i % CITIZENS}`

/** Counts beats of the host, passes each on to its neighbour, counts what the other neighbour passes on; keeps it all by checkpoints. */
const citizen = (i: number): string => `
const out = { kind: 'event', name: 'walk.${i}', schema: { parse: (x) => x } }
const tally = () => ({ got: 0, next: 0, lost: 0, doubled: 0 })
const note = (tally, n) => {
  tally.got++
  if (n < tally.next) tally.doubled++
  else { tally.lost += n - tally.next; tally.next = n + 1 }
}
export default { activate(ctx) {
  const state = ctx.previous ?? { beats: tally(), walks: tally() }
  ctx.events.on('beat.${i}', (n) => { note(state.beats, n); ctx.checkpoint(state); ctx.emit(out, n).catch(() => {}) }, { capacity: 1000 })
  ctx.events.on('walk.${(i + CITIZENS - 1) % CITIZENS}', (n) => { note(state.walks, n); ctx.checkpoint(state) }, { capacity: 1000 })
  ctx.provide({ kind: 'service', name: '${name(i)}', version: '1.0.0' }, { ping: (n) => n, counts: () => state })
} }`

export async function openTown(): Promise<Town> {
  const host = await createTestKernel({ standby: 'always' })
  const { kernel } = host
  const citizens: Citizen[] = []
  for (let i = 0; i < CITIZENS; i++) {
    const before = (i + CITIZENS - 1) % CITIZENS
    await host.add(name(i), citizen(i), {
      provides: { [name(i)]: '1.0.0' },
      events: { listens: [`beat.${i}`, `walk.${before}`], emits: [`walk.${i}`] },
    })
    citizens.push(await kernel.use(defineService<Citizen>(name(i), '1.0.0')))
  }
  const honest: ReadonlySet<string> = new Set(citizens.map((_, i) => name(i)))
  const outages: Outage[] = []
  const releases = watchOutages()
  let sent = 0
  let beats = 0
  const town: Town = {
    host,
    isHonest: (plugin) => honest.has(plugin),
    outages,
    tick: (ms) => tickUntil(after(ms)),
    tickUntil,
    census,
    ready,
    atRest: { samples: [], replacedMs: 0 },
    async [Symbol.asyncDispose]() {
      for (const release of releases) void release()
      await host[Symbol.asyncDispose]()
    },
  }
  await ready()
  town.atRest = await restOf(town)
  return town

  function watchOutages() {
    let home = kernel.status(name(0)).process
    const isHome = () => [...honest].every((id) => isActiveElsewhere(id, home))
    return [
      kernel.on('sandbox.replaced', (fact) => {
        const { process } = fact as { process: string }
        if (process === home) outages.push({ process, from: performance.now(), to: Number.POSITIVE_INFINITY })
      }),
      kernel.on('plugin.stage', () => {
        const outage = outages.at(-1)
        if (outage === undefined || outage.to < Number.POSITIVE_INFINITY || !isHome()) return
        outage.to = performance.now()
        home = kernel.status(name(0)).process
      }),
    ]
  }

  function isActiveElsewhere(id: string, home: string): boolean {
    const { stage, process } = kernel.status(id)
    return stage === 'active' && process !== home
  }

  async function tickUntil(done: () => boolean): Promise<Watch> {
    const watch: Watch = { samples: [], failedCalls: [] }
    const open = new Set<Promise<void>>()
    const startedAt = performance.now()
    const [firstCall, firstBeat] = [sent, beats]
    for (let last = false; !last; ) {
      last = done() // what is due by then still goes out: a stall at the end is felt too
      const ms = performance.now() - startedAt
      for (; (sent - firstCall) * CALL_EVERY_MS <= ms; sent++) {
        const work = call(watch, sent, startedAt + (sent - firstCall) * CALL_EVERY_MS) // T1
        open.add(work.finally(() => open.delete(work)))
      }
      for (; (beats - firstBeat) * BEAT_EVERY_MS <= ms; beats++)
        kernel.emit(`beat.${beats % CITIZENS}`, Math.floor(beats / CITIZENS)) // T2
      if (!last) await new Promise((next) => setTimeout(next, 1))
    }
    await Promise.all(open)
    return watch
  }

  async function call(watch: Watch, n: number, from: number): Promise<void> {
    try {
      const answer = await citizens[n % CITIZENS]?.ping(n)
      if (answer !== n) watch.failedCalls.push(`${n} was answered ${String(answer)}`)
      watch.samples.push({ from, to: performance.now() })
    } catch (error) {
      watch.failedCalls.push(String(error))
    }
  }

  async function census(): Promise<Census> {
    const late = after(SETTLE_MS)
    for (;;) {
      const census = await count()
      if (census.behind === 0 || late()) return census
      await new Promise((next) => setTimeout(next, 20))
    }
  }

  async function count(): Promise<Census> {
    const sum = { got: 0, lost: 0, doubled: 0, behind: 0 }
    const counts = await Promise.all(citizens.map((one) => one.counts()))
    counts.forEach(({ beats: mine, walks }, i) => {
      for (const tally of [mine, walks]) {
        sum.got += tally.got
        sum.lost += tally.lost
        sum.doubled += tally.doubled
      }
      sum.behind += sentTo(i) - mine.next + sentTo((i + CITIZENS - 1) % CITIZENS) - walks.next
    })
    return sum
  }

  /** Beats sent to citizen `i` so far. */
  function sentTo(i: number): number {
    return Math.floor((beats - i + CITIZENS - 1) / CITIZENS)
  }

  async function ready(): Promise<void> {
    await Promise.all(
      citizens.map(async (one) => {
        for (let n = 0; n < WARM_CALLS; n++) await one.ping(n)
      }),
    )
    const late = after(SETTLE_MS)
    while (!late() && !hasSpare()) await new Promise((next) => setTimeout(next, 10))
    await kernel.settled()
  }

  /** The youngest process is the spare, if nobody lives in it: an older empty one waits for its own plugin to come back. */
  function hasSpare(): boolean {
    const serial = (id: string) => Number(id.split('-').at(-1))
    const { processes } = kernel.host()
    return [...processes].sort((a, b) => serial(a.id) - serial(b.id)).at(-1)?.plugins.length === 0
  }
}

/** What this machine gives the town with nobody hostile in it: calls at peace, then over a process killed from outside. */
async function restOf(town: Town): Promise<Town['atRest']> {
  const quiet = await town.tick(AT_REST_MS)
  const { kernel } = town.host
  const home = kernel.host().processes.find(({ id }) => id === kernel.status(name(0)).process)
  if (home === undefined) throw new Error('the honest live in no process')
  const ticking = town.tick(AT_REST_MS)
  setTimeout(() => process.kill(home.pid, 'SIGKILL'), AT_REST_MS / 4)
  const { samples } = await ticking
  return { samples: quiet.samples, replacedMs: longest(during(samples, town.outages)) }
}

export function during(samples: readonly Sample[], outages: readonly Sample[]): Sample[] {
  return samples.filter(({ from, to }) => outages.some((outage) => from < outage.to && to > outage.from))
}

export function longest(samples: readonly Sample[]): number {
  return Math.max(0, ...samples.map(({ from, to }) => to - from))
}

export function p99Of(samples: readonly Sample[]): number {
  return quantile(samples, 0.99)
}

export function quantile(samples: readonly Sample[], q: number): number {
  const sorted = samples.map(({ from, to }) => to - from).sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0
}

export function after(ms: number): () => boolean {
  const at = performance.now() + ms
  return () => performance.now() >= at
}
