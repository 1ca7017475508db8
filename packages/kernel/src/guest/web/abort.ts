// packages/kernel/src/guest/web/abort.ts: AbortController and AbortSignal. @see https://dom.spec.whatwg.org/#aborting-ongoing-activities
//   A1  A signal aborts once; dependents (`AbortSignal.any`) carry the same reason and learn of it after its own listeners.
//   A2  A long-lived source does not keep a dependent alive that nobody listens to.
import { DOMException } from './dom-exception.ts'
import { defineHandler, Event, EventTarget, trusted } from './events.ts'
import { setTimeout } from './timers.ts'

const INTERNAL = Symbol('internal')
const PRUNE_AT = 64 // dependents of one source before dead references are swept

let abortSignal: (signal: AbortSignal, reason: unknown) => void
let listen: (signal: AbortSignal, algorithm: () => void) => () => void

export class AbortSignal extends EventTarget {
  #aborted = false
  #reason: unknown
  #algorithms = new Set<() => void>()
  #sources: AbortSignal[] = []
  #dependents: WeakRef<AbortSignal>[] = []
  #held = new Set<AbortSignal>() // dependents somebody listens to
  #heard = false // has had a listener of `abort`
  #pruneAt = PRUNE_AT

  static {
    abortSignal = (signal, reason) => signal.#abort(reason)
    listen = (signal, algorithm) => signal.#listen(algorithm)
  }

  constructor(key?: symbol) {
    if (key !== INTERNAL) throw new TypeError('Illegal constructor')
    super()
  }

  static abort(reason: unknown = abortError()): AbortSignal {
    const signal = new AbortSignal(INTERNAL)
    signal.#abort(reason)
    return signal
  }

  static timeout(ms: number): AbortSignal {
    const delay = Number(ms)
    if (!(delay >= 0 && delay <= Number.MAX_SAFE_INTEGER))
      throw new TypeError('the time-out must be a number of ms, 0 or more')
    const signal = new AbortSignal(INTERNAL)
    setTimeout(() => signal.#abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError')), delay)
    return signal
  }

  static any(signals: Iterable<AbortSignal>): AbortSignal {
    const sources = [...signals]
    if (!sources.every((source) => source instanceof AbortSignal)) throw new TypeError('AbortSignal.any needs signals')
    const result = new AbortSignal(INTERNAL)
    const aborted = sources.find((source) => source.#aborted)
    if (aborted) result.#abort(aborted.#reason)
    else result.#follow(new Set(sources.flatMap((source) => (source.#sources.length > 0 ? source.#sources : [source]))))
    return result
  }

  get aborted(): boolean {
    return this.#aborted
  }

  get reason(): unknown {
    return this.#reason
  }

  throwIfAborted(): void {
    if (this.#aborted) throw this.#reason
  }

  override addEventListener(...args: Parameters<EventTarget['addEventListener']>): void {
    super.addEventListener(...args)
    if (String(args[0]) !== 'abort' || this.#aborted) return
    this.#heard = true
    for (const source of this.#sources) source.#held.add(this)
  }

  #follow(sources: Set<AbortSignal>): void {
    this.#sources = [...sources]
    for (const source of sources) {
      if (source.#dependents.length >= source.#pruneAt) source.#prune()
      source.#dependents.push(new WeakRef(this))
    }
  }

  #prune(): void {
    this.#dependents = this.#dependents.filter((ref) => ref.deref() !== undefined)
    this.#pruneAt = Math.max(PRUNE_AT, this.#dependents.length * 2)
  }

  #listen(algorithm: () => void): () => void {
    this.#algorithms.add(algorithm)
    for (const source of this.#sources) source.#held.add(this)
    return () => {
      this.#algorithms.delete(algorithm)
      if (this.#algorithms.size > 0 || this.#heard) return
      for (const source of this.#sources) source.#held.delete(this) // A2
    }
  }

  #abort(reason: unknown): void {
    if (this.#aborted) return
    const dependents = this.#dependents
      .map((ref) => ref.deref())
      .filter((signal) => signal !== undefined && !signal.#aborted) as AbortSignal[]
    for (const signal of [this, ...dependents]) signal.#mark(reason)
    for (const signal of [this, ...dependents]) signal.#tell() // A1
  }

  #mark(reason: unknown): void {
    this.#aborted = true
    this.#reason = reason
    for (const source of this.#sources) source.#held.delete(this)
    this.#sources = []
  }

  #tell(): void {
    for (const algorithm of this.#algorithms) algorithm()
    this.#algorithms.clear()
    this.#dependents = []
    this.dispatchEvent(trusted(new Event('abort')))
  }
}
defineHandler(AbortSignal.prototype, 'abort')

export class AbortController {
  readonly #signal = new AbortSignal(INTERNAL)
  get signal(): AbortSignal {
    return this.#signal
  }
  abort(reason: unknown = abortError()): void {
    abortSignal(this.#signal, reason)
  }
}

/** Runs `algorithm` before the listeners when `signal` aborts. Call what it returns once that is no longer wanted. */
export function onAbort(signal: AbortSignal, algorithm: () => void): () => void {
  return listen(signal, algorithm)
}

function abortError(): DOMException {
  return new DOMException('This operation was aborted', 'AbortError')
}
