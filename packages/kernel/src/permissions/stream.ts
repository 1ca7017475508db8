// packages/kernel/src/permissions/stream.ts: streams that a call returns live no longer than its lease (K4).
import type { PryxError, Release } from '../contract/index.ts'
import type { Lease } from './lease.ts'

const MAX_DEPTH = 4 // levels of plain objects and arrays in which a stream is looked for

/** The value with each `ReadableStream` in it replaced by one that errors, with the lease's reason, as the lease ends. */
export function leaseStreams(value: unknown, lease: Lease): unknown {
  return replaceWithin(value, (item) =>
    item instanceof ReadableStream ? leaseStream(item, lease, (release) => lease.keep(() => release)) : undefined,
  )
}

/**
 * The value, copied where `replace` answers something for what lies in it, at most MAX_DEPTH plain objects and arrays deep.
 * It is asked of streams, functions and other things that are no plain data.
 */
export function replaceWithin(value: unknown, replace: (item: object) => unknown, depth = 0): unknown {
  if (typeof value === 'function') return replace(value) ?? value
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return value
  if (Array.isArray(value)) return replaced(value, replace, depth)
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) return replaced(value, replace, depth)
  return replace(value) ?? value
}

/** Ends the streams of a value that came too late for anyone to read. */
export function cancelStreams(value: unknown, reason: PryxError, depth = 0): void {
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return
  if (value instanceof ReadableStream) return void value.cancel(reason).catch(() => {})
  for (const item of Object.values(value)) cancelStreams(item, reason, depth + 1)
}

function replaced<T extends object>(value: T, replace: (item: object) => unknown, depth: number): T {
  let copy: T | undefined
  for (const key of Object.keys(value) as (keyof T)[]) {
    const item = value[key]
    if (item === null || (typeof item !== 'object' && typeof item !== 'function')) continue
    const next = replaceWithin(item, replace, depth + 1)
    if (next === item) continue
    copy ??= (Array.isArray(value) ? [...value] : { ...value }) as T
    copy[key] = next as T[keyof T]
  }
  return copy ?? value
}

/** @param own Takes the release over, and calls it as the lease ends; answers how to let go of it early. */
export function leaseStream(source: ReadableStream, lease: Lease, own: (release: Release) => Release): ReadableStream {
  const reader = source.getReader()
  let finished = false
  let released = false
  let release: Release = () => {}
  return new ReadableStream(
    {
      start(controller) {
        release = own(() => {
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
