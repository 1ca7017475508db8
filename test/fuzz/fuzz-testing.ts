// test/fuzz/fuzz-testing.ts: what fuzz tests share: how often, what a clear answer is, and JSON with anything anywhere.
import { expect } from 'vitest'
import { PryxError } from '../../packages/kernel/src/contract/index.ts'

export const numRuns = process.env.PRYX_DEEP ? 50_000 : 500

/** Either it works, or it says no in our words. */
export function expectClear(work: () => unknown, look: (error: PryxError) => void = () => {}, failure?: unknown): void {
  let thrown = failure
  if (thrown === undefined) {
    try {
      work()
      return
    } catch (error) {
      thrown = error
    }
  }
  if (!PryxError.is(thrown)) throw new Error('it failed without a code', { cause: thrown })
  expect(thrown.message.length).toBeLessThan(10_000)
  look(thrown)
}

/** A copy with another value at the `where`-th place, counted through the tree; wraps around. */
export function replaceAt(json: unknown, where: number, value: unknown): unknown {
  const places = placesOf(json, [])
  const path = places[where % places.length] as string[]
  if (path.length === 0) return value
  const copy = structuredCloneish(json)
  const parent = path.slice(0, -1).reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], copy)
  Object.defineProperty(parent, path.at(-1) as string, { value, enumerable: true, writable: true, configurable: true })
  return copy
}

function placesOf(json: unknown, path: string[]): string[][] {
  if (typeof json !== 'object' || json === null || path.length > 6) return [path]
  return [path, ...Object.keys(json).flatMap((key) => placesOf((json as Record<string, unknown>)[key], [...path, key]))]
}

function structuredCloneish(json: unknown): unknown {
  if (
    typeof json !== 'object' ||
    json === null ||
    (Object.getPrototypeOf(json) !== Object.prototype && !Array.isArray(json))
  )
    return json
  if (Array.isArray(json)) return json.map(structuredCloneish)
  return Object.fromEntries(Object.entries(json).map(([key, item]) => [key, structuredCloneish(item)]))
}
