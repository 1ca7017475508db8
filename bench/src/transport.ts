// bench/src/transport.ts: ways a batch of messages could take between two processes, bare, so that the one the kernel takes is chosen by figures.
import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { Worker } from 'node:worker_threads'
import { createFrameReader, createFrameWriter } from '../../packages/kernel/src/node/frame.ts'
import type { Bench } from './bench.ts'
import { script } from './fixtures.ts'
import { type Figures, interleave, quantile, ratioOf, subjectsOf } from './rounds.ts'
import { openMailbox } from './shared-mailbox.ts'

const ROUND_MS = 500
const SHARED_BYTES = 65_536
const CALL = {
  t: 'call',
  id: 170,
  service: 'echo',
  method: 'echo',
  args: [{ id: 'message-01', from: 'bench', text: 'A sentence of ordinary length, as people write them.', at: 170 }],
}
const BATCHES = { one: 1, many: 32 }

/** Takes a batch as text there and back; one is under way at a time. */
type Trip = (text: string) => Promise<unknown>

const WAYS = {
  frames: ['a socket pair with frames of text', framesTrip],
  ipc: ['the channel of fork, JSON', (owner: AsyncDisposableStack) => ipcTrip(owner, 'json')],
  advanced: ['the channel of fork, structured clone', (owner: AsyncDisposableStack) => ipcTrip(owner, 'advanced')],
  shared: ['shared memory between two threads (Node has none between processes)', sharedTrip],
} as const satisfies Record<string, readonly [string, (owner: AsyncDisposableStack) => Promise<Trip>]>

export const transport: Bench = {
  name: 'transport',
  about: 'ways between two processes, bare: a batch of messages there and back',
  limitMs: 120_000,
  async run(rounds) {
    await using owner = new AsyncDisposableStack()
    const trips: [string, Trip][] = []
    for (const [name, [, open]] of Object.entries(WAYS)) trips.push([name, await open(owner)])
    const samples = await interleave(
      rounds,
      trips.map(
        ([name, trip]) =>
          () =>
            measure(name, trip),
      ),
    )
    const about = Object.entries(WAYS).flatMap(([name, [what]]) =>
      Object.entries(BATCHES).map(([size, count]): [string, [string, string]] => [
        `${name}.${size}`,
        ['ms', `${what}; ${count} ${count === 1 ? 'message' : 'messages'}, median of a round`],
      ]),
    )
    return {
      subjects: subjectsOf(samples, Object.fromEntries(about)),
      ratios: {
        frames_one_vs_ipc: ratioOf(samples, 'frames.one', 'ipc.one', 'less'),
        frames_one_vs_advanced: ratioOf(samples, 'frames.one', 'advanced.one', 'less'),
        frames_one_vs_shared: ratioOf(samples, 'frames.one', 'shared.one', 'less'),
        frames_many_vs_ipc: ratioOf(samples, 'frames.many', 'ipc.many', 'less'),
        frames_many_vs_advanced: ratioOf(samples, 'frames.many', 'advanced.many', 'less'),
        frames_many_vs_shared: ratioOf(samples, 'frames.many', 'shared.many', 'less'),
      },
    }
  },
}

/** Text is made from objects and read back on this side, as in the kernel; the channel of fork does both by itself. */
async function measure(name: string, trip: Trip): Promise<Figures> {
  const figures: Record<string, number> = {}
  for (const [size, count] of Object.entries(BATCHES)) {
    const batch = Array.from({ length: count }, () => CALL)
    const took: number[] = []
    for (const startedAt = performance.now(); performance.now() - startedAt < ROUND_MS; ) {
      const sentAt = performance.now()
      JSON.parse(String(await trip(JSON.stringify(batch))))
      took.push(performance.now() - sentAt)
    }
    figures[`${name}.${size}`] = quantile(took, 0.5)
  }
  return figures
}

async function framesTrip(owner: AsyncDisposableStack): Promise<Trip> {
  const child = spawn(process.execPath, [await script('peers', 'transport-child'), 'frames'], {
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
  })
  const socket = child.stdio[3] as Socket
  const out = createFrameWriter(socket)
  let arrived: (text: string) => void = () => {}
  socket.on(
    'data',
    createFrameReader(({ text }) => arrived(text)),
  )
  owner.defer(async () => {
    socket.destroy()
    await once(child, 'exit')
  })
  return (text) =>
    new Promise((resolve) => {
      arrived = resolve
      out.write(1, text)
      out.flush()
    })
}

async function ipcTrip(owner: AsyncDisposableStack, serialization: 'json' | 'advanced'): Promise<Trip> {
  const child: ChildProcess = fork(await script('peers', 'transport-child'), ['ipc'], { serialization })
  owner.defer(async () => {
    child.disconnect()
    await once(child, 'exit')
  })
  return async (text) => {
    const answer = once(child, 'message')
    child.send(text)
    return (await answer)[0]
  }
}

async function sharedTrip(owner: AsyncDisposableStack): Promise<Trip> {
  const [requests, replies] = [new SharedArrayBuffer(SHARED_BYTES), new SharedArrayBuffer(SHARED_BYTES)]
  const worker = new Worker(await script('peers', 'transport-shared'), { workerData: { requests, replies } })
  const [outbox, inbox] = [openMailbox(requests), openMailbox(replies)]
  owner.defer(async () => {
    outbox.put('')
    await once(worker, 'exit')
  })
  return (text) => {
    outbox.put(text)
    return inbox.wait()
  }
}
