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
  const watch = watchSilence(ms, clock)
  let ended = false
  try {
    for (;;) {
      const { done, value } = await watch.over(iterator.next())
      if (done) {
        ended = true
        return
      }
      yield value
    }
  } finally {
    watch.end()
    if (!ended) {
      letGo() // first: a source that waits for the network settles only then
      iterator.return?.(undefined)?.catch(() => {})
    }
  }
}

/** One timer for all pieces, since a timer of a plugin costs more than a look at the clock. How long the consumer takes does not count. */
function watchSilence(ms: number, clock: Clock) {
  let waiting: { since: number; fail(error: unknown): void } | undefined
  let release = clock.after(ms, look)
  return {
    over<T>(work: Promise<T>): Promise<T> {
      return new Promise<T>((resolve, fail) => {
        waiting = { since: clock.now(), fail }
        work.then(resolve, fail)
      }).finally(() => {
        waiting = undefined
      })
    },
    end: () => void release(),
  }

  function look(): void {
    const left = waiting === undefined ? ms : Math.min(ms, waiting.since + ms - clock.now()) // the clock may be set back
    if (left <= 0) waiting?.fail(slow(ms))
    else release = clock.after(left, look)
  }
}

function slow(ms: number): AttemptFailed {
  const message = `nothing came for ${Math.round(ms / 1_000)} s`
  return new AttemptFailed({ code: 'MODELS_SLOW', message, retryable: true })
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
