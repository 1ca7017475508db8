// bench/src/start.ts: what it costs to start one plugin, and a whole host.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import type { NodeKernel } from '@pryx/kernel'
import { openPluginFolder } from '@pryx/kernel'
import type { Bench } from './bench.ts'
import { pluginFixture, script } from './fixtures.ts'
import { openHost } from './host.ts'
import { openBenchKernel, sandboxPids } from './kernel-for-bench.ts'
import { cpuMs, exactCpuMs, memoryOfTree, ownCpuMs } from './processes.ts'
import { type Figures, interleave, quantile, ratioOf, subjectsOf } from './rounds.ts'

const PLUGINS = 40 // per round: the sandbox process is read in steps of 10 ms
const PEERS = 8
const RESTED = 10
const REST_MS = 100 // an isolate is made ahead 30 ms after the last start
const HOST_SETTLE_MS = 1_500

interface Cost {
  /** ms of CPU. */
  cpu: number
  /** ms by the clock. */
  wall: number
}

export const start: Bench = {
  name: 'start',
  about: 'one plugin to active, against a Worker and a forked process with the same code; a whole host to ready',
  limitMs: 120_000,
  async run(rounds) {
    await using owner = new AsyncDisposableStack()
    const { folder, kb } = await pluginFixture('planner')
    const kernel = await openBenchKernel(owner)
    const pkg = await openPluginFolder(folder)
    await kernel.install(pkg, { id: 'first' }) // the sandbox process runs from here on
    for (let n = 0; n < PLUGINS; n++) await kernel.install(pkg, { id: `planner-${n}` })
    for (let n = 0; n < PLUGINS; n++) await kernel.disable(`planner-${n}`)
    const samples = await interleave(rounds, [
      () => startPlugins(kernel),
      () => startRested(kernel),
      ...(await peerRounds('worker', startWorker)),
      ...(await peerRounds('fork', startFork)),
      await hostRound(owner),
    ])
    const same = `the same ${kb} KB of plugin code`
    return {
      subjects: subjectsOf(samples, {
        'pryx.cpu': [
          'ms CPU',
          `one plugin (${kb} KB bundle) from enable to active in a running sandbox process; kernel and sandbox process, all threads`,
        ],
        'pryx.wall': ['ms', 'the same by the clock, median of a round'],
        'pryxReady.cpu': [
          'ms CPU',
          'the same with a pause before each start, in which the sandbox makes an isolate ahead; making it is not counted',
        ],
        'pryxReady.wall': ['ms', 'the same by the clock, median of a round'],
        'worker.cpu': [
          'ms CPU',
          `a bare worker_threads Worker with ${same} and zod in its bundle, until it has answered`,
        ],
        'worker.wall': ['ms', 'the same by the clock, median of a round'],
        'workerWithoutZod.cpu': ['ms CPU', 'the same with a stand-in for zod that does nothing'],
        'fork.cpu': [
          'ms CPU',
          `a bare child_process.fork with ${same} and zod in its bundle, until it has answered; parent and child`,
        ],
        'fork.wall': ['ms', 'the same by the clock, median of a round'],
        'forkWithoutZod.cpu': ['ms CPU', 'the same with a stand-in for zod that does nothing'],
        'host.ready': ['ms', 'a host with three plugins, from spawn of `node` to all active'],
        'host.rss': ['MB', 'its resident memory when idle, all processes; shared pages count in each'],
        'host.pss': ['MB', 'the same, shared pages counted once'],
      }),
      ratios: {
        pluginStart_vs_worker: ratioOf(samples, 'pryx.cpu', 'worker.cpu', 'less'),
        pluginStart_vs_fork: ratioOf(samples, 'pryx.cpu', 'fork.cpu', 'less'),
        pluginStartReady_vs_worker: ratioOf(samples, 'pryxReady.cpu', 'worker.cpu', 'less'),
        pluginStartReady_vs_fork: ratioOf(samples, 'pryxReady.cpu', 'fork.cpu', 'less'),
        pluginStart_vs_worker_without_zod: ratioOf(samples, 'pryx.cpu', 'workerWithoutZod.cpu', 'less'),
        pluginStart_vs_fork_without_zod: ratioOf(samples, 'pryx.cpu', 'forkWithoutZod.cpu', 'less'),
      },
    }
  },
}

async function startPlugins(kernel: NodeKernel): Promise<Figures> {
  const [pid = 0] = sandboxPids(kernel)
  const took: number[] = []
  const [own, child] = [process.cpuUsage(), cpuMs(pid)]
  for (let n = 0; n < PLUGINS; n++) {
    const startedAt = performance.now()
    await kernel.enable(`planner-${n}`)
    took.push(performance.now() - startedAt)
  }
  const cpu = ownCpuMs(own) + cpuMs(pid) - child
  for (let n = 0; n < PLUGINS; n++) {
    if (kernel.status(`planner-${n}`).stage !== 'active') throw new Error(`planner-${n} did not start`)
    await kernel.disable(`planner-${n}`)
  }
  return { 'pryx.cpu': cpu / PLUGINS, 'pryx.wall': quantile(took, 0.5) }
}

/** One start at a time, as when a plugin wakes, restarts or is edited: an isolate has been made ahead. */
async function startRested(kernel: NodeKernel): Promise<Figures> {
  const [pid = 0] = sandboxPids(kernel)
  const took: number[] = []
  let cpu = 0
  for (let n = 0; n < RESTED; n++) {
    await setTimeout(REST_MS)
    const [own, child, startedAt] = [process.cpuUsage(), exactCpuMs(pid), performance.now()]
    await kernel.enable(`planner-${n}`)
    took.push(performance.now() - startedAt)
    cpu += ownCpuMs(own) + exactCpuMs(pid) - child
  }
  for (let n = 0; n < RESTED; n++) await kernel.disable(`planner-${n}`)
  return { 'pryxReady.cpu': cpu / RESTED, 'pryxReady.wall': quantile(took, 0.5) }
}

/** Rounds of a peer with all of the plugin's code, and without zod. */
async function peerRounds(
  kind: 'worker' | 'fork',
  startOne: (file: string) => Promise<Cost>,
): Promise<(() => Promise<Figures>)[]> {
  const round = (name: string, file: string) => async () => {
    const costs: Cost[] = []
    for (let n = 0; n < PEERS; n++) costs.push(await startOne(file))
    const cpu = costs.reduce((sum, one) => sum + one.cpu, 0) / PEERS
    return {
      [`${name}.cpu`]: cpu,
      [`${name}.wall`]: quantile(
        costs.map(({ wall }) => wall),
        0.5,
      ),
    }
  }
  return [
    round(kind, await script('peers', `planner-${kind}`)),
    round(`${kind}WithoutZod`, await script('peers', `planner-${kind}`, 'without-zod')),
  ]
}

/** Ends outside of what is measured, as plugins do. */
async function startWorker(file: string): Promise<Cost> {
  const [startedAt, since] = [performance.now(), process.cpuUsage()]
  const worker = new Worker(file)
  await once(worker, 'message')
  const cost = { cpu: ownCpuMs(since), wall: performance.now() - startedAt }
  await worker.terminate()
  return cost
}

async function startFork(file: string): Promise<Cost> {
  const [startedAt, since] = [performance.now(), process.cpuUsage()]
  const child = fork(file)
  const [reply] = (await once(child, 'message')) as [{ cpuMs: number }]
  const cost = { cpu: ownCpuMs(since) + reply.cpuMs, wall: performance.now() - startedAt }
  child.disconnect()
  await once(child, 'exit')
  return cost
}

/** Its data folder lives through the rounds: the snapshot is cached, as it is from the second start of any host. */
async function hostRound(owner: AsyncDisposableStack): Promise<() => Promise<Figures>> {
  const file = await script('hosts', 'three-plugins')
  const data = await mkdtemp(join(tmpdir(), 'pryx-bench-host-'))
  owner.defer(() => rm(data, { recursive: true, force: true }))
  const plugins = await Promise.all(
    (['planner', 'echo', 'listener'] as const).map(async (name) => (await pluginFixture(name)).folder),
  )
  return async () => {
    const startedAt = performance.now()
    await using host = await openHost(file, data, ...plugins)
    const ready = performance.now() - startedAt
    await setTimeout(HOST_SETTLE_MS)
    const { rss, pss } = memoryOfTree(host.pid)
    return { 'host.ready': ready, 'host.rss': rss, 'host.pss': pss }
  }
}
