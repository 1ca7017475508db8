// packages/kernel/src/guest/ambient.ts: what is being handled right now. It holds for the synchronous part of a handler and no longer.

/** Who makes a call into the plugin, as its code sees it. */
export interface Caller {
  readonly from: string
  readonly trace: string
  readonly signal: AbortSignal
}

/** A call being served. The signal is made when somebody looks: most calls never do. */
export class ServedCall implements Caller {
  readonly from: string
  readonly trace: string
  #controller: AbortController | undefined
  #reason: unknown

  constructor(from: string, trace: string) {
    this.from = from
    this.trace = trace
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#reason !== undefined) this.#controller.abort(this.#reason)
    }
    return this.#controller.signal
  }

  abort(reason: unknown): void {
    this.#reason = reason
    this.#controller?.abort(reason)
  }
}

type Origin = { readonly trace: string }

export interface Ambient {
  /** Starts the synchronous part of a handler; give the answer to `leave`. */
  enter(origin: Origin): Origin | undefined
  leave(before: Origin | undefined): void
  /** The trace of what is being handled, else a new one. */
  trace(): string
  caller(): Caller | undefined
}

/** @param random Bytes for the prefix of new traces; asked for once, at the first of them. */
export function createAmbient(random: (bytes: number) => Uint8Array): Ambient {
  let current: Origin | undefined
  let prefix = ''
  let made = 0
  return {
    enter(origin) {
      const before = current
      current = origin
      return before
    },
    leave(before) {
      current = before
    },
    trace: () => current?.trace ?? newTrace(),
    caller: () => (current instanceof ServedCall ? current : undefined),
  }

  function newTrace(): string {
    prefix ||= Array.from(random(8), (byte) => byte.toString(16).padStart(2, '0')).join('')
    return `${prefix}-${(++made).toString(36)}`
  }
}
