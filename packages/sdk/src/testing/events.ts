// packages/sdk/src/testing/events.ts: every event of the kernel, its plugins and the test, written down in order.
import type { Kernel } from '@pryx/kernel'
import { type EventToken, LifecycleError, matchesPattern } from '@pryx/kernel/contract'

const SEEN_MS = 4_000 // below a test runner's own time-out, so that the error says what came instead

/** An event as it went over the bus. */
export interface RecordedEvent {
  readonly name: string
  readonly payload: unknown
  /** A plugin's id, `kernel`, or `host` for the test. */
  readonly from: string
  /** Epoch ms of the kernel's clock. */
  readonly at: number
}

export interface EventRecords {
  /** Of plugins and of the test. */
  readonly events: readonly RecordedEvent[]
  /** Of the kernel. */
  readonly facts: readonly RecordedEvent[]
  seen(event: EventToken<never> | string, match?: (payload: never) => boolean): Promise<never>
}

export function recordEvents(kernel: Kernel): EventRecords {
  const events: RecordedEvent[] = []
  const facts: RecordedEvent[] = []
  kernel.on('**', (payload, { name, from, at }) => {
    const records = from === 'kernel' ? facts : events
    records.push({ name, payload, from, at })
  })
  return { events, facts, seen }

  async function seen(
    event: EventToken<never> | string,
    match: (payload: never) => boolean = () => true,
  ): Promise<never> {
    const pattern = typeof event === 'string' ? event : event.name
    const taken = ({ name, payload }: RecordedEvent) => matchesPattern(pattern, name) && match(payload as never)
    const found = [...events, ...facts].find(taken)
    return found ? (found.payload as never) : next(pattern, match)
  }

  function next(pattern: string, match: (payload: never) => boolean): Promise<never> {
    return new Promise((resolve, reject) => {
      const release = kernel.on(pattern, (payload) => {
        if (!match(payload as never)) return
        clearTimeout(late)
        void release()
        resolve(payload as never)
      })
      const late = setTimeout(() => {
        void release()
        reject(notSeen(pattern, [...events, ...facts]))
      }, SEEN_MS)
    })
  }
}

function notSeen(pattern: string, all: readonly RecordedEvent[]): LifecycleError {
  const names = [...new Set(all.map(({ name }) => name))].join(', ')
  const text = `no event ${pattern} that matches came within ${SEEN_MS} ms; there were: ${names || 'none'}`
  return new LifecycleError('HARNESS_NOT_SEEN', text, {
    expected: pattern,
    hint: 'Look at events and facts of the harness.',
  })
}
