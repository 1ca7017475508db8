// plugins/router/src/choice/words.ts: decisions in plain words, for `pryx models explain`, the page and the log.
import type { Catalogue } from '../catalogue/catalogue.ts'
import type { Decision, Refusal, Violation } from '../decision.ts'
import type { ChooseRequest, Strategy } from '../request.ts'
import type { Ranking } from './rank.ts'

export const WHY_NOT: Readonly<Record<Refusal, string>> = {
  'not-named': 'it is not among the models asked for',
  'not-spoken': 'its provider speaks a wire this router does not',
  'not-ready': 'its provider is not set up',
  deprecated: 'it is deprecated',
  place: 'it does not run on this machine',
  modality: 'it does not take or give what is needed (text, images …)',
  tools: 'it cannot call tools',
  'tool-count': 'it takes fewer tools',
  'parallel-tools': 'it takes fewer parallel tool calls',
  images: 'it takes fewer images',
  streaming: 'it does not stream',
  structured: 'it has no structured output',
  reasoning: 'it does not think, or not with such a budget',
  cache: 'it has no prompt cache with a known price',
  context: 'its window is too small, or unknown',
  'request-tokens': 'it takes fewer tokens in one request',
  'price-unknown': 'its price is unknown, and unknown is not free',
  'max-cost': 'it would cost more than allowed for this call',
  budget: 'it would cross a budget',
  'rate-limit': 'its requests per minute or hour are used up',
  'cooling-down': 'it failed a moment ago and is left alone',
}

const BY: Readonly<Record<Strategy, string>> = {
  cheapest: 'the lowest price for this job',
  fastest: 'the shortest expected time',
  balanced: 'the best balance of price (0.6) and time (0.4)',
  capability: 'the most of the wished abilities',
  chain: 'its place in the chain',
  diverse: 'the provider used least of late',
  preferred: 'its place in your order',
}

export function reasonsFor(
  catalogue: Catalogue,
  ranking: Ranking,
  place: number,
  request: ChooseRequest & { strategy: Strategy },
): string[] {
  const row = ranking.rows[place] as number
  const reasons = [`it satisfies every constraint; ranked by ${BY[request.strategy]}`]
  if (request.model !== undefined) reasons.unshift('you named it')
  reasons.push(
    `${money(ranking.usd[place] as number)} for this job, about ${seconds(ranking.ms[place] as number)} (${ranking.measured(row) ? 'measured' : 'a guess from its kind'})`,
  )
  if (catalogue.tiers.has(row)) reasons.push('its price rises with long input')
  return reasons
}

export function whatItLostBy(ranking: Ranking, first: number, place: number, strategy: Strategy): string {
  const [usd, best] = [ranking.usd[place] as number, ranking.usd[first] as number]
  const ms = (ranking.ms[place] as number) - (ranking.ms[first] as number)
  if (Number.isNaN(usd) && !Number.isNaN(best)) return 'its price is unknown'
  if (strategy === 'fastest' && ms > 0) return `about ${seconds(ms)} slower`
  const score = (ranking.score[place] as number) - (ranking.score[first] as number)
  if (strategy === 'balanced' && score > 0) return `${score.toPrecision(2)} worse in the balance of price and time`
  if (score > 0 && strategy !== 'cheapest') return `behind in ${BY[strategy].replace(/^its /, '')}`
  if (usd > best) return `${money(usd - best)} dearer`
  return ms > 0 ? `as cheap, about ${seconds(ms)} slower` : 'equal, but later in the catalogue'
}

export function summaryOf(decision: Decision): string {
  const { chosen, strategy, admissible, considered, refused, violation } = decision
  const counted = `${admissible} of ${considered} models would do`
  const limit = violation ? ` ${violationText(violation)}` : ''
  if (chosen)
    return `${chosen.slug}, for ${BY[strategy]}: ${money(chosen.usd ?? Number.NaN)}, about ${seconds(chosen.ms)}. ${counted}.${limit}`
  const reasons = refused.slice(0, 3).map(({ why, count }) => `${count}: ${WHY_NOT[why]}`)
  return `No model: ${counted}. ${reasons.join('; ')}.${limit}`
}

export function violationText(violation: Violation): string {
  switch (violation.kind) {
    case 'context':
      return `The job takes ${violation.tokens} tokens and the largest window that would do has ${violation.window}.`
    case 'rate-limit':
      return 'The first choice is at its rate limit or cooling down.'
    case 'tool-limit':
      return `${violation.wanted} tools or parallel calls are wanted and it takes ${violation.max}.`
    case 'budget':
      return `The budget ${violation.budget} has ${money(violation.leftUsd)} left and the first choice would take ${money(violation.wantedUsd ?? Number.NaN)}.`
  }
}

/** `$0.0012`; `an unknown price`. */
export function money(usd: number): string {
  if (Number.isNaN(usd)) return 'an unknown price'
  if (usd === 0) return '$0'
  return usd >= 0.01 ? `$${usd.toFixed(2)}` : `$${usd.toPrecision(2)}`
}

function seconds(ms: number): string {
  return ms < 10_000 ? `${(ms / 1_000).toFixed(1)} s` : `${Math.round(ms / 1_000)} s`
}
