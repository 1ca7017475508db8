// packages/kernel/src/services/nearest.ts: what was probably meant, for hints.
const MAX_LENGTH = 64 // characters compared; names come from guests and the distance is quadratic

/** The candidate most like `name`, or undefined if none is alike. */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined
  let least = Math.max(2, Math.floor(name.length / 3)) + 1
  for (const candidate of candidates) {
    const edits = distance(name.toLowerCase().slice(0, MAX_LENGTH), candidate.toLowerCase().slice(0, MAX_LENGTH))
    if (edits >= least) continue
    best = candidate
    least = edits
  }
  return best
}

/** Fewest insertions, removals and replacements that make `a` from `b` (Levenshtein), one row of the table at a time. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row[b.length]!
}
