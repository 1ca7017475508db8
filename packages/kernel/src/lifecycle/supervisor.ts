// packages/kernel/src/lifecycle/supervisor.ts: keeps a plugin up, and knows when to stop trying (K2).
//   V1  At most one restart is pending, and it dies with the scope.
//   V2  Time comes from the clock handed in: no test waits.
//   V3  A plugin that lost its process through a neighbour has not failed: it starts again at once, uncounted.
import type { Release, Scope } from '../contract/index.ts'
import type { Clock } from '../powers.ts'

export const FIRST_DELAY_MS = 1_000
export const MAX_FAILURES = 5
const HEALTHY_MS = 60_000 // up for this long, and earlier failures are forgiven

export interface Supervised {
  start(): Promise<void>
  /** A restart is due: runs `attempt` when nothing else is done with the plugin, unless it was stopped meanwhile. */
  restart(attempt: () => Promise<void>): void
  /** Told of each failure before anything else happens; `delayMs` until the next try, undefined at the last. */
  failed(cause: unknown, failures: number, delayMs: number | undefined): void
}

export interface Supervisor {
  readonly failures: number
  /** Starts now, and forgets earlier failures. */
  start(): Promise<void>
  /** The plugin failed: tries again after 1, 2, 4 and 8 s, gives up at the fifth failure. */
  crashed(cause: unknown): void
  /** Starts again at once; nothing is counted (V3). */
  displaced(): Promise<void>
  /** Drops a pending restart. */
  cancel(): void
}

export function createSupervisor(plugin: Supervised, scope: Scope, clock: Clock): Supervisor {
  let failures = 0
  let startedAt = 0
  let pending: Release = () => {}

  return {
    get failures() {
      return failures
    },
    start() {
      failures = 0
      return attempt()
    },
    crashed,
    displaced: attempt,
    cancel: () => void pending(),
  }

  async function attempt(): Promise<void> {
    void pending() // V1
    startedAt = clock.now()
    try {
      await plugin.start()
    } catch (cause) {
      crashed(cause)
    }
  }

  function crashed(cause: unknown): void {
    if (scope.closed) return
    void pending() // V1
    failures = clock.now() - startedAt >= HEALTHY_MS ? 1 : failures + 1
    const delayMs = failures >= MAX_FAILURES ? undefined : FIRST_DELAY_MS * 2 ** (failures - 1)
    plugin.failed(cause, failures, delayMs)
    if (delayMs !== undefined) pending = scope.effect(() => clock.after(delayMs, () => plugin.restart(attempt)))
  }
}
