// bench/src/bench.ts: what a bench is, and what it answers with.
import type { Subject } from './rounds.ts'

export interface BenchResult {
  subjects: Record<string, Subject>
  /** Pryx against the peer, higher is better. */
  ratios: Record<string, number>
}

export interface Bench {
  readonly name: string
  /** One line for `--help`. */
  readonly about: string
  /** What it takes at most, ms; past it the bench is ended with everything it started. */
  readonly limitMs: number
  run(rounds: number): Promise<BenchResult>
}

/** What is printed and kept. */
export interface Report extends BenchResult {
  bench: string
  node: string
}
