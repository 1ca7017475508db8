// packages/capabilities/src/storage/kill-testing.ts: a host that writes until it is killed; each number it prints has been acknowledged.
import { createLane } from './lane.ts'

const file = process.argv[2] as string
const lane = createLane({ statementMs: 5_000, idleMs: 5_000 })
for (let n = Number(process.argv[3]); ; n++) {
  const key = `k${String(n).padStart(9, '0')}`
  await lane.run({
    file,
    quotaBytes: 1e9,
    request: { method: 'set', key, value: { text: String(n), buffers: [] }, durable: n % 8 === 0 },
  })
  process.stdout.write(`${n}\n`)
}
