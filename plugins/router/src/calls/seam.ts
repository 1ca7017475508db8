// plugins/router/src/calls/seam.ts: carries on an answer that broke, with a second one of the same model (moonshot 6: honest failover).
//   M1  Words are never told twice and never glued: the second answer must begin with exactly what was told; from there it goes on.
//   M2  Where it differs, what was told is void, and the second answer is told from its beginning.

export type Seam =
  /** Nothing new yet: it repeats what was told. */
  | { kind: 'repeats' }
  /** `text` follows on what was told. */
  | { kind: 'follows'; text: string }
  /** It is another answer, whose beginning is `text`. */
  | { kind: 'differs'; text: string }

/** Takes the second answer piece by piece. */
export function createSeam(told: string): (text: string) => Seam {
  let at = 0 // characters of `told` repeated so far
  return (text) => {
    const repeated = text.slice(0, told.length - at)
    if (told.slice(at, at + repeated.length) !== repeated) return { kind: 'differs', text: told.slice(0, at) + text } // M2
    at += repeated.length
    const rest = text.slice(repeated.length)
    return rest === '' ? { kind: 'repeats' } : { kind: 'follows', text: rest } // M1
  }
}
