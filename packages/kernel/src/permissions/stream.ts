// packages/kernel/src/permissions/stream.ts: streams that a call returns live no longer than its lease (K4).
import type { PryxError, Release } from '../contract/index.ts'
import type { Lease } from './lease.ts'

const MAX_DEPTH = 4 // levels of plain objects and arrays in which a stream is looked for

/** The value with each `ReadableStream` in it replaced by one that errors, with the lease's reason, as the lease ends. */
export function leaseStreams(value: unknown, lease: Lease, depth = 0): unknown {
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return value
  if (value instanceof ReadableStream) return leaseStream(value, lease)
  if (Array.isArray(value)) return replaced(value, Object.keys(value), lease, depth)
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
    ? replaced(value, Object.keys(value), lease, depth)
    : value
}

/** Ends the streams of a value that came too late for anyone to read. */
export function cancelStreams(value: unknown, reason: PryxError, depth = 0): void {
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return
  if (value instanceof ReadableStream) return void value.cancel(reason).catch(() => {})
  for (const item of Object.values(value)) cancelStreams(item, reason, depth + 1)
}

function replaced<T extends object>(value: T, keys: string[], lease: Lease, depth: number): T {
  let copy: T | undefined
  for (const key of keys as (keyof T)[]) {
    const item = value[key]
    if (typeof item !== 'object' || item === null) continue
    const leased = leaseStreams(item, lease, depth + 1)
    if (leased === item) continue
    copy ??= (Array.isArray(value) ? [...value] : { ...value }) as T
    copy[key] = leased as T[keyof T]
  }
  return copy ?? value
}

function leaseStream(source: ReadableStream, lease: Lease): ReadableStream {
  const reader = source.getReader()
  let finished = false
  let released = false
  let release: Release = () => {}
  return new ReadableStream(
    {
      start(controller) {
        release = lease.keep(() => () => {
          released = true
          if (finished) return
          controller.error(lease.reason)
          reader.cancel(lease.reason).catch(() => {})
        })
      },
      async pull(controller) {
        try {
          const next = await reader.read()
          if (released) return
          if (!next.done) return controller.enqueue(next.value)
          finish()
          controller.close()
        } catch (error) {
          finish()
          throw error
        }
      },
      cancel(reason) {
        finish()
        return reader.cancel(reason)
      },
    },
    { highWaterMark: 0 },
  )

  function finish(): void {
    finished = true
    void release()
  }
}
