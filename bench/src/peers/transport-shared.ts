// The other end of transport.ts over shared memory, which Node has between threads only: a length and bytes each way.
import { workerData } from 'node:worker_threads'
import { openMailbox } from '../shared-mailbox.ts'

const { requests, replies } = workerData as { requests: SharedArrayBuffer; replies: SharedArrayBuffer }
const [inbox, outbox] = [openMailbox(requests), openMailbox(replies)]
for (;;) {
  const batch = inbox.waitSync()
  if (batch === '') break
  outbox.put(batch)
}
