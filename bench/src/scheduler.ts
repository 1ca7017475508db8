// bench/src/scheduler.ts: the scheduler in its sandbox on the real storage: jobs a second, and what a million tasks cost.
//   Every commit is on disk before it is acknowledged (survives a power cut). Peers that need a server (BullMQ, pg-boss, graphile-worker)
//   are not measured yet: a line says so.
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { createKeyFile, nodeCapabilities, openSecrets } from '@pryx/capabilities'
import { createKernel, type NodeKernel, openPluginFolder } from '@pryx/kernel'
import { buildPlugin } from '@pryx/sdk/build'
import { Scheduler, taskEvents } from '../../plugins/scheduler/src/service.ts'
import type { Bench, BenchResult } from './bench.ts'
import { ratioOf, type Samples, subjectsOf } from './rounds.ts'

const FOLDER = join(import.meta.dirname, '../../plugins/scheduler')
const MANY = 1_000_000
const JOBS = 1_000
const IN_FLIGHT = 32
const ROUND_JOBS = 50 // of one task: as many as may wait
const HOUR_MS = 3_600_000
const ABOUT = {
  jobs: ['1/s', `jobs queued, started, done and recorded, ${IN_FLIGHT} in flight, durable`],
  firstFireMs: ['ms', `kernel and scheduler start to the first run, with ${MANY.toLocaleString('en-US')} tasks`],
  lateMs: ['ms', 'a task made for an instant: from it to its start, with as many'],
  overviewMs: ['ms', 'a dashboard page of 200 tasks, with as many'],
  memoryMb: ['MB', 'resident memory of kernel and its processes above that with no task'],
} as const

export const scheduler: Bench = {
  name: 'scheduler',
  about: 'jobs a second, and a million tasks: start, lateness, memory, dashboard',
  limitMs: 600_000,
  run,
}

async function run(rounds: number): Promise<BenchResult> {
  console.error('BullMQ, pg-boss and graphile-worker are left out: their servers are not started by this bench yet')
  await buildPlugin(FOLDER)
  const samples = new Map<string, number[]>()
  const add = (name: string, value: number) => samples.set(name, [...(samples.get(name) ?? []), value])
  const idleMb = await withHost(await emptyFolder(), async ({ kernel }) => residentMb(kernel))
  const folder = await emptyFolder()
  await withHost(folder, async ({ face }) => void (await face.list()))
  seed(folder)
  for (let round = 0; round < rounds; round++) {
    const jobsFolder = await emptyFolder()
    add('jobs', await withHost(jobsFolder, jobsPerSecond))
    makeOneDue(folder)
    const begun = performance.now()
    await withHost(folder, async (host) => {
      await host.firstDue
      add('firstFireMs', performance.now() - begun)
      add('lateMs', await lateness(host))
      const asked = performance.now()
      await host.face.overview({ limit: 200 })
      add('overviewMs', performance.now() - asked)
      add('memoryMb', (await residentMb(host.kernel)) - idleMb)
    })
    await rm(jobsFolder, { recursive: true, force: true })
  }
  await rm(folder, { recursive: true, force: true })
  return { subjects: subjectsOf(samples, ABOUT), ratios: budgets(samples) }
}

interface BenchHost {
  kernel: NodeKernel
  face: Scheduler
  firstDue: Promise<unknown>
}

async function withHost<T>(data: string, work: (host: BenchHost) => Promise<T>): Promise<T> {
  const drivers = nodeCapabilities({
    secrets: openSecrets({ file: join(data, 'secrets.json'), key: createKeyFile(join(data, 'master.key')) }),
    storage: {},
    process: { recordFolder: join(data, 'processes') },
    fs: { guarded: [] },
    http: { port: 0, host: '127.0.0.1', hosts: [] },
  })
  const kernel = await createKernel({
    data,
    workspace: data,
    consent: 'declared',
    standby: 'never',
    capabilities: Object.values(drivers),
  })
  const due = Promise.withResolvers<unknown>()
  kernel.on(taskEvents.due, (payload) => due.resolve(payload))
  try {
    await kernel.install(await openPluginFolder(FOLDER))
    return await work({ kernel, face: await kernel.use(Scheduler), firstDue: due.promise })
  } finally {
    await kernel.stop()
    await drivers.http.close()
  }
}

/** No-op jobs, each queued, begun, reported and counted. */
async function jobsPerSecond({ kernel, face }: BenchHost): Promise<number> {
  let left = JOBS
  const done = Promise.withResolvers<void>()
  kernel.on(taskEvents.due, (due) => void face.complete(due.runId, { ok: true }).catch(done.reject))
  kernel.on(taskEvents.finished, () => {
    if (--left === 0) done.resolve()
  })
  const tasks: string[] = []
  for (let i = 0; i < IN_FLIGHT; i++)
    tasks.push(
      (
        await face.create({
          name: `job ${i}`,
          trigger: { kind: 'manual' },
          overlap: { kind: 'allow', max: ROUND_JOBS },
        })
      ).id,
    )
  const begun = performance.now()
  await Promise.all(
    tasks.map((id, i) => queue(face, id, Math.floor(JOBS / IN_FLIGHT) + (i < JOBS % IN_FLIGHT ? 1 : 0))),
  )
  await done.promise
  return JOBS / ((performance.now() - begun) / 1_000)
}

async function queue(face: Scheduler, id: string, jobs: number): Promise<void> {
  for (let i = 0; i < jobs; i++) await face.runNow(id)
}

async function lateness({ kernel, face }: BenchHost): Promise<number> {
  const at = Date.now() + 1_500
  const name = `late ${at}`
  const started = Promise.withResolvers<number>()
  kernel.on(taskEvents.due, (due) => due.name === name && started.resolve(Date.now() - at))
  await face.create({ name, trigger: { kind: 'once', at } })
  return started.promise
}

/** Rows as the scheduler writes them; nothing of them is due for hours. */
function seed(data: string): void {
  const db = new DatabaseSync(databaseOf(data))
  const spec = JSON.stringify({
    ...{
      trigger: { kind: 'cron', expression: '0 9 * * *', timeZone: 'UTC' },
      action: { kind: 'event' },
      misfire: { kind: 'run-once' },
    },
    ...{
      overlap: 'skip',
      timeoutMs: 600_000,
      retry: { attempts: 0, backoffMs: 60_000, factor: 2, growth: 'exponential', maxDelayMs: 0, jitter: 0 },
    },
  })
  const insert = db.prepare(
    `INSERT INTO tasks (id, owner, name, spec, state, next_due, created_at, updated_at, kind) VALUES (?, ?, ?, ?, 'active', ?, 0, 0, 'cron')`,
  )
  const now = Date.now()
  db.exec('BEGIN')
  for (let i = 0; i < MANY; i++)
    insert.run(`seed-${i}`, `owner-${i % 1_000}`, `task ${i}`, spec, now + 24 * HOUR_MS + i)
  db.exec('COMMIT')
  db.close()
}

function makeOneDue(data: string): void {
  const db = new DatabaseSync(databaseOf(data))
  db.prepare(`UPDATE tasks SET next_due = ?, spec = ?, state = 'active' WHERE id = 'seed-0'`).run(
    Date.now() - 1_000,
    JSON.stringify({
      trigger: { kind: 'once', at: Date.now() - 1_000 },
      action: { kind: 'event' },
      misfire: { kind: 'run-once' },
      overlap: { kind: 'allow', max: 50 },
      timeoutMs: 1_000,
      retry: { attempts: 0, backoffMs: 0, factor: 1, growth: 'linear', maxDelayMs: 0, jitter: 0 },
    }),
  )
  db.close()
}

function databaseOf(data: string): string {
  return join(data, 'plugins', 'scheduler', 'storage.db')
}

async function residentMb(kernel: NodeKernel): Promise<number> {
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim().split(' ').filter(Boolean)
  const pids = new Set([String(process.pid), ...children, ...kernel.host().processes.map(({ pid }) => String(pid))])
  const kb = [...pids].map((pid) =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0),
  )
  return kb.reduce((sum, each) => sum + each, 0) / 1_024
}

async function emptyFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'pryx-bench-'))
}

/** What was set as a goal against what was measured: at least 1 is good. */
function budgets(samples: Samples): Record<string, number> {
  const goals = new Map(samples)
  goals.set('goalFirstFire', [1_000])
  goals.set('goalMemory', [150])
  goals.set('goalOverview', [50])
  return {
    firstFire_vs_budget: ratioOf(goals, 'firstFireMs', 'goalFirstFire', 'less'),
    memory_vs_budget: ratioOf(goals, 'memoryMb', 'goalMemory', 'less'),
    overview_vs_budget: ratioOf(goals, 'overviewMs', 'goalOverview', 'less'),
  }
}
