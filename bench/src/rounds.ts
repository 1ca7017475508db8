// bench/src/rounds.ts: rounds of several participants in turn (A B C A B C …), and what is told of them.

/** One figure of one participant: what was measured, in which unit, and how it came out over the rounds. */
export interface Subject {
  what: string
  unit: string
  min: number
  median: number
  max: number
  rounds: number
}

/** Figures of one round, by subject name. */
export type Figures = Readonly<Record<string, number>>
export type Samples = ReadonlyMap<string, readonly number[]>

/**
 * Runs every participant once per round, one after another, so that all meet the same weather. Each starts with one
 * more round that is not counted: the code is warm then. `cold`: without it, where every round is a process of its own.
 */
export async function interleave(
  rounds: number,
  participants: readonly (() => Promise<Figures>)[],
  { cold = false } = {},
): Promise<Samples> {
  const samples = new Map<string, number[]>()
  if (!cold) for (const measure of participants) await measure()
  for (let round = 0; round < rounds; round++) {
    for (const measure of participants) {
      for (const [name, value] of Object.entries(await measure()))
        samples.set(name, [...(samples.get(name) ?? []), value])
    }
  }
  return samples
}

/** Dresses the samples named in `about` as subjects; `[unit, what]` each. */
export function subjectsOf(
  samples: Samples,
  about: Readonly<Record<string, readonly [unit: string, what: string]>>,
): Record<string, Subject> {
  return Object.fromEntries(
    Object.entries(about).flatMap(([name, [unit, what]]) => {
      const values = samples.get(name)
      return values ? [[name, { what, unit, ...spreadOf(values), rounds: values.length }]] : []
    }),
  )
}

/** How many times better `ours` is than `peer`, by medians. `less`: smaller figures are better. */
export function ratioOf(samples: Samples, ours: string, peer: string, better: 'less' | 'more'): number {
  const [mine, theirs] = [ours, peer].map((name) => quantile(samples.get(name) ?? [], 0.5)) as [number, number]
  return significant(better === 'less' ? theirs / mine : mine / theirs)
}

/** The value below which the share `q` of `values` lies; NaN of none. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (sorted.length - 1) * q
  const low = sorted[Math.floor(at)] ?? Number.NaN
  const high = sorted[Math.ceil(at)] ?? Number.NaN
  return low + (high - low) * (at - Math.floor(at))
}

function spreadOf(values: readonly number[]): Pick<Subject, 'min' | 'median' | 'max'> {
  return {
    min: significant(Math.min(...values)),
    median: significant(quantile(values, 0.5)),
    max: significant(Math.max(...values)),
  }
}

/** Four digits: more would claim a precision no bench has. */
function significant(value: number): number {
  return Number(value.toPrecision(4))
}
