// plugins/router/src/choice/speed.ts: how long a model takes: measured where it was used, else guessed from its kind, and said so.
import type { Catalogue } from '../catalogue/catalogue.ts'
import { MORE } from '../catalogue/catalogue.ts'
import { FLAG } from '../catalogue/compact.ts'
import type { Situation } from './situation.ts'

/** ms to the first word, and tokens a second. Guesses: order of size only, from what providers publish. */
const KINDS = {
  small: { firstMs: 500, tokensPerSecond: 150 },
  plain: { firstMs: 900, tokensPerSecond: 70 },
  thinking: { firstMs: 2_500, tokensPerSecond: 60 },
  local: { firstMs: 1_000, tokensPerSecond: 30 },
} as const
const ORDER = ['small', 'plain', 'thinking', 'local'] as const
const SMALL = /(^|[-_./: ])(nano|mini|flash|lite|haiku|small|tiny|instant|air|[1-9]b)(?![a-z])/i

const FIRST_MS = Float64Array.from(ORDER, (kind) => KINDS[kind].firstMs)
const MS_PER_TOKEN = Float64Array.from(ORDER, (kind) => 1_000 / KINDS[kind].tokensPerSecond)

export interface Speeds {
  /** Expected ms to the end of `outputTokens`. */
  ms(row: number, outputTokens: number): number
  measured(row: number): boolean
}

export function speedsOf(catalogue: Catalogue, { speeds }: Pick<Situation, 'speeds'>): Speeds {
  const kinds = kindsOf(catalogue)
  const measured = new Map<number, { firstMs: number; tokensPerSecond: number }>()
  for (const [slug, speed] of Object.entries(speeds)) {
    const row = catalogue.row(slug)
    if (row !== undefined) measured.set(row, speed)
  }
  const any = measured.size > 0
  return {
    ms(row, outputTokens) {
      const known = any ? measured.get(row) : undefined
      if (known) return known.firstMs + (outputTokens / known.tokensPerSecond) * 1_000
      const kind = kinds[row] as number
      return (FIRST_MS[kind] as number) + outputTokens * (MS_PER_TOKEN[kind] as number)
    },
    measured: (row) => measured.has(row),
  }
}

const memory = new WeakMap<Catalogue, Uint8Array>()

/** One pass over all names, once per catalogue. */
function kindsOf(catalogue: Catalogue): Uint8Array {
  let kinds = memory.get(catalogue)
  if (kinds) return kinds
  kinds = new Uint8Array(catalogue.size)
  for (let row = 0; row < catalogue.size; row++) {
    const flags = catalogue.columns.flags[row] as number
    const kind =
      flags & MORE.local
        ? 'local'
        : SMALL.test(catalogue.slug(row))
          ? 'small'
          : flags & FLAG.reasoning
            ? 'thinking'
            : 'plain'
    kinds[row] = ORDER.indexOf(kind)
  }
  memory.set(catalogue, kinds)
  return kinds
}
