// packages/capabilities/src/storage/worker.ts: the storage process. It runs flights of jobs and answers each flight as one message.
//   A process and not a thread: SQLite has no way in Node to interrupt a running statement, and a thread inside one cannot be ended.
import { createEngine } from './engine.ts'
import type { Job } from './job.ts'

const engine = createEngine()
process.on('message', (flight: Job[]) => process.send?.(flight.map((job) => engine.run(job))))
process.on('disconnect', () => {
  engine.close()
  process.exit(0)
})
process.send?.('ready')
