// plugins/router/src/calls/idle.ts: an iteration that may not fall silent.
import type { Clock } from '../ports.ts'
import { AttemptFailed } from './failure.ts'

/** Passes `source` on; throws MODELS_SLOW once nothing has come for `ms`, and lets go of the source. */
export async function* notSilentFor<T>(
  source: AsyncIterable<T>,
  ms: number,
  clock: Clock,
  letGo: () => void,
): AsyncGenerator<T> {
  const iterator = source[Symbol.asyncIterator]()
  let ended = false
  try {
    for (;;) {
      const { done, value } = await within(iterator.next(), ms, clock)
      if (done) {
        ended = true
        return
      }
      yield value
    }
  } finally {
    if (!ended) {
      letGo() // first: a source that waits for the network settles only then
      iterator.return?.(undefined)?.catch(() => {})
    }
  }
}

function within<T>(work: Promise<T>, ms: number, clock: Clock): Promise<T> {
  return new Promise((resolve, reject) => {
    const silent = () =>
      reject(
        new AttemptFailed({
          code: 'MODELS_SLOW',
          message: `nothing came for ${Math.round(ms / 1_000)} s`,
          retryable: true,
        }),
      )
    const release = clock.after(ms, silent)
    work.finally(() => void release()).then(resolve, reject)
  })
}

/** Resolves after `ms`; rejects with the signal's reason when it aborts first. */
export function pause(ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const abort = () => {
      void release()
      reject(signal.reason)
    }
    const release = clock.after(ms, () => {
      signal.removeEventListener('abort', abort)
      resolve()
    })
    signal.addEventListener('abort', abort, { once: true })
  })
}
