// A process for as many Workers as it is asked for: `many-workers FILE`.
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { serve } from './serve.ts'

const [file = ''] = process.argv.slice(2)
const workers: Worker[] = []
await start(1) // what the first one costs the process is not the price of one more
await serve(
  (line) => start(Number(line)),
  async () => void (await Promise.all(workers.map((worker) => worker.terminate()))),
)

async function start(count: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    const worker = new Worker(file)
    workers.push(worker)
    await once(worker, 'message')
  }
}
