// packages/kernel/src/lifecycle/backlog.ts: how much waits for one plugin, in number and bytes, and who is told that it is too much (K3, K6).
//   G1  Calls that wait never pass the plugin's `queue`; their bytes pass `queueBytes` by one call at most.
//   G2  One plugin takes at most a quarter of another's, so that a flood of calls leaves room for those of others.
//   G3  Nothing is kept of a caller none of whose calls wait.
import { type Limits, SandboxError, stackless } from '../contract/index.ts'

interface Load {
  calls: number
  bytes: number
}

export interface Backlog {
  /** Why no further call of `from` is taken now; undefined if there is room. */
  refusal(from: string): SandboxError | undefined
  add(from: string, bytes: number): void
  remove(from: string, bytes: number): void
  /** Callers of whom something waits; the host is not counted. */
  readonly callers: number
}

export function createBacklog(plugin: string, { queue, queueBytes }: Limits): Backlog {
  const most: Load = { calls: queue, bytes: queueBytes }
  const share: Load = { calls: Math.max(1, Math.floor(queue / 4)), bytes: Math.floor(queueBytes / 4) }
  const all: Load = { calls: 0, bytes: 0 }
  const byCaller = new Map<string, Load>()
  return {
    refusal(from) {
      const own = from === 'host' ? undefined : byCaller.get(from)
      return overfull(plugin, all, most) ?? (own && overfull(plugin, own, share, from)) // G2
    },
    add: (from, bytes) => count(from, 1, bytes),
    remove: (from, bytes) => count(from, -1, -bytes),
    get callers() {
      return byCaller.size
    },
  }

  function count(from: string, calls: number, bytes: number): void {
    all.calls += calls
    all.bytes += bytes
    if (from === 'host') return
    const own = byCaller.get(from) ?? { calls: 0, bytes: 0 }
    own.calls += calls
    own.bytes += bytes
    if (own.calls === 0)
      byCaller.delete(from) // G3
    else byCaller.set(from, own)
  }
}

/** The refusal if `load` has come to one of the bounds in `most`. */
export function overfull(plugin: string, load: Load, most: Load, from = ''): SandboxError | undefined {
  if (load.calls >= most.calls)
    return queueFull(plugin, from, `${most.calls} calls`, { limit: 'queue', used: load.calls, max: most.calls })
  if (load.bytes < most.bytes) return undefined
  const details = { limit: 'queueBytes', used: load.bytes, max: most.bytes }
  return queueFull(plugin, from, `${load.bytes} bytes of calls`, details)
}

function queueFull(plugin: string, from: string, what: string, details: Record<string, unknown>): SandboxError {
  const message = `${plugin} has ${what} waiting${from && ` of ${from}`}`
  const hint = 'Wait for answers before calling again.'
  return stackless(() => new SandboxError('SANDBOX_QUEUE_FULL', message, { ...details, hint }))
}
