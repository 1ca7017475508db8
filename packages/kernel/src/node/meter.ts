// packages/kernel/src/node/meter.ts: whose processor time it was, inside the sandbox process.
//   M1  What accounts were charged and the overhead add up to the process's own total at every sample, whatever happens in between.
//   M2  Turns on the process's own thread share what that thread used, by their part of the time it was active.
//   M3  Turns on the pool share what all other threads used, each at most the time it lasted; the rest (garbage collection,
//       compilation) is overhead.
import { performance } from 'node:perf_hooks'

/** Readings of this process, ms, all from the same start. */
export interface Gauges {
  now(): number
  /** Processor time of all threads, of this thread; time this thread's event loop was active. */
  processMs(): number
  threadMs(): number
  activeMs(): number
}

export interface Account {
  cpuMs: number
}

export interface Overhead {
  /** Until the meter was made: loading Node and the runtime. */
  startMs: number
  /** This thread outside turns: frames, isolates made, timers. */
  threadMs: number
  /** Other threads outside turns. */
  helpersMs: number
}

export interface Meter {
  readonly totalMs: number
  readonly overhead: Readonly<Overhead>
  /** A turn on this thread has lasted `ms`. */
  here(account: Account, ms: number): void
  /** A turn on the pool begins, and ends. */
  enter(account: Account): void
  leave(account: Account): void
  /** Charges what was used since the last sample. */
  sample(): void
}

const RECENT_MS = 1 // a sample costs some µs: turns that follow one another this quickly share one

export function createMeter(gauges: Gauges): Meter {
  const here = new Map<Account, number>()
  /** Turns on the pool since the last sample: when each began, and for how long those that ended lasted. */
  const open = new Map<Account, number>()
  const closed = new Map<Account, number>()
  let last = { now: gauges.now(), total: gauges.processMs(), thread: gauges.threadMs(), active: gauges.activeMs() }
  const overhead: Overhead = { startMs: last.total, threadMs: 0, helpersMs: 0 }

  return {
    get totalMs() {
      return last.total
    },
    overhead,
    here: (account, ms) => void here.set(account, (here.get(account) ?? 0) + ms),
    enter(account) {
      sampleIfDue()
      open.set(account, gauges.now())
    },
    leave(account) {
      const since = open.get(account)
      if (since === undefined) return
      open.delete(account)
      closed.set(account, (closed.get(account) ?? 0) + lasted(since))
      sampleIfDue()
    },
    sample,
  }

  function sampleIfDue(): void {
    if (gauges.now() - last.now > RECENT_MS) sample()
  }

  /** Of a turn on the pool, the part since the last sample. */
  function lasted(since: number): number {
    return Math.max(0, gauges.now() - Math.max(since, last.now))
  }

  function sample(): void {
    const next = { now: gauges.now(), total: gauges.processMs(), thread: gauges.threadMs(), active: gauges.activeMs() }
    const total = Math.max(0, next.total - last.total)
    const thread = Math.min(total, Math.max(0, next.thread - last.thread))
    const active = Math.max(next.active - last.active, thread)
    for (const [account, since] of open) closed.set(account, (closed.get(account) ?? 0) + lasted(since))
    overhead.threadMs += share(here, thread, active > 0 ? thread / active : 0) // M2
    overhead.helpersMs += share(closed, total - thread, 1) // M3
    last = { ...next, total: last.total + total }
    here.clear()
    closed.clear()
  }
}

/** Charges `ms` to accounts by how long each ran, at most `rate` for each ms of it; answers what is left (M1). */
function share(ran: ReadonlyMap<Account, number>, ms: number, rate: number): number {
  let all = 0
  for (const time of ran.values()) all += time
  if (all === 0) return ms
  const each = Math.min(rate, ms / all)
  for (const [account, time] of ran) account.cpuMs += time * each
  return Math.max(0, ms - all * each)
}

/** The readings of this process. */
export function processGauges(): Gauges {
  return {
    now: () => performance.now(),
    processMs: () => sum(process.cpuUsage()),
    threadMs: () => sum(process.threadCpuUsage()),
    activeMs: () => performance.eventLoopUtilization().active,
  }
}

function sum({ user, system }: NodeJS.CpuUsage): number {
  return (user + system) / 1_000
}
