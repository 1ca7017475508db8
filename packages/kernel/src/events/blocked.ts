// packages/kernel/src/events/blocked.ts: emits that wait for room in a mailbox, in order. Each gives up after BLOCK_MS, so no
//   publisher waits for ever on a subscriber.
import type { Release } from '../contract/index.ts'
import type { Clock } from '../powers.ts'

const BLOCK_MS = 30_000 // longest wait of an emit for room

interface Blocked<T> {
  event: T
  resolve(): void
  release: Release
}

/** @param onLate Called for each emit that gave up; its event is lost. */
export function createBlocked<T>(clock: Clock, onLate: (event: T) => void) {
  const queue = new Set<Blocked<T>>()
  return {
    get size() {
      return queue.size
    },
    /** The one that has waited longest; it stays. */
    get first(): T | undefined {
      for (const { event } of queue) return event
      return undefined
    },
    add(event: T): Promise<void> {
      return new Promise((resolve) => {
        const entry: Blocked<T> = { event, resolve, release: clock.after(BLOCK_MS, () => late(entry)) }
        queue.add(entry)
      })
    },
    take(): T | undefined {
      for (const entry of queue) return end(entry)
      return undefined
    },
  }

  function late(entry: Blocked<T>): void {
    onLate(end(entry))
  }

  function end(entry: Blocked<T>): T {
    queue.delete(entry)
    void entry.release()
    entry.resolve()
    return entry.event
  }
}
