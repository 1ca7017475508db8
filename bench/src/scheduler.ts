// bench/src/scheduler.ts: the scheduler in its sandbox on the real storage: jobs a second beside four peers, and what a million tasks cost.
//   Every commit of ours is fsynced before it is acknowledged, so it survives a power cut; what a peer's figure survives stands beside it.
//   Our job is a run that emits an event on the kernel's bus: queued, begun, worked on, ended, with its step log, the day's figures and two
//   facts told to whoever listens. The peers' job is an empty function in their worker.
import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { buildPlugin } from '@pryx/sdk/build'
import { type Scheduler, taskEvents } from '../../plugins/scheduler/src/service.ts'
import type { Bench, BenchResult } from './bench.ts'
import { type JobQueue, openBullMq, openCroner, openGraphile, openPgBoss } from './peers/job-queues.ts'
import { type Server, startPostgres, startRedis } from './peers/servers.ts'
import { cpuMsOfTree } from './processes.ts'
import { type Figures, interleave, ratioOf, type Samples, subjectsOf } from './rounds.ts'
import { claimLatencies } from './scheduler-claims.ts'
import {
  type BenchHost,
  databaseOf,
  emptyFolder,
  MANY,
  makeOneDue,
  residentMb,
  SCHEDULER_FOLDER,
  seed,
  withHost,
} from './scheduler-host.ts'

const JOBS = 5_000 // of a round
const AT_ONCE = 500 // jobs added in one call
const IN_FLIGHT = 500 // jobs worked on at a time
const CONNECTIONS = 32 // jobs of graphile-worker at a time: each holds a connection; more of them are slower
const A_MILLION = MANY.toLocaleString('en-US')
const JOB = 'no-op jobs added, run and recorded as done'
const ABOUT = {
  jobs: ['1/s', `${JOB}; fsync before each acknowledgement: survives a power cut`],
  jobs_bullmq: [
    '1/s',
    `the same, BullMQ on Redis, appendfsync everysec: survives a kill, may lose the last second at a power cut`,
  ],
  jobs_bullmq_always: ['1/s', 'the same, BullMQ on Redis, appendfsync always: survives a power cut'],
  jobs_graphile: ['1/s', 'the same, graphile-worker on Postgres, fsync on: survives a power cut'],
  jobs_pgboss: ['1/s', 'the same, pg-boss on Postgres in batches, fsync on: survives a power cut'],
  jobs_croner: ['1/s', 'croner alone, jobs run in memory: survives nothing'],
  cpu: ['µs', 'processor time of a job of ours, all processes: says more than a rate where others use the machine too'],
  cpu_bullmq: ['µs', 'the same, BullMQ and its Redis'],
  cpu_bullmq_always: ['µs', 'the same, with appendfsync always'],
  cpu_graphile: ['µs', 'the same, graphile-worker and its Postgres'],
  cpu_pgboss: ['µs', 'the same, pg-boss and its Postgres'],
  firstFireMs: ['ms', `kernel and scheduler start to the first run, with ${A_MILLION} tasks`],
  nextDueP50Ms: ['ms', 'what is due next, through the capability, with as many; the median'],
  nextDueP99Ms: ['ms', 'the same, 99th percentile'],
  nextDueSqlP50Ms: ['ms', 'of it, the statement alone, without the way to the storage process; the median'],
  nextDueSqlP99Ms: ['ms', 'the same, 99th percentile'],
  wayP50Ms: ['ms', 'the way alone: a statement that reads nothing, there and back; the median'],
  wayP99Ms: ['ms', 'the same, 99th percentile: what the machine makes two processes wait for their turn'],
  claimP50Ms: ['ms', 'a claim (read, two rows written, fsync) through the capability, with as many; the median'],
  claimP99Ms: ['ms', 'the same, 99th percentile'],
  fsyncP50Ms: ['ms', 'of it, one page written and synced by this process; the median'],
  fsyncP99Ms: ['ms', 'the same, 99th percentile'],
  lateMs: ['ms', 'a task made for an instant, the clockwork asleep: from it to its start, with as many'],
  overviewMs: ['ms', 'a dashboard page of 200 tasks, with as many'],
  memoryMb: ['MB', 'resident memory of kernel and its processes above that with no task'],
} as const
/** At most, where less is better. */
const GOALS = { firstFireMs: 1_000, memoryMb: 150, overviewMs: 50, nextDueP99Ms: 1, claimP99Ms: 1 } as const

export const scheduler: Bench = {
  name: 'scheduler',
  about: 'jobs a second beside BullMQ, graphile-worker, pg-boss, croner; a million tasks: start, claims, memory',
  limitMs: 900_000,
  run,
}

async function run(rounds: number): Promise<BenchResult> {
  await buildPlugin(SCHEDULER_FOLDER)
  const [tasks, queues] = [await million(rounds), await jobs(rounds)] // memory first, before this process has grown
  const samples = new Map([...queues, ...tasks])
  return { subjects: subjectsOf(samples, ABOUT), ratios: { ...beside(samples), ...withinGoals(samples) } }
}

// ── jobs ────────────────────────────────────────────────────────────────────────────────────────────────────────────

async function jobs(rounds: number): Promise<Samples> {
  await using owner = new AsyncDisposableStack()
  const queues: Record<string, JobQueue> = { jobs_croner: await openCroner() }
  for (const fsync of ['everysec', 'always'] as const) {
    const redis = await own(owner, 'Redis', startRedis(fsync))
    const name = fsync === 'always' ? 'jobs_bullmq_always' : 'jobs_bullmq'
    if (redis) queues[name] = owner.use(await openBullMq({ port: redis.port, inFlight: IN_FLIGHT, atOnce: AT_ONCE }))
  }
  const postgres = await own(owner, 'Postgres', startPostgres())
  if (postgres) {
    const { port } = postgres
    queues.jobs_graphile = owner.use(await openGraphile({ port, inFlight: CONNECTIONS, atOnce: AT_ONCE }))
    queues.jobs_pgboss = owner.use(await openPgBoss({ port, inFlight: IN_FLIGHT, atOnce: AT_ONCE }))
  }
  const folder = await emptyFolder()
  owner.defer(() => rm(folder, { recursive: true, force: true }))
  const peers = Object.entries(queues).map(
    ([name, queue]) =>
      () =>
        withCpu(name, () => queue.round(JOBS)),
  )
  const config = { maxRunning: IN_FLIGHT }
  return await withHost(
    folder,
    async (host) => {
      const round = await ourJobs(host)
      return interleave(rounds, [() => withCpu('jobs', round), ...peers])
    },
    config,
  )
}

/** A round, and what it cost: while one queue has its round, the others' processes rest. */
async function withCpu(name: string, round: () => Promise<number>): Promise<Figures> {
  const before = cpuMsOfTree(process.pid)
  const rate = await round()
  const usedMs = cpuMsOfTree(process.pid) - before
  return { [name]: rate, [name.replace('jobs', 'cpu')]: (usedMs * 1_000) / JOBS }
}

async function own(owner: AsyncDisposableStack, name: string, starting: Promise<Server | undefined>) {
  const server = await starting
  if (server === undefined) console.error(`${name} is not on this machine, so its peers are left out; --install-peers`)
  return server && owner.use(server)
}

/** Rounds of jobs of one task, as a queue of theirs is one queue. */
async function ourJobs({ kernel, face }: BenchHost): Promise<() => Promise<number>> {
  const task = await face.create({
    ...{ name: 'queue', trigger: { kind: 'manual' }, action: { kind: 'emit', name: 'bench' } },
    overlap: { kind: 'allow', max: IN_FLIGHT },
    backlog: JOBS,
  })
  let ended = 0
  let emitted = 0
  let done: () => void = () => {}
  kernel.on('flow.bench', () => void emitted++)
  kernel.on(taskEvents.finished, () => {
    if (++ended === JOBS) done()
  })
  return async () => {
    ended = 0
    emitted = 0
    const finished = new Promise<void>((resolve) => (done = resolve))
    const begun = performance.now()
    for (let at = 0; at < JOBS; at += AT_ONCE)
      await face.runEach(
        task.id,
        Array.from({ length: AT_ONCE }, (_, i) => ({ i })),
      )
    await finished
    if (emitted !== JOBS) throw new Error(`${JOBS} jobs ended and ${emitted} were done`)
    return JOBS / ((performance.now() - begun) / 1_000)
  }
}

// ── a million tasks ─────────────────────────────────────────────────────────────────────────────────────────────────

async function million(rounds: number): Promise<Samples> {
  const samples = new Map<string, number[]>()
  const add = (figures: Figures) => {
    for (const [name, value] of Object.entries(figures)) samples.set(name, [...(samples.get(name) ?? []), value])
  }
  const empty = await emptyFolder()
  const idleMb = await withHost(empty, ({ kernel }) => residentMb(kernel))
  const folder = await emptyFolder()
  await withHost(folder, ({ face }) => face.list())
  let first = seed(folder)
  for (let round = 0; round < rounds; round++) {
    add(await claimLatencies(dirname(databaseOf(folder)), first))
    first += 10_000 // past those that were claimed
    makeOneDue(folder)
    const begun = performance.now()
    await withHost(folder, async (host) => {
      await host.firstDue
      add({ firstFireMs: performance.now() - begun })
      add({ lateMs: await lateness(host) })
      add({ overviewMs: await overviewMs(host.face) })
      add({ memoryMb: (await residentMb(host.kernel)) - idleMb })
    })
  }
  for (const each of [empty, folder]) await rm(each, { recursive: true, force: true })
  return samples
}

async function lateness({ kernel, face }: BenchHost): Promise<number> {
  const at = Date.now() + 1_500
  const name = `late ${at}`
  const started = Promise.withResolvers<number>()
  kernel.on(taskEvents.due, (due) => due.name === name && started.resolve(Date.now() - at))
  await face.create({ name, trigger: { kind: 'once', at } })
  return started.promise
}

async function overviewMs(face: Scheduler): Promise<number> {
  const asked = performance.now()
  await face.overview({ limit: 200 })
  return performance.now() - asked
}

function beside(samples: Samples): Record<string, number> {
  const peers = [...samples.keys()].filter((name) => name.startsWith('jobs_') && name !== 'jobs_croner')
  return Object.fromEntries(
    peers.flatMap((name) => [
      [name.replace('jobs_', 'jobs_vs_'), ratioOf(samples, 'jobs', name, 'more')],
      [name.replace('jobs_', 'cpu_vs_'), ratioOf(samples, 'cpu', name.replace('jobs', 'cpu'), 'less')],
    ]),
  )
}

/** What was set as a goal against what was measured: at least 1 is good. */
function withinGoals(samples: Samples): Record<string, number> {
  return Object.fromEntries(
    Object.entries(GOALS).map(([name, most]) => {
      const ratio = ratioOf(new Map([...samples, ['goal', [most]]]), name, 'goal', 'less')
      return [`${name.replace(/M[sb]$/, '')}_vs_budget`, ratio]
    }),
  )
}
