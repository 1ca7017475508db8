// packages/kernel/src/contract/scope.ts: who owns what, and in which order it goes away.
//   S1  A resource has one owner. Its scope releases it once, newest first.
//   S2  A release that throws does not stop the others; all failures are reported together.
//   S3  A closed scope starts nothing: an effect is refused before it acquires.
import { UsageError } from './errors.ts'

export type Release = () => void | Promise<void>

export interface Scope extends AsyncDisposable {
  readonly closed: boolean
  /** How many resources it owns now. */
  readonly size: number
  /** Acquires a resource and owns it. Call the returned release to let go early; later calls do nothing. */
  effect(acquire: () => Release): Release
  /** A scope within this one: ends with it, or earlier. */
  child(name: string): Scope
}

/** @param onEnd Called once, as the scope begins to end: a child leaves its parent this way. */
export function createScope(name: string, onEnd: () => unknown = () => {}): Scope {
  const owned = new Set<Release>()
  let closed = false
  let ending: Promise<void> | undefined
  const scope: Scope = {
    get closed() {
      return closed
    },
    get size() {
      return owned.size
    },
    effect(acquire) {
      if (closed) throw new UsageError('USAGE_SCOPE_CLOSED', `${name} has ended and can start nothing`) // S3
      const release = acquire()
      const once: Release = () => (owned.delete(once) ? release() : undefined) // S1
      owned.add(once)
      return once
    },
    child(childName) {
      const inner = createScope(`${name} › ${childName}`, () => leave())
      const leave = scope.effect(() => async () => inner[Symbol.asyncDispose]())
      return inner
    },
    [Symbol.asyncDispose]() {
      ending ??= end()
      return ending
    },
  }
  return scope

  async function end(): Promise<void> {
    closed = true
    void onEnd()
    const failures: unknown[] = []
    for (const release of [...owned].reverse()) {
      try {
        await release()
      } catch (failure) {
        failures.push(failure) // S2
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, `${name} did not end cleanly`)
  }
}
