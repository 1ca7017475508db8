// test/hostile/hostile-testing.ts: a siege: one hostile plugin in a town of honest ones, and what the honest ones felt of it.
//   G1  A call that overlaps a replacement of the process of the honest is judged by the bound for replacements, all others by the one for latency.
//   G2  Only a machine that is slow with nobody hostile, shortly before or just after, widens the bounds, by how slow it is; the report says so.
//   G3  A bound that is missed is measured again, twice, and more often on such a machine: a defect is there each time.
import { defineService } from '../../packages/kernel/src/contract/index.ts'
import type { TestKernel } from '../../packages/kernel/src/kernel-testing.ts'
import { after, during, longest, p99Of, quantile, type Town } from './town.ts'

const P99_MS = 20
const REPLACED_MS = 350
const REST_P99_MS = 7 // a town at rest that takes longer is on a machine that is busy with other things
const BUSY_FACTOR = 3
const QUIET_MS = 400 // at rest, before each attack
const SIEGE_MS = 1_500
const FAILURE_MS = 10_000 // until an attack that must fail has failed, at most
const AGAIN_MS = 600 // between blows
const QUIET_CALLS = 400 // last calls at rest that say how slow the machine is
const TRIES = 4
const MOST_TRIES = 6

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
  /** Much like another: only with PRYX_DEEP=1. */
  deep?: boolean
}

export interface SiegeReport {
  /** The hostile plugin. */
  id: string
  calls: number
  failedCalls: string[]
  p50: number
  p99: number
  max: number
  /** Longest call that overlapped a replacement, ms; 0 if there was none. */
  replacedMs: number
  /** What holds for `p99` and `replacedMs`; wider than promised on a busy machine only. */
  bounds: { p99: number; replacedMs: number }
  replacements: { reason: string; culprit?: string }[]
  events: number
  lost: number
  doubled: number
  failures: Failure[]
  /** Failures of which honest plugins were said to be the cause. */
  slandered: string[]
  answers: unknown[]
  tries: number
}

interface Failure {
  plugin: string
  code: string
  message: string
  failures: number
  final: boolean
}

interface Hostile {
  warm(): Promise<void>
  go(): Promise<unknown>
}

export interface Sieges {
  siege(attack: Attack): Promise<SiegeReport>
}

export function createSieges(town: Town): Sieges {
  const quiet = [...town.atRest.samples]
  let serial = 0
  return {
    async siege(attack) {
      let report = await attempt(attack)
      const wasBusy = p99Of(town.atRest.samples) > REST_P99_MS
      for (let tries = 2; missed(report) && tries <= (wasBusy || isWide(report) ? MOST_TRIES : TRIES); tries++)
        report = { ...(await attempt(attack)), tries } // G3
      return report
    },
  }

  async function attempt(attack: Attack): Promise<SiegeReport> {
    await town.ready()
    await rest()
    const report = { ...(await besiege(town, attack, `hostile${++serial}`)), bounds: bounds() }
    if (!missed(report)) return report
    await rest()
    return { ...report, bounds: bounds() }
  }

  async function rest(): Promise<void> {
    quiet.push(...(await town.tick(QUIET_MS)).samples)
    quiet.splice(0, quiet.length - QUIET_CALLS)
  }

  /** G2. */
  function bounds(): SiegeReport['bounds'] {
    const rest = p99Of(quiet)
    if (rest <= REST_P99_MS) return { p99: P99_MS, replacedMs: REPLACED_MS }
    return {
      p99: Math.max(P99_MS, BUSY_FACTOR * rest),
      replacedMs: Math.max(REPLACED_MS, BUSY_FACTOR * town.atRest.replacedMs),
    }
  }
}

/** Whether the machine was so busy that less than what is promised was asked for. */
export function isWide({ bounds }: SiegeReport): boolean {
  return bounds.p99 > P99_MS
}

function missed({ p99, replacedMs, bounds }: SiegeReport): boolean {
  return p99 >= bounds.p99 || replacedMs >= bounds.replacedMs
}

async function besiege(town: Town, attack: Attack, id: string): Promise<Omit<SiegeReport, 'bounds'>> {
  const { kernel } = town.host
  const before = await town.census()
  const failures: Failure[] = []
  const replacements: SiegeReport['replacements'] = []
  const releases = [
    kernel.on('sandbox.replaced', (fact) => replacements.push(fact as never)),
    kernel.on('plugin.failed', (fact) => failures.push(fact as never)),
  ]
  const own = () => failures.filter(({ plugin }) => plugin === id)
  const answers: unknown[] = []
  const [enough, tooLong] = [after(SIEGE_MS), after(FAILURE_MS)]
  const mustFail = attack.fails !== undefined && !attack.mayHold
  const owing = () => (mustFail && own().length === 0) || (attack.answers !== undefined && answers.length === 0)
  const done = () => enough() && (tooLong() || !owing())
  const [watch] = await Promise.all([town.tickUntil(done), assault(town.host, attack, { id, done, answers })])
  await kernel.remove(id).catch(() => {})
  const counted = await town.census()
  for (const release of releases) void release()

  const inOutage = during(watch.samples, town.outages) // G1
  const others = watch.samples.filter((sample) => !inOutage.includes(sample))
  return {
    id,
    calls: watch.samples.length,
    failedCalls: watch.failedCalls,
    p50: quantile(others, 0.5),
    p99: p99Of(others),
    max: longest(others),
    replacedMs: longest(inOutage),
    replacements,
    events: counted.got - before.got,
    lost: counted.lost - before.lost + counted.behind,
    doubled: counted.doubled - before.doubled,
    failures: own(),
    slandered: failures.filter(({ plugin }) => town.isHonest(plugin)).map(({ message }) => message),
    answers,
    tries: 1,
  }
}

/** Installs the hostile plugin and lets it strike, again and again, until the siege is done. */
async function assault(
  { kernel, write }: TestKernel,
  attack: Attack,
  { id, done, answers }: { id: string; done: () => boolean; answers: unknown[] },
): Promise<void> {
  const code = attack.whole
    ? attack.code
    : `export default { activate(ctx) { ctx.provide({ kind: 'service', name: '${id}', version: '1.0.0' }, { warm() {}, go() { ${attack.code} } }) } }`
  const folder = await write(id, code.replaceAll('HOSTILE', id), {
    ...(!attack.whole && { provides: { [id]: '1.0.0' } }),
    ...attack.manifest,
  })
  await kernel.installFolder(folder).catch(() => {})
  if (attack.whole) return
  while (!done()) {
    const hostile = await kernel.use(defineService<Hostile>(id, '1.0.0'), { timeoutMs: 1_500 }).catch(() => undefined)
    if (attack.trusted) for (let n = 0; n < 40; n++) await hostile?.warm().catch(() => {})
    hostile?.go().then(
      (answer) => answers.push(answer),
      (error: unknown) => answers.push(error),
    )
    const rested = after(AGAIN_MS)
    while (!done() && !rested()) await new Promise((next) => setTimeout(next, 20))
  }
}
