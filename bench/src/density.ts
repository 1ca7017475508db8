// bench/src/density.ts: what an idle plugin keeps in memory, against an idle Worker with the same code.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { Bench } from './bench.ts'
import { pluginFixture, script } from './fixtures.ts'
import { openHost } from './host.ts'
import { memoryOf } from './processes.ts'
import { type Figures, interleave, ratioOf, subjectsOf } from './rounds.ts'

const PLUGINS = 500
const WORKERS = 40
const SETTLE_MS = 1_000

export const density: Bench = {
  name: 'density',
  about: `${PLUGINS} idle plugins in one host, against idle Workers with the same code`,
  limitMs: 300_000,
  async run(rounds) {
    await using owner = new AsyncDisposableStack()
    const { folder, kb } = await pluginFixture('planner')
    const data = await mkdtemp(join(tmpdir(), 'pryx-bench-density-'))
    owner.defer(() => rm(data, { recursive: true, force: true }))
    const [host, workers] = [await script('hosts', 'many-plugins'), await script('hosts', 'many-workers')]
    const files = {
      worker: await script('peers', 'planner-worker'),
      workerWithoutZod: await script('peers', 'planner-worker', 'without-zod'),
    }
    const participants = [
      () => plugins(host, data, folder),
      ...Object.entries(files).map(
        ([name, file]) =>
          () =>
            workersOf(name, workers, file),
      ),
    ]
    const samples = await interleave(rounds, participants, { cold: true })
    return {
      subjects: subjectsOf(samples, {
        'plugin.sandbox': [
          'MB',
          `resident memory the sandbox process grew by, per plugin (${kb} KB bundle), ${PLUGINS} idle in one host`,
        ],
        'plugin.kernel': ['MB', "resident memory the kernel's process grew by, per plugin"],
        'plugin.all': ['MB', 'both together'],
        worker: [
          'MB',
          `resident memory a process grew by per bare Worker with the same code and zod in its bundle, ${WORKERS} idle`,
        ],
        workerWithoutZod: ['MB', 'the same with a stand-in for zod that does nothing'],
        'plugin.start': ['ms', `time by the clock until all ${PLUGINS} are active, per plugin`],
      }),
      ratios: {
        memory_vs_worker: ratioOf(samples, 'plugin.all', 'worker', 'less'),
        memory_vs_worker_without_zod: ratioOf(samples, 'plugin.all', 'workerWithoutZod', 'less'),
      },
    }
  },
}

async function plugins(file: string, data: string, folder: string): Promise<Figures> {
  await using host = await openHost(file, data, folder)
  const sandbox = JSON.parse(await host.ask('pids')) as number[]
  const [kernelBefore, sandboxBefore] = [memoryOf(host.pid).rss, sum(sandbox)]
  const startedAt = performance.now()
  const after = JSON.parse(await host.ask(String(PLUGINS))) as number[]
  const took = performance.now() - startedAt
  if (after.length !== sandbox.length)
    throw new Error(`the plugins did not stay in one process: ${after.length} processes`)
  await setTimeout(SETTLE_MS)
  const kernel = (memoryOf(host.pid).rss - kernelBefore) / PLUGINS
  const child = (sum(after) - sandboxBefore) / PLUGINS
  return {
    'plugin.sandbox': child,
    'plugin.kernel': kernel,
    'plugin.all': kernel + child,
    'plugin.start': took / PLUGINS,
  }
}

async function workersOf(name: string, file: string, code: string): Promise<Figures> {
  await using host = await openHost(file, code)
  const before = memoryOf(host.pid).rss
  await host.ask(String(WORKERS))
  await setTimeout(SETTLE_MS)
  return { [name]: (memoryOf(host.pid).rss - before) / WORKERS }
}

function sum(pids: readonly number[]): number {
  return pids.reduce((total, pid) => total + memoryOf(pid).rss, 0)
}
