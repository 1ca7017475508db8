// bench/src/events.ts: what one event costs: to listeners in the kernel's process, and to plugins in the sandbox.
import type { NodeKernel } from '@pryx/kernel'
import { openPluginFolder } from '@pryx/kernel'
import * as cordis4 from 'cordis'
import { Context as Context3 } from 'cordis-3'
import { EventEmitter } from 'eventemitter3'
import type { Bench } from './bench.ts'
import { ackEvents, tickEvents } from './fixtures/listener/src/events.ts'
import { pluginFixture } from './fixtures.ts'
import { openBenchKernel, sandboxPids } from './kernel-for-bench.ts'
import { cpuMs, ownCpuMs } from './processes.ts'
import { type Figures, interleave, quantile, ratioOf, subjectsOf } from './rounds.ts'

const LISTENERS = 10
const ROUND_MS = 300
const SLICE = 1_000 // emits between two looks at the clock
const FAN_OUTS = [1, 10, 100]
const BURST = 20 // events on the way at once: below the window of a subscription, so none waits in the kernel
const FAN_OUT_MS = 700

type Emit = (payload: object) => void

/** What all the emitters have in common. */
interface Channel {
  on(name: string, listener: () => void): unknown
  emit(name: string, payload: object): unknown
}

export const events: Bench = {
  name: 'events',
  about: 'emit to listeners in the process, against eventemitter3 and cordis; one event to 1, 10 and 100 plugins',
  limitMs: 150_000,
  async run(rounds) {
    await using owner = new AsyncDisposableStack()
    const inKernel = await interleave(
      rounds,
      Object.entries(await emitters(owner)).map(
        ([name, emit]) =>
          () =>
            emitRound(name, emit),
      ),
    )
    const fanOuts: (() => Promise<Figures>)[] = []
    for (const plugins of FAN_OUTS) fanOuts.push(await fanOut(owner, plugins))
    const toPlugins = await interleave(rounds, fanOuts)
    return {
      subjects: {
        ...subjectsOf(inKernel, aboutEmit()),
        ...subjectsOf(toPlugins, Object.assign({}, ...FAN_OUTS.map(aboutFanOut))),
      },
      ratios: {
        emit_vs_eventemitter3: ratioOf(inKernel, 'pryx.emits', 'eventemitter3.emits', 'more'),
        emit_vs_cordis: ratioOf(inKernel, 'pryx.emits', 'cordis.emits', 'more'),
        emit_vs_cordis3: ratioOf(inKernel, 'pryx.emits', 'cordis3.emits', 'more'),
      },
    }
  },
}

function aboutEmit(): Record<string, [string, string]> {
  const rest = `${LISTENERS} listeners in the same process, one small object`
  return {
    'pryx.emits': ['emits/s', `kernel.emit, ${rest}; each event with its time, publisher and trace`],
    'eventemitter3.emits': ['emits/s', `eventemitter3's emit, ${rest}`],
    'cordis.emits': ['emits/s', `ctx.emit of cordis 4, ${rest}`],
    'cordis3.emits': ['emits/s', `ctx.emit of cordis 3, ${rest}`],
  }
}

function aboutFanOut(plugins: number): Record<string, [string, string]> {
  const one = `one event to ${plugins} sandboxed plugin${plugins === 1 ? '' : 's'}`
  return {
    [`fanOut${plugins}.kernelCpu`]: [
      'ms CPU',
      `${one}, each handles and acknowledges it: CPU of the kernel's process, ${BURST} events at a time`,
    ],
    [`fanOut${plugins}.sandboxCpu`]: ['ms CPU', 'the same, CPU of the sandbox process'],
    [`fanOut${plugins}.allAcked`]: [
      'ms',
      `${one}, until the host has heard an event back from each; alone, median of a round`,
    ],
  }
}

// ── in the process ─────────────────────────────────────────────────────────────────────────────────────────────────

async function emitters(owner: AsyncDisposableStack): Promise<Record<string, Emit>> {
  const heard = { n: 0 }
  const listener = () => {
    heard.n++
  }
  const kernel = await openBenchKernel(owner)
  const emitter = new EventEmitter()
  const { Context } = cordis4 as unknown as { Context: new () => Channel } // its declarations do not resolve under nodenext
  const contexts = [new Context(), new Context3() as unknown as Channel]
  for (let n = 0; n < LISTENERS; n++) {
    kernel.on('tick.came', listener)
    for (const one of [emitter as Channel, ...contexts]) one.on('tick.came', listener)
  }
  const [cordis, cordis3] = contexts
  return {
    pryx: (payload) => kernel.emit('tick.came', payload),
    eventemitter3: (payload) => void emitter.emit('tick.came', payload),
    cordis: (payload) => cordis?.emit('tick.came', payload),
    cordis3: (payload) => cordis3?.emit('tick.came', payload),
  }
}

async function emitRound(name: string, emit: Emit): Promise<Figures> {
  const startedAt = performance.now()
  let emitted = 0
  for (; performance.now() - startedAt < ROUND_MS; emitted += SLICE) {
    for (let n = 0; n < SLICE; n++) emit({ n })
  }
  return { [`${name}.emits`]: (emitted * 1_000) / (performance.now() - startedAt) }
}

// ── to plugins ─────────────────────────────────────────────────────────────────────────────────────────────────────

async function fanOut(owner: AsyncDisposableStack, plugins: number): Promise<() => Promise<Figures>> {
  const kernel = await openBenchKernel(owner)
  const pkg = await openPluginFolder((await pluginFixture('listener')).folder)
  for (let n = 0; n < plugins; n++) await kernel.install(pkg, { id: `listener-${n}` })
  const askAll = asker(kernel, plugins)
  return async () => {
    const cpu = await fanOutCpu(kernel, askAll)
    const took = await fanOutAlone(askAll)
    return {
      [`fanOut${plugins}.kernelCpu`]: cpu.kernel,
      [`fanOut${plugins}.sandboxCpu`]: cpu.sandbox,
      [`fanOut${plugins}.allAcked`]: quantile(took, 0.5),
    }
  }
}

/** Emits an event that every plugin answers, and waits for all answers. One at a time. */
function asker(kernel: NodeKernel, plugins: number): () => Promise<void> {
  let missing = 0
  let done = (): void => {}
  kernel.on(ackEvents.heard, () => {
    if (--missing === 0) done()
  })
  return () =>
    new Promise((resolve) => {
      missing = plugins
      done = resolve
      kernel.emit(tickEvents.came, { n: 0, acknowledge: true })
    })
}

/** Only the last event of a burst is answered: the answers of all would be measured too. */
async function fanOutCpu(
  kernel: NodeKernel,
  askAll: () => Promise<void>,
): Promise<{ kernel: number; sandbox: number }> {
  const [pid = 0] = sandboxPids(kernel)
  const [startedAt, own, child] = [performance.now(), process.cpuUsage(), cpuMs(pid)]
  let sent = 0
  for (; performance.now() - startedAt < FAN_OUT_MS; sent += BURST) {
    for (let n = 1; n < BURST; n++) kernel.emit(tickEvents.came, { n, acknowledge: false })
    await askAll()
  }
  return { kernel: ownCpuMs(own) / sent, sandbox: (cpuMs(pid) - child) / sent }
}

async function fanOutAlone(askAll: () => Promise<void>): Promise<number[]> {
  const took: number[] = []
  for (const startedAt = performance.now(); performance.now() - startedAt < FAN_OUT_MS; ) {
    const sentAt = performance.now()
    await askAll()
    took.push(performance.now() - sentAt)
  }
  return took
}
