// plugins/agent/src/runs/lanes.ts: who runs next (L8). Pure.
//   Q1  One run at a time in a session; in a session, in the order they came.
//   Q2  A lane never holds more than its limit.
//   Q3  A run that waits for its session holds up no other session.
export interface Waiting {
  readonly id: string
  readonly session: string
  readonly lane: string
}

/** @param limitOf Runs at the same time in a lane. */
export function createLanes<R extends Waiting>(limitOf: (lane: string) => number) {
  const waiting: R[] = []
  const running = new Map<string, R>()
  return {
    add: (run: R) => void waiting.push(run),
    /** Takes a run out, whether it waits or runs. */
    remove(id: string): void {
      running.delete(id)
      const at = waiting.findIndex((run) => run.id === id)
      if (at >= 0) waiting.splice(at, 1)
    },
    /** Puts a run before all others of its session. */
    first(run: R): void {
      waiting.unshift(run)
    },
    runningIn: (session: string) => [...running.values()].find((run) => run.session === session),
    /** The next that may begin; it counts as running from now. */
    next(): R | undefined {
      const blocked = new Set([...running.values()].map(({ session }) => session))
      const full = (lane: string) => [...running.values()].filter((run) => run.lane === lane).length >= limitOf(lane)
      for (const run of waiting) {
        const free = !blocked.has(run.session) && !full(run.lane) // Q1 Q2
        blocked.add(run.session) // those behind it in its session wait for it; Q3
        if (!free) continue
        waiting.splice(waiting.indexOf(run), 1)
        running.set(run.id, run)
        return run
      }
      return undefined
    },
  }
}
