// packages/kernel/src/guest/web/clock.ts: `performance`, counted from the first look at it: a realm from a snapshot is older than its plugin.
//   Its steps are 0.1 ms (the host's `now` rounds, isolate.ts), as in browsers that share a process between sites: too coarse to time a
//   cache line, fine enough to measure one's own work. `Date.now` steps by 1 ms. Without shared memory nothing finer can be counted.
import { webHost } from './host.ts'

let origin: { now: number; epochMs: number } | undefined

/** ms since the realm first asked for the time. */
export function sinceStart(): number {
  const now = webHost().now()
  origin ??= { now, epochMs: Date.now() }
  return now - origin.now
}

const INTERNAL = Symbol('internal')

export class Performance {
  constructor(key?: symbol) {
    if (key !== INTERNAL) throw new TypeError('Illegal constructor')
  }
  now(): number {
    return sinceStart()
  }
  get timeOrigin(): number {
    sinceStart()
    return origin!.epochMs // sinceStart sets it
  }
  toJSON(): { timeOrigin: number } {
    return { timeOrigin: this.timeOrigin }
  }
}

export function createPerformance(): Performance {
  return new Performance(INTERNAL)
}
