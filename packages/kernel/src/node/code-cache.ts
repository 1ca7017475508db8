// packages/kernel/src/node/code-cache.ts: what V8 has compiled of a plugin's code, kept for the next start of the same code in this process.
//   X1  Found by the whole text, never by a name or a digest: V8 itself checks little more than the length.
//   X2  Made at the second start: most code starts once. Bounded by bytes; what was used longest ago goes first.
const MAX_BYTES = 16 * 1_048_576 // of source text and what was compiled of it

export interface CodeCache<T> {
  /** What was kept for `code`; `worth`: it has been seen before and nothing is kept yet. */
  find(code: string): { cached?: T; worth: boolean }
  keep(code: string, cached: T, bytes: number): void
}

export function createCodeCache<T>(maxBytes = MAX_BYTES): CodeCache<T> {
  const entries = new Map<string, { cached?: T; bytes: number }>()
  let total = 0
  return {
    find(code) {
      const entry = entries.get(code)
      store(code, entry ?? { bytes: code.length })
      return {
        ...(entry?.cached !== undefined && { cached: entry.cached }),
        worth: entry !== undefined && entry.cached === undefined,
      }
    },
    keep: (code, cached, bytes) => store(code, { cached, bytes: code.length + bytes }),
  }

  /** As the newest. */
  function store(code: string, entry: { cached?: T; bytes: number }): void {
    total += entry.bytes - (entries.get(code)?.bytes ?? 0)
    entries.delete(code)
    entries.set(code, entry)
    for (const [oldest, { bytes }] of entries) {
      if (total <= maxBytes) return
      total -= bytes
      entries.delete(oldest) // X2
    }
  }
}
