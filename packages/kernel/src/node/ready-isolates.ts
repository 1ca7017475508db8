// packages/kernel/src/node/ready-isolates.ts: isolates made ahead, so that a start need not wait for one.
//   Y1  One of each kind in use is made ahead, never while plugins start: a rush of starts makes its own.
//   Y2  An isolate is taken once. Each is made from the snapshot, so nothing passes from one plugin to the next.
import type { RuntimeKind } from './control.ts'
import type { EmptyIsolate } from './isolate.ts'

const CALM_MS = 30 // after the last start

export interface ReadyIsolates {
  take(kind: RuntimeKind, memoryMb: number): EmptyIsolate
}

export function createReadyIsolates(make: (kind: RuntimeKind, memoryMb: number) => EmptyIsolate): ReadyIsolates {
  const wanted = new Map<RuntimeKind, number>()
  const ready = new Map<RuntimeKind, { isolate: EmptyIsolate; memoryMb: number }>()
  let due: NodeJS.Timeout | undefined
  return { take }

  function take(kind: RuntimeKind, memoryMb: number): EmptyIsolate {
    wanted.set(kind, memoryMb)
    refillLater() // Y1
    const one = ready.get(kind)
    if (one?.memoryMb !== memoryMb) return make(kind, memoryMb)
    ready.delete(kind) // Y2
    return one.isolate
  }

  function refillLater(): void {
    clearTimeout(due)
    due = setTimeout(refill, CALM_MS)
  }

  /** One a turn of the event loop. */
  function refill(): void {
    for (const [kind, memoryMb] of wanted) {
      if (ready.get(kind)?.memoryMb === memoryMb) continue
      ready.get(kind)?.isolate.dispose()
      ready.set(kind, { isolate: make(kind, memoryMb), memoryMb })
      return refillLater()
    }
  }
}
