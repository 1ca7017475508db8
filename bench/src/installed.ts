// bench/src/installed.ts: a host with many plugins installed and few in use: what those cost that nobody needs yet, and how soon one wakes.
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { NodeKernel } from '@pryx/kernel'
import type { Bench } from './bench.ts'
import { ackEvents, tickEvents } from './fixtures/listener/src/events.ts'
import { pluginFixture, script } from './fixtures.ts'
import { openHost } from './host.ts'
import { openBenchKernel } from './kernel-for-bench.ts'
import { memoryOf } from './processes.ts'
import { type Figures, interleave, quantile, ratioOf, subjectsOf } from './rounds.ts'

const ACTIVE = 50
const INSTALLED = 1_000
const SETTLE_MS = 6_000 // what a start leaves behind is given back within some seconds
const WAKES = 20 // per round
const HIBERNATE_AFTER_MS = 100

export const installed: Bench = {
  name: 'installed',
  about: `${INSTALLED} plugins installed and ${ACTIVE} of them in use, against ${ACTIVE} installed; an event that wakes one`,
  limitMs: 300_000,
  async run(rounds) {
    await using owner = new AsyncDisposableStack()
    const root = await mkdtemp(join(tmpdir(), 'pryx-bench-installed-'))
    owner.defer(() => rm(root, { recursive: true, force: true }))
    const { folder } = await pluginFixture('listener')
    for (let n = 0; n < INSTALLED; n++)
      await copyOf(folder, join(root, 'plugins', String(n)), `copy-${n}`, n < ACTIVE ? ['startup'] : ['event:tick.*'])
    await copyOf(folder, join(root, 'sleeper'), 'sleeper', ['event:tick.*'])
    const host = await script('hosts', 'installed-plugins')
    const kernel = await openBenchKernel(owner, { hibernateAfterMs: HIBERNATE_AFTER_MS })
    await kernel.installFolder(join(root, 'sleeper'))
    const samples = await interleave(rounds, [
      () => readiness('few', host, root, ACTIVE),
      () => readiness('many', host, root, INSTALLED),
      () => wakes(kernel),
    ])
    return {
      subjects: subjectsOf(samples, {
        'few.ready': ['ms', `a host with ${ACTIVE} plugins installed, from spawn of \`node\` to all active`],
        'few.rss': ['MB', 'its resident memory when idle, all processes'],
        'many.ready': [
          'ms',
          `the same with ${INSTALLED} installed, of which the other ${INSTALLED - ACTIVE} wait for their event`,
        ],
        'many.rss': ['MB', 'its resident memory when idle, all processes'],
        'many.pss': ['MB', 'the same, shared pages counted once'],
        'wake.p50': [
          'ms',
          'an event for a plugin that sleeps, from emit to the answer of its handler, median of a round',
        ],
        'wake.p99': ['ms', 'the same, 99th percentile of a round'],
      }),
      ratios: { ready_vs_few_installed: ratioOf(samples, 'many.ready', 'few.ready', 'less') },
    }
  },
}

/** The plugin in `from` as another package, started by `activation`. */
async function copyOf(from: string, to: string, name: string, activation: string[]): Promise<void> {
  await mkdir(to, { recursive: true })
  await cp(join(from, 'dist'), join(to, 'dist'), { recursive: true })
  const manifest = JSON.parse(await readFile(join(from, 'package.json'), 'utf8')) as { pryx: object }
  await writeFile(
    join(to, 'package.json'),
    JSON.stringify({ ...manifest, name, pryx: { ...manifest.pryx, activation } }),
  )
}

async function readiness(name: string, file: string, root: string, count: number): Promise<Figures> {
  const data = join(root, `data-${name}`) // kept: the first round, not counted, asks for consent
  await mkdir(data, { recursive: true })
  const startedAt = performance.now()
  await using host = await openHost(file, data, join(root, 'plugins'), String(count))
  const ready = performance.now() - startedAt
  await setTimeout(SETTLE_MS)
  const pids = [host.pid, ...(JSON.parse(await host.ask('pids')) as number[])]
  const total = (key: 'rss' | 'pss') => pids.reduce((sum, pid) => sum + memoryOf(pid)[key], 0)
  return { [`${name}.ready`]: ready, [`${name}.rss`]: total('rss'), [`${name}.pss`]: total('pss') }
}

async function wakes(kernel: NodeKernel): Promise<Figures> {
  const took: number[] = []
  for (let n = 0; n < WAKES; n++) {
    while (kernel.status('sleeper').process !== '') await setTimeout(20)
    await setTimeout(50) // the machine is at rest, as it would be
    const answered = Promise.withResolvers<void>()
    const release = kernel.on(ackEvents.heard, () => answered.resolve())
    const sentAt = performance.now()
    kernel.emit(tickEvents.came, { n, acknowledge: true })
    await answered.promise
    took.push(performance.now() - sentAt)
    await release()
  }
  return { 'wake.p50': quantile(took, 0.5), 'wake.p99': quantile(took, 0.99) }
}
