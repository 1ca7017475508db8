// bench/src/dashboard.ts: what a dashboard asks of the scheduler in its sandbox, with 10,000 tasks and a million runs on the real storage.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createKeyFile, nodeCapabilities, openSecrets } from '@pryx/capabilities'
import { createKernel, openPluginFolder } from '@pryx/kernel'
import { buildPlugin } from '@pryx/sdk/build'
import { Scheduler } from '../../plugins/scheduler/src/service.ts'
import type { Bench, BenchResult } from './bench.ts'
import { seedDashboard } from './dashboard-seed.ts'
import { ratioOf, type Samples, subjectsOf } from './rounds.ts'

const FOLDER = join(import.meta.dirname, '../../plugins/scheduler')
const TASKS = 10_000
const RUNS = 100 // of each
const BUDGET_MS = 50
const ASKED = 10 // times a round: what a user feels is the middle of them
const DAY_MS = 86_400_000

/** Each as the page asks it. */
const QUESTIONS = {
  firstPageMs: ['the first page of the list, 50 tasks by name', (face) => face.search({})],
  nextMs: ['by next run', (face) => face.search({ sort: 'next' })],
  lastMs: ['by last run, the newest first', (face) => face.search({ sort: 'last', down: true })],
  costMs: ['by the cost of the month', (face) => face.search({ sort: 'cost', down: true })],
  successMs: ['by success over 30 days', (face) => face.search({ sort: 'success' })],
  textMs: ['by a text that is in 111 names', (face) => face.search({ text: 'task 77' })],
  tagMs: ['of one tag in ten', (face) => face.search({ tag: 'tag-3' })],
  failingMs: ['that fail', (face) => face.search({ state: 'failing' })],
  deepMs: ['the last page', (face) => face.search({ offset: TASKS - 50 })],
  tallyMs: ['how many of each state and tag', (face) => face.tally()],
  liveMs: ['what runs and waits', (face) => face.live()],
  daysMs: ['30 days of all tasks, for the charts', (face) => face.days({ days: 30 })],
  historyMs: ['100 runs of one task', (face) => face.history('seed-5000')],
  rhythmMs: ['what is unusual in them', (face) => face.rhythm('seed-5000')],
  ledgerMs: [
    'the books of one task, 30 days',
    (face) => face.ledger('seed-5000', Date.now() - 30 * DAY_MS, Date.now()),
  ],
} as const satisfies Record<string, readonly [string, (face: Scheduler) => Promise<unknown>]>

export const dashboard: Bench = {
  name: 'dashboard',
  about: 'what the tasks page asks, with 10,000 tasks and a million runs',
  limitMs: 600_000,
  run,
}

async function run(rounds: number): Promise<BenchResult> {
  await buildPlugin(FOLDER)
  const data = await mkdtemp(join(tmpdir(), 'pryx-bench-'))
  const samples = new Map<string, number[]>()
  await withScheduler(data, async (face) => void (await face.list()))
  seedDashboard(join(data, 'plugins', 'scheduler', 'storage.db'), TASKS, RUNS)
  await withScheduler(data, async (face) => {
    for (let round = 0; round <= rounds; round++)
      for (const [name, [, ask]] of Object.entries(QUESTIONS)) {
        const took = await middleOf(() => ask(face))
        if (round > 0) samples.set(name, [...(samples.get(name) ?? []), took]) // the first is to warm up
      }
  })
  await rm(data, { recursive: true, force: true })
  const about = Object.entries(QUESTIONS).map(([name, [what]]) => [name, ['ms', what]] as const)
  return { subjects: subjectsOf(samples, Object.fromEntries(about)), ratios: { slowest_vs_budget: slowest(samples) } }
}

/** The goal against the slowest question: at least 1 is good. */
function slowest(samples: Samples): number {
  const all = new Map([...samples, ['goal', [BUDGET_MS]]])
  return Math.min(...[...samples.keys()].map((name) => ratioOf(all, name, 'goal', 'less')))
}

async function middleOf(ask: () => Promise<unknown>): Promise<number> {
  const times: number[] = []
  for (let i = 0; i < ASKED; i++) {
    const begun = performance.now()
    await ask()
    times.push(performance.now() - begun)
  }
  return times.sort((a, b) => a - b)[ASKED / 2]!
}

async function withScheduler(data: string, work: (face: Scheduler) => Promise<void>): Promise<void> {
  const drivers = nodeCapabilities({
    secrets: openSecrets({ file: join(data, 'secrets.json'), key: createKeyFile(join(data, 'master.key')) }),
    storage: { quotaBytes: 2 ** 31 }, // a million runs take more than the usual 256 MiB
    process: { recordFolder: join(data, 'processes') },
    fs: { guarded: [] },
    http: { port: 0, host: '127.0.0.1', hosts: [] },
  })
  const options = { data, workspace: data, consent: 'declared', standby: 'never' } as const
  const kernel = await createKernel({ ...options, capabilities: Object.values(drivers) })
  try {
    await kernel.install(await openPluginFolder(FOLDER))
    await work(await kernel.use(Scheduler))
  } finally {
    await kernel.stop()
    await drivers.http.close()
  }
}
