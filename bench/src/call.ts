// bench/src/call.ts: a call that crosses the wall and comes back, against the bare channels Node has.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { Bench } from './bench.ts'
import { Echo } from './fixtures/echo/src/service.ts'
import { pluginFixture, script } from './fixtures.ts'
import { openBenchKernel } from './kernel-for-bench.ts'
import { type Figures, interleave, quantile, ratioOf, type Samples, subjectsOf } from './rounds.ts'

const IN_FLIGHT = 64
const ROUND_MS = 1_000
const ALONE_MS = 500
const WARM_ROUNDS = 3 // of each before it counts: V8 takes some hundred thousand calls to compile what carries one
const PAYLOAD = {
  id: 'message-01',
  from: 'bench',
  text: 'A sentence of ordinary length, as people write them.',
  at: 170,
}

/** Sends the payload there and back. */
type RoundTrip = () => Promise<unknown>

const NAMES = {
  pryx: 'kernel.use(token), a sandboxed plugin answers',
  fork_ipc: 'bare fork, process.send there and back',
  worker: 'bare Worker, postMessage there and back',
}

export const call: Bench = {
  name: 'call',
  about: 'host to plugin and back, against process.send of a fork and postMessage of a Worker',
  limitMs: 120_000,
  async run(rounds) {
    await using owner = new AsyncDisposableStack()
    const trips: Record<keyof typeof NAMES, RoundTrip> = {
      pryx: await echoPlugin(owner),
      fork_ipc: await echoFork(owner),
      worker: await echoWorker(owner),
    }
    for (const trip of Object.values(trips)) for (let n = 0; n < WARM_ROUNDS; n++) await throughput(trip)
    const samples = await interleave(
      rounds,
      Object.entries(trips).map(
        ([name, trip]) =>
          () =>
            measure(name, trip),
      ),
    )
    return { subjects: subjectsOf(samples, about()), ratios: ratios(samples) }
  },
}

function about(): Record<string, [string, string]> {
  const bytes = JSON.stringify(PAYLOAD).length
  return Object.fromEntries(
    Object.entries(NAMES).flatMap(([name, how]) => [
      [`${name}.perSecond`, ['calls/s', `${how}; ${IN_FLIGHT} in flight, ${bytes} bytes of JSON each way`]],
      [`${name}.p50`, ['ms', 'one at a time, median of a round']],
      [`${name}.p99`, ['ms', 'one at a time, 99th percentile of a round']],
    ]),
  )
}

function ratios(samples: Samples): Record<string, number> {
  return {
    callsPerSecond_vs_fork_ipc: ratioOf(samples, 'pryx.perSecond', 'fork_ipc.perSecond', 'more'),
    callsPerSecond_vs_worker: ratioOf(samples, 'pryx.perSecond', 'worker.perSecond', 'more'),
    latency_vs_fork_ipc: ratioOf(samples, 'pryx.p50', 'fork_ipc.p50', 'less'),
    latency_vs_worker: ratioOf(samples, 'pryx.p50', 'worker.p50', 'less'),
  }
}

async function measure(name: string, trip: RoundTrip): Promise<Figures> {
  const perSecond = await throughput(trip)
  const took = await alone(trip)
  return {
    [`${name}.perSecond`]: perSecond,
    [`${name}.p50`]: quantile(took, 0.5),
    [`${name}.p99`]: quantile(took, 0.99),
  }
}

async function throughput(trip: RoundTrip): Promise<number> {
  const startedAt = performance.now()
  let done = 0
  const lane = async () => {
    for (; performance.now() - startedAt < ROUND_MS; done++) await trip()
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane))
  return (done * 1_000) / (performance.now() - startedAt)
}

async function alone(trip: RoundTrip): Promise<number[]> {
  const took: number[] = []
  for (const startedAt = performance.now(); performance.now() - startedAt < ALONE_MS; ) {
    const sentAt = performance.now()
    await trip()
    took.push(performance.now() - sentAt)
  }
  return took
}

// ── the participants ───────────────────────────────────────────────────────────────────────────────────────────────

async function echoPlugin(owner: AsyncDisposableStack): Promise<RoundTrip> {
  const kernel = await openBenchKernel(owner)
  await kernel.installFolder((await pluginFixture('echo')).folder)
  const echo = await kernel.use(Echo)
  return () => echo.echo(PAYLOAD)
}

async function echoFork(owner: AsyncDisposableStack): Promise<RoundTrip> {
  const child: ChildProcess = fork(await script('peers', 'echo-fork'))
  owner.defer(async () => {
    child.disconnect()
    await once(child, 'exit')
  })
  return bare(child, () => child.send(PAYLOAD))
}

async function echoWorker(owner: AsyncDisposableStack): Promise<RoundTrip> {
  const worker = new Worker(await script('peers', 'echo-worker'))
  owner.defer(async () => void (await worker.terminate()))
  return bare(worker, () => worker.postMessage(PAYLOAD))
}

/** No ids, no time-outs, no errors: answers come in the order of the questions, so the oldest asker gets the next one. */
function bare(channel: ChildProcess | Worker, send: () => void): RoundTrip {
  const askers: (() => void)[] = []
  let next = 0
  channel.on('message', () => {
    askers[next++]?.()
    if (next < 1_024) return
    askers.splice(0, next)
    next = 0
  })
  return () =>
    new Promise<void>((resolve) => {
      askers.push(resolve)
      send()
    })
}
