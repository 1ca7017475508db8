// bench/src/reload.ts: from a saved edit to live code, while events keep coming; none may be lost or heard twice.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setInterval, setTimeout } from 'node:timers'
import { setTimeout as pause } from 'node:timers/promises'
import { createClock, createReloader, type NodeKernel, openPluginFolder, watchPaths } from '@pryx/kernel'
import { createScope } from '@pryx/kernel/contract'
import { openBuilder } from '@pryx/sdk/build'
import type { Bench } from './bench.ts'
import { benchFolder } from './fixtures.ts'
import { openBenchKernel } from './kernel-for-bench.ts'
import { type Figures, interleave, quantile, subjectsOf } from './rounds.ts'
import { Tally, tallyManifest, tallySource } from './tally.ts'

const EDITS = 12 // per round
const PAUSE_MS = 60 // between two edits, an author's hand being slower still
const LOAD_EVERY_MS = 5
const LOAD_BURST = 5 // 1,000 events a second
const EDIT_LIMIT_MS = 10_000
const WATCHER_READY_MS = 500
const CATCH_UP_MS = 3_000

export const reload: Bench = {
  name: 'reload',
  about: 'edit to live for a 20 KB TypeScript plugin under 1,000 events a second; none lost, none twice',
  limitMs: 120_000,
  async run(rounds) {
    await using owner = new AsyncDisposableStack()
    const plugin = await openEditedPlugin(owner)
    const load = startLoad(owner, plugin)
    const samples = await interleave(rounds, [() => editRound(plugin)])
    const { lost, doubled, sent } = await load.settle()
    if (lost + doubled > 0) failed(`${lost} events were lost and ${doubled} came twice`)
    const counted = (value: number) => ({ unit: 'events', min: value, median: value, max: value, rounds: 1 })
    return {
      subjects: {
        ...subjectsOf(samples, {
          'edit.p50': [
            'ms',
            `from the first byte of a saved edit to the new code serving calls, median of ${EDITS} edits: watch, build, start, hand over`,
          ],
          'edit.p95': ['ms', 'the same, 95th percentile'],
          'build.p50': ['ms', 'of that, esbuild: @pryx/sdk/build with its state kept'],
          'swap.p50': ['ms', 'of that, the kernel: consent check, new isolate, hand-over, switch'],
        }),
        eventsSent: { what: 'events emitted over all edits', ...counted(sent) },
        eventsLost: { what: 'of those, never seen by any version', ...counted(lost) },
        eventsDoubled: { what: 'of those, seen more than once', ...counted(doubled) },
      },
      ratios: {},
    }
  },
}

/** The figures are told all the same. */
function failed(why: string): void {
  console.error(`reload: ${why}`)
  process.exitCode = 1
}

interface EditedPlugin {
  kernel: NodeKernel
  tally: Tally
  /** Saves the next edition and resolves when it serves; answers what that took, ms. */
  edit(): Promise<{ all: number; build: number; swap: number }>
}

async function editRound(plugin: EditedPlugin): Promise<Figures> {
  const took: { all: number; build: number; swap: number }[] = []
  for (let n = 0; n < EDITS; n++) {
    took.push(await plugin.edit())
    await pause(PAUSE_MS)
  }
  const p = (key: 'all' | 'build' | 'swap', q: number) =>
    quantile(
      took.map((one) => one[key]),
      q,
    )
  return {
    'edit.p50': p('all', 0.5),
    'edit.p95': p('all', 0.95),
    'build.p50': p('build', 0.5),
    'swap.p50': p('swap', 0.5),
  }
}

/** The plugin in a folder of its own, below this package so that it finds the SDK; watched as `pryx dev` would. */
async function openEditedPlugin(owner: AsyncDisposableStack): Promise<EditedPlugin> {
  const folder = await writePlugin(owner)
  const builder = owner.use(await openBuilder(folder))
  await builder.build()
  const kernel = await openBenchKernel(owner)
  const id = await kernel.installFolder(folder)
  const tally = await kernel.use(Tally)
  const step = { build: 0, swap: 0 }
  let live = Promise.withResolvers<void>()
  createReloader({
    scope: owner.use(createScope('reload bench')),
    clock: createClock(),
    watch: (onChange) => watchPaths([folder], onChange, { ignore: (path) => path === join(folder, 'dist') }), // as `pryx dev`
    build: () => timed(step, 'build', async () => void (await builder.build())),
    open: () => openPluginFolder(folder),
    current: () => kernel.package(id),
    consent: async () => {}, // the kernel's own reload asks
    swap: (next) => timed(step, 'swap', () => kernel.reload(id, next)),
    onReloaded: () => live.resolve(),
    onError: (error) => live.reject(error),
  })
  await pause(WATCHER_READY_MS)
  let edition = 0
  return { kernel, tally, edit }

  async function edit(): Promise<{ all: number; build: number; swap: number }> {
    live = Promise.withResolvers()
    const late = setTimeout(
      () => live.reject(new Error(`edition ${edition} was not live after ${EDIT_LIMIT_MS} ms`)),
      EDIT_LIMIT_MS,
    )
    const startedAt = performance.now()
    await writeFile(join(folder, 'src/plugin.ts'), tallySource(++edition))
    await live.promise
    const { edition: serving } = await tally.report()
    clearTimeout(late)
    if (serving !== edition) throw new Error(`edition ${serving} serves after edition ${edition} went live`)
    return { all: performance.now() - startedAt, ...step }
  }
}

async function writePlugin(owner: AsyncDisposableStack): Promise<string> {
  await mkdir(join(benchFolder, 'dist'), { recursive: true })
  const folder = await mkdtemp(join(benchFolder, 'dist/edited-'))
  owner.defer(() => rm(folder, { recursive: true, force: true }))
  await mkdir(join(folder, 'src'))
  await writeFile(join(folder, 'package.json'), JSON.stringify(tallyManifest))
  await writeFile(join(folder, 'src/plugin.ts'), tallySource(0))
  return folder
}

async function timed<K extends string>(into: Record<K, number>, key: K, work: () => Promise<void>): Promise<void> {
  const startedAt = performance.now()
  await work()
  into[key] = performance.now() - startedAt
}

interface Load {
  /** Stops, waits until the plugin has caught up, and answers what became of all that was sent. */
  settle(): Promise<{ sent: number; lost: number; doubled: number }>
}

function startLoad(owner: AsyncDisposableStack, { kernel, tally }: EditedPlugin): Load {
  let sent = 0
  const timer = setInterval(() => {
    for (let n = 0; n < LOAD_BURST; n++) kernel.emit('load.came', { n: sent++ })
  }, LOAD_EVERY_MS)
  owner.defer(() => clearInterval(timer))
  return {
    async settle() {
      clearInterval(timer)
      const until = performance.now() + CATCH_UP_MS
      while ((await tally.report()).next < sent && performance.now() < until) await pause(20)
      const { next, lost, doubled } = await tally.report()
      return { sent, lost: lost + sent - next, doubled }
    },
  }
}
