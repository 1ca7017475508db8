// packages/kernel/src/node/underway.ts: bytes that were sent to a guest and that no turn of it has been handed yet.
import { createDeque } from '../events/deque.ts'

const WORTH_COUNTING = 16_384 // bytes of a batch; there are never as many smaller ones as would matter, for calls are bounded in number

/** @param taken Batches the guest has been handed so far. */
export function createUnderway(taken: () => number) {
  const batches = createDeque<{ batch: number; bytes: number }>()
  let total = 0
  return {
    /** Batch number `batch`, larger than those before it, leaves. */
    add(batch: number, bytes: number): void {
      if (bytes < WORTH_COUNTING) return
      settle() // keeps the list as short as what it tells of
      batches.push({ batch, bytes })
      total += bytes
    },
    bytes(): number {
      if (batches.size > 0) settle()
      return total
    },
  }

  function settle(): void {
    const handed = taken()
    for (let first = batches.first; first && first.batch <= handed; first = batches.first) {
      total -= first.bytes
      batches.shift()
    }
  }
}
