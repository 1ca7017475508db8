// packages/kernel/src/services/deadline.ts: work that ends when its time is up, whatever it does itself.
import type { Clock } from '../powers.ts'

export interface DeadlineOptions {
  /** ms; 0 means no time-out. */
  timeoutMs: number
  signal?: AbortSignal | undefined
  /** The error for being late. */
  late(): Error
}

/**
 * Runs `work`. Its signal aborts when the time is up, when the outer signal does, or through `fail`; the promise then
 * rejects at once with that reason and whatever `work` still answers is ignored.
 */
export function withDeadline<T>(
  clock: Clock,
  { timeoutMs, signal, late }: DeadlineOptions,
  work: (signal: AbortSignal, fail: (reason: unknown) => void) => Promise<T>,
): Promise<T> {
  const controller = new AbortController()
  return new Promise<T>((resolve, reject) => {
    const release = timeoutMs > 0 ? clock.after(timeoutMs, () => fail(late())) : undefined
    const cancel = (): void => fail(signal?.reason)
    if (signal?.aborted) return cancel()
    signal?.addEventListener('abort', cancel, { once: true })
    start().then(done(resolve), done(reject))

    async function start(): Promise<T> {
      return work(controller.signal, fail)
    }

    function done<V>(settle: (value: V) => void): (value: V) => void {
      return (value) => {
        end()
        settle(value)
      }
    }

    function fail(reason: unknown): void {
      end()
      reject(reason)
      controller.abort(reason)
    }

    function end(): void {
      void release?.()
      signal?.removeEventListener('abort', cancel)
    }
  })
}
