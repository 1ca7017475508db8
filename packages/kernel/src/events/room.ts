// packages/kernel/src/events/room.ts: how much all events that wait for one plugin may weigh, whichever of its subscriptions they
//   wait for (K3, K6). Numbers of events are bounded per subscription (mailbox.ts); this bounds their bytes.
//   R1  What is kept never weighs more than the limit, unless it is a single event.
//   R2  Emits that wait for room are weighed apart, under the same limit, so they cannot keep out what they wait for.

const MAX_DEPTH = 256 // the codec carries no more
const MAX_PARTS = 1_000_000 // no event from a guest has as many; one of the host is not walked for ever
const OBJECT_BYTES = 32
const FIELD_BYTES = 16

/** What some events weigh together. */
export interface Load {
  fits(weight: number): boolean
  add(weight: number): void
  remove(weight: number): void
  readonly empty: boolean
}

export interface Room {
  /** Waiting to be sent, or sent and not acknowledged. */
  readonly kept: Load
  /** Of emits that wait. */
  readonly blocked: Load
}

/** @param limit Bytes of memory, about. */
export function createRoom(limit: number): Room {
  return { kept: createLoad(limit), blocked: createLoad(limit) }
}

function createLoad(limit: number): Load {
  let bytes = 0
  return {
    fits: (weight) => bytes === 0 || bytes + weight <= limit, // R1
    add(weight) {
      bytes += weight
    },
    remove(weight) {
      bytes -= weight
    },
    get empty() {
      return bytes === 0
    },
  }
}

/** What a value takes in memory, bytes, about: a part that occurs twice counts twice. */
export function weigh(value: unknown): number {
  let parts = 0
  return weightOf(value, 0)

  function weightOf(part: unknown, depth: number): number {
    if (typeof part === 'string') return FIELD_BYTES + part.length
    if (typeof part !== 'object' || part === null) return FIELD_BYTES
    if (ArrayBuffer.isView(part) || part instanceof ArrayBuffer) return OBJECT_BYTES + part.byteLength
    let bytes = OBJECT_BYTES
    if (depth > MAX_DEPTH) return bytes
    const fields = part instanceof Map || part instanceof Set ? [...part] : (part as Record<string, unknown>)
    for (const key in fields) {
      if (++parts > MAX_PARTS) break
      bytes += FIELD_BYTES + weightOf((fields as Record<string, unknown>)[key], depth + 1)
    }
    return bytes
  }
}
