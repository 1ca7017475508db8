// packages/kernel/src/node/guest-timers.ts: the timers a guest has set. They run here, outside its isolate; firing one wants a turn.
const MAX_TIMERS = 10_000
const MAX_MS = 2 ** 31 - 1

export interface Timers {
  /** How many are set and have not fired. */
  readonly size: number
  /** Answers whether it was set: not past `MAX_TIMERS`, nor with an id that is no number. What the guest says is untrusted. */
  start(id: unknown, ms: unknown): boolean
  stop(id: unknown): void
  end(): void
}

export function createTimers(fire: (id: number) => void): Timers {
  const set = new Map<unknown, NodeJS.Timeout>()
  return {
    get size() {
      return set.size
    },
    start(id, ms) {
      if (typeof id !== 'number' || set.size >= MAX_TIMERS) return false
      const delay = typeof ms === 'number' && ms > 0 ? Math.min(ms, MAX_MS) : 0
      set.set(id, setTimeout(fired, delay, id))
      return true
    },
    stop(id) {
      clearTimeout(set.get(id))
      set.delete(id)
    },
    end() {
      for (const timer of set.values()) clearTimeout(timer)
      set.clear()
    },
  }

  function fired(id: number): void {
    set.delete(id)
    fire(id)
  }
}
