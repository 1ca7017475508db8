// packages/capabilities/src/storage/lane.ts: a queue of jobs and the process that works them off, started when needed and ended when idle.
//   L1  What was sent and not answered has started; what still waits has not. Only the first can be lost, and its caller is told so.
//   L2  At most one job that may run away is in flight, so a process killed for being late names its culprit.
//   L3  Killing is SIGKILL and the next process starts only after the last is gone: no two ever work the same queue.

import { type ChildProcess, fork } from 'node:child_process'
import { createRequire } from 'node:module'
import { CapabilityError, PryxError } from '@pryx/kernel/contract'
import { type FailureJson, type Job, type JobResult, mayRunAway } from './job.ts'

const MAX_FLIGHT = 64 // jobs in one message
const START_MS = 20_000 // longest start of the process, on the slowest of machines
const ORPHAN_FACTOR = 4 // times the statement limit: when the process ends itself, if no host does
const END_MS = 1_000 // longest polite end

export interface Lane {
  /** Resolves with the job's value. An abort takes a waiting job out of the queue; a started one runs on, unless it has lost its permission. */
  run(job: Job, signal?: AbortSignal): Promise<unknown>
  /** Gives away the waiting jobs on `file`, in order, for another lane to take over. */
  release(file: string): Pending[]
  adopt(pendings: Pending[]): void
  close(): Promise<void>
}

export interface LaneOptions {
  /** Longest time a flight may take, ms. */
  statementMs: number
  /** The process ends after this long without work, ms. */
  idleMs: number
  /** The job that had to be ended by killing the process. */
  onRunaway?(job: Job): void
}

/** A job and whoever waits for it. */
export interface Pending {
  readonly job: Job
  /** Its caller has left; it must not start. */
  left: boolean
  resolve(value: unknown): void
  reject(error: unknown): void
}

export function createLane(options: LaneOptions): Lane {
  const queue: Pending[] = []
  let flight: Pending[] = []
  let child: ChildProcess | undefined
  let ready = false
  let late = false
  let timer: NodeJS.Timeout | undefined
  let closed = false
  let drained: (() => void) | undefined
  return {
    run(job, signal) {
      if (closed) return Promise.reject(closedError())
      if (signal?.aborted) return Promise.reject(signal.reason)
      const { promise, resolve, reject } = Promise.withResolvers<unknown>()
      const pending: Pending = { job, left: false, resolve, reject }
      const leaving = () => leave(pending, signal?.reason)
      signal?.addEventListener('abort', leaving)
      queue.push(pending)
      pump()
      return promise.finally(() => signal?.removeEventListener('abort', leaving))
    },
    release(file) {
      const [taken, kept] = [queue.filter(({ job }) => job.file === file), queue.filter(({ job }) => job.file !== file)]
      queue.splice(0, queue.length, ...kept)
      return taken
    },
    adopt(pendings) {
      queue.push(...pendings)
      pump()
    },
    async close() {
      closed = true
      if (flight.length > 0 || queue.length > 0) await new Promise<void>((resolve) => (drained = resolve))
      if (child !== undefined) await end(child)
    },
  }

  function leave(pending: Pending, reason: unknown): void {
    if (flight.includes(pending)) {
      // What the user took back stops working at once; a caller's own change of mind may cost nobody a new process.
      if (mayRunAway(pending.job) && PryxError.is(reason, 'PERMISSION_REVOKED')) child?.kill('SIGKILL') // the rest follows in `lost`
      return
    }
    pending.left = true
    pending.reject(reason)
  }

  function pump(): void {
    if (flight.length > 0) return
    while (queue[0]?.left) queue.shift()
    if (queue.length === 0) {
      rest()
      return
    }
    child ??= start()
    hold(child)
    if (!ready) return
    flight = takeFlight(queue)
    arm(options.statementMs)
    child.send(flight.map(({ job }) => job))
  }

  function start(): ChildProcess {
    const started = spawnWorker(options.statementMs * ORPHAN_FACTOR)
    ready = false
    late = false
    started.on('message', (message) => (message === 'ready' ? begin() : land(message as JobResult[])))
    void Promise.all([once(started, 'exit'), once(started, 'disconnect')]).then(() => lost(started)) // by then its last answer is read
    started.once('error', () => lost(started))
    arm(START_MS, started)
    return started
  }

  function begin(): void {
    ready = true
    clearTimeout(timer)
    pump()
  }

  function land(results: JobResult[]): void {
    clearTimeout(timer)
    const landed = flight
    flight = []
    for (const [i, pending] of landed.entries()) settle(pending, results[i] as JobResult)
    pump()
  }

  function lost(gone: ChildProcess): void {
    if (child !== gone) return // an idle one that ended as told
    clearTimeout(timer)
    child = undefined
    const failed = ready ? flight : queue.splice(0) // one that never came up would not come up for the others either
    flight = []
    for (const { job, reject } of failed)
      reject(late && mayRunAway(job) ? timeoutError(options.statementMs) : lostError(job))
    pump()
  }

  function arm(ms: number, target = child): void {
    clearTimeout(timer)
    timer = setTimeout(() => {
      late = ready
      const culprit = flight.find(({ job }) => mayRunAway(job))
      if (culprit !== undefined) options.onRunaway?.(culprit.job)
      target?.kill('SIGKILL') // L3: the rest follows in `lost`
    }, ms)
  }

  function rest(): void {
    drained?.()
    if (child === undefined || !ready) return
    const idle = child
    idle.unref()
    idle.channel?.unref()
    clearTimeout(timer)
    timer = setTimeout(() => {
      child = undefined
      void end(idle)
    }, options.idleMs).unref()
  }

  function hold(held: ChildProcess): void {
    if (ready) clearTimeout(timer)
    held.ref()
    held.channel?.ref()
  }
}

/** The next jobs to send together: many that are bounded, or one that may run away (L2). */
function takeFlight(queue: Pending[]): Pending[] {
  let count = 1
  if (!mayRunAway((queue[0] as Pending).job)) {
    while (count < Math.min(queue.length, MAX_FLIGHT) && !mayRunAway((queue[count] as Pending).job)) count++
  }
  return queue.splice(0, count).filter(({ left }) => !left)
}

function spawnWorker(orphanMs: number): ChildProcess {
  // Run from the sources the file lies beside this one; built, it is found by name, so that an application may bundle this package.
  const source = import.meta.url.endsWith('.ts')
  const file = source
    ? new URL('./worker.ts', import.meta.url)
    : createRequire(import.meta.url).resolve('@pryx/capabilities/storage/worker')
  return fork(file, [String(orphanMs)], {
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    env: {},
    execArgv: [
      '--permission',
      '--allow-fs-read=*',
      '--allow-fs-write=*',
      '--allow-worker',
      '--disable-proto=delete',
      '--max-old-space-size=256',
      '--no-warnings',
    ],
  })
}

function once(child: ChildProcess, event: string): Promise<void> {
  return new Promise((resolve) => child.once(event, () => resolve()))
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  const kill = setTimeout(() => child.kill('SIGKILL'), END_MS)
  if (child.connected) child.disconnect()
  await gone
  clearTimeout(kill)
}

function settle({ resolve, reject }: Pending, result: JobResult): void {
  if ('value' in result) resolve(result.value)
  else reject(failureError(result.failure))
}

/** The error for what a job failed with. */
export function failureError({ code, message, hint, details }: FailureJson): CapabilityError {
  return new CapabilityError(code, message, { ...details, ...(hint !== undefined && { hint }) })
}

function timeoutError(ms: number): CapabilityError {
  return new CapabilityError(
    'STORAGE_TIMEOUT',
    `the statement ran longer than ${ms / 1_000} s and was ended; what it had changed is undone`,
    {
      hint: 'Add an index or a LIMIT, or split the work into several statements.',
      max: ms,
    },
  )
}

function lostError(job: Job): CapabilityError {
  return new CapabilityError(
    'STORAGE_LOST',
    'the storage process ended before it answered; the call may or may not have taken effect',
    {
      hint: 'Read the state back before trying again.',
      method: job.request.method,
    },
  )
}

function closedError(): CapabilityError {
  return new CapabilityError('STORAGE_CLOSED', 'storage is closed: the host is ending')
}
