// packages/kernel/src/powers.ts: what the kernel's core is handed instead of reaching for it. Real ones: node/powers.ts.
import type { Release } from './contract/index.ts'

export interface Clock {
  /** Epoch ms. */
  now(): number
  /** Runs `fn` once, `ms` from now, unless released before. */
  after(ms: number, fn: () => void): Release
}

export interface Ids {
  /** A new id, never given before: `prefix-…`. */
  next(prefix: string): string
}
