// plugins/router/src/choice/price.ts: what a job costs on a model. NaN where a price is not known: unknown is never free.
import type { Catalogue } from '../catalogue/catalogue.ts'
import type { TokenUsage } from '../stream.ts'

const MILLION = 1_000_000

/** Estimated USD. Caching is left out, so it is rather too much than too little. */
export function estimateUsd(catalogue: Catalogue, row: number, inputTokens: number, outputTokens: number): number {
  const { columns } = catalogue
  const perCall = columns.priceRequest[row] as number
  let input = columns.priceIn[row] as number
  let output = columns.priceOut[row] as number
  if (catalogue.tiered[row] === 1) {
    const tier = tierFor(catalogue.tiers.get(row), inputTokens)
    if (tier) [input, output] = [tier.input, tier.output]
  }
  const usd = (inputTokens * input + outputTokens * output) / MILLION
  return Number.isNaN(perCall) ? usd : usd + perCall
}

/** USD of a call as reported. `inputTokens` include what was read from and written to a cache, `outputTokens` the thinking. */
export function usdOf(catalogue: Catalogue, row: number, usage: TokenUsage): number {
  const { columns, tiers } = catalogue
  const tier = tierFor(tiers.get(row), usage.inputTokens)
  const input = tier?.input ?? (columns.priceIn[row] as number)
  const output = tier?.output ?? (columns.priceOut[row] as number)
  const read = known(tier?.cacheRead ?? columns.cacheRead[row], input)
  const write = known(tier?.cacheWrite ?? columns.cacheWrite[row], input)
  const thinking = known(columns.priceReasoning[row], output)
  const plain = Math.max(0, usage.inputTokens - usage.cacheReadTokens - usage.cacheWriteTokens)
  const words = Math.max(0, usage.outputTokens - usage.reasoningTokens)
  const tokens =
    plain * input +
    usage.cacheReadTokens * read +
    usage.cacheWriteTokens * write +
    words * output +
    usage.reasoningTokens * thinking
  return tokens / MILLION + known(columns.priceRequest[row], 0)
}

/** The dearest tier that `inputTokens` reach. */
function tierFor<T extends { above: number }>(tiers: readonly T[] | undefined, inputTokens: number): T | undefined {
  return tiers?.findLast(({ above }) => inputTokens > above)
}

function known(price: number | undefined, otherwise: number): number {
  return price === undefined || Number.isNaN(price) ? otherwise : price
}
