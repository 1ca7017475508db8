// packages/capabilities/src/storage/worker.ts: the storage process. It runs flights of jobs and answers each flight as one message.
//   A process and not a thread: SQLite has no way in Node to interrupt a running statement, and a thread inside one cannot be ended.
//   Nor does a process inside one hear that its host has died: a thread of its own watches it, started with the first SQL.
import { Worker } from 'node:worker_threads'
import { createEngine } from './engine.ts'
import { type Job, mayRunAway } from './job.ts'

const ORPHAN_MS = Number(process.argv[2] ?? 60_000) // the host kills sooner, if it lives
const QUIET_MS = 100 // without work

const engine = createEngine()
const quiet = setTimeout(() => engine.settle(), QUIET_MS)
/** Odd while a statement runs. */
const turns = new Int32Array(new SharedArrayBuffer(4))
let isWatched = false

process.on('message', (flight: Job[]) => {
  process.send?.(flight.map((job) => (mayRunAway(job) ? watched(job) : engine.run(job))))
  quiet.refresh()
})
process.on('disconnect', () => {
  engine.close()
  process.exit(0)
})
process.send?.('ready')

function watched(job: Job): unknown {
  if (!isWatched) startWatcher()
  isWatched = true
  turn()
  const result = engine.run(job)
  turn()
  return result
}

function turn(): void {
  Atomics.add(turns, 0, 1)
  Atomics.notify(turns, 0)
}

function startWatcher(): void {
  const watch = `
    const { turns, ms } = require('node:worker_threads').workerData
    for (;;) {
      const turn = Atomics.load(turns, 0)
      const busy = turn % 2 !== 0
      if (Atomics.wait(turns, 0, turn, busy ? ms : Infinity) === 'timed-out') process.kill(process.pid, 'SIGKILL')
    }`
  const started = new Worker(watch, {
    eval: true,
    workerData: { turns, ms: ORPHAN_MS },
    resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1, stackSizeMb: 1 },
  })
  started.unref()
}
