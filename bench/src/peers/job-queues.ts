// bench/src/peers/job-queues.ts: BullMQ, graphile-worker, pg-boss and croner doing the job that the scheduler does in the same bench: nothing.
//   Each is used as its documentation says, with its way of adding many at once, and IN_FLIGHT jobs worked on at a time.
//   A round: `jobs` jobs are added, run and recorded as done; the time from the first add to the last record counts.

export interface JobQueue extends AsyncDisposable {
  /** Jobs a second of one round. */
  round(jobs: number): Promise<number>
}

export interface QueueOptions {
  port: number
  inFlight: number
  /** Jobs added in one call. */
  atOnce: number
}

export async function openBullMq({ port, inFlight, atOnce }: QueueOptions): Promise<JobQueue> {
  const { Queue, Worker } = await import('bullmq')
  const connection = { host: '127.0.0.1', port, maxRetriesPerRequest: null }
  const name = 'bench'
  const queue = new Queue(name, { connection, defaultJobOptions: { removeOnComplete: { count: 100 } } })
  const countdown = createCountdown()
  const worker = new Worker(name, async () => null, { connection, concurrency: inFlight })
  worker.on('completed', countdown.one)
  await Promise.all([queue.waitUntilReady(), worker.waitUntilReady()])
  return {
    round: (jobs) =>
      timed(jobs, countdown, () =>
        inChunks(jobs, atOnce, (n) => queue.addBulk(Array.from({ length: n }, (_, i) => ({ name, data: { i } })))),
      ),
    async [Symbol.asyncDispose]() {
      await worker.close()
      await queue.close()
    },
  }
}

/** Plain: its defaults, but for the number of jobs at a time. */
export async function openGraphile({ port, inFlight, atOnce }: QueueOptions): Promise<JobQueue> {
  const { run, makeWorkerUtils, Logger } = await import('graphile-worker')
  const { Pool } = await import('pg')
  const connectionString = `postgres://bench@127.0.0.1:${port}/postgres`
  const logger = new Logger(() => () => {})
  const pgPool = new Pool({ connectionString, max: inFlight + 2 })
  pgPool.on('error', () => {}) // the server ends before the last idle connection does
  pgPool.on('connect', (client) => client.on('error', () => {}))
  const utils = await makeWorkerUtils({ pgPool, logger })
  await utils.migrate()
  const countdown = createCountdown()
  const runner = await run({
    pgPool,
    logger,
    concurrency: inFlight,
    noHandleSignals: true,
    taskList: { bench: async () => {} },
  })
  runner.events.on('job:complete', countdown.one)
  return {
    round: (jobs) =>
      timed(jobs, countdown, () =>
        inChunks(jobs, atOnce, (n) =>
          utils.addJobs(Array.from({ length: n }, (_, i) => ({ identifier: 'bench', payload: { i } }))),
        ),
      ),
    async [Symbol.asyncDispose]() {
      await runner.stop()
      await utils.release()
      await pgPool.end()
    },
  }
}

/** It polls: burst mode, and batches as large as the number of jobs at a time, are its fast way. */
export async function openPgBoss({ port, inFlight, atOnce }: QueueOptions): Promise<JobQueue> {
  const { PgBoss } = await import('pg-boss')
  const boss = new PgBoss({ connectionString: `postgres://bench@127.0.0.1:${port}/postgres`, schedule: false })
  boss.on('error', (error) => console.error('pg-boss:', error))
  await boss.start()
  const name = 'bench'
  await boss.createQueue(name)
  const countdown = createCountdown()
  await boss.work(
    name,
    { batchSize: inFlight, burstWhenBatchFull: true, pollingIntervalSeconds: 0.5 },
    async (batch: readonly unknown[]) => {
      countdown.some(batch.length)
    },
  )
  return {
    round: (jobs) =>
      timed(jobs, countdown, () =>
        inChunks(jobs, atOnce, (n) =>
          boss.insert(
            name,
            Array.from({ length: n }, (_, i) => ({ data: { i } })),
          ),
        ),
      ),
    async [Symbol.asyncDispose]() {
      await boss.stop({ graceful: false })
    },
  }
}

/** Jobs in memory, nothing recorded: what a calculator with timers costs alone. */
export async function openCroner(): Promise<JobQueue> {
  const { Cron } = await import('croner')
  return {
    async round(jobs) {
      const countdown = createCountdown()
      return timed(jobs, countdown, async () => {
        for (let i = 0; i < jobs; i++) {
          const job = new Cron('0 0 1 1 *', { paused: true }, () => countdown.one())
          void job.trigger().then(() => job.stop())
        }
      })
    },
    async [Symbol.asyncDispose]() {},
  }
}

interface Countdown {
  one(): void
  some(n: number): void
  /** Resolves when `n` more are done. */
  wait(n: number): Promise<void>
}

function createCountdown(): Countdown {
  let left = 0
  let done: () => void = () => {}
  const some = (n: number) => {
    left -= n
    if (left === 0) done()
  }
  return {
    some,
    one: () => some(1),
    wait(n) {
      left = n
      return new Promise((resolve) => (done = resolve))
    },
  }
}

async function timed(jobs: number, countdown: Countdown, add: () => Promise<void>): Promise<number> {
  const done = countdown.wait(jobs)
  const begun = performance.now()
  await add()
  await done
  return jobs / ((performance.now() - begun) / 1_000)
}

async function inChunks(jobs: number, size: number, add: (n: number) => Promise<unknown>): Promise<void> {
  for (let at = 0; at < jobs; at += size) await add(Math.min(size, jobs - at))
}
