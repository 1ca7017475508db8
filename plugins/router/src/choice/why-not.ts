// plugins/router/src/choice/why-not.ts: everything that stands against one model for one request, not the first thing only.
import type { Catalogue } from '../catalogue/catalogue.ts'
import type { Refusal } from '../decision.ts'
import type { ChooseRequest, Needs } from '../request.ts'
import { createAdmission, REFUSALS, tokensOf } from './admit.ts'
import { estimateUsd } from './price.ts'
import type { Situation } from './situation.ts'
import { WHY_NOT } from './words.ts'

/** Of each reason, what to leave out of the request for it to go away: then the next can be seen. */
const WITHOUT: Partial<Record<Refusal, (request: ChooseRequest) => ChooseRequest>> = {
  'not-named': ({ model: _m, only: _o, chain: _c, ...rest }) => rest,
  'not-ready': (request) => ({ ...request, among: 'all' }),
  place: ({ place: _p, ...rest }) => rest,
  modality: (request) => without(request, 'input', 'output', 'images'),
  streaming: (request) => without(request, 'streaming'),
  tools: (request) => without(request, 'tools'),
  'tool-count': (request) => without(request, 'tools'),
  structured: (request) => without(request, 'structured'),
  reasoning: (request) => without(request, 'reasoningTokens'),
  cache: (request) => without(request, 'cache'),
  images: (request) => without(request, 'images'),
  'parallel-tools': (request) => without(request, 'parallelToolCalls'),
}

export function whyNot(catalogue: Catalogue, row: number, request: ChooseRequest, situation: Situation): string[] {
  const found: Refusal[] = []
  let asked: ChooseRequest | undefined = request
  while (asked !== undefined) {
    const code = createAdmission(catalogue, asked, situation)(row)
    if (code < 0) break
    const why = REFUSALS[code] as Refusal
    if (found.includes(why)) break
    found.push(why)
    asked = WITHOUT[why]?.(asked)
  }
  return [...found, ...passing(catalogue, row, request, situation)].map((why) => WHY_NOT[why])
}

function passing(
  catalogue: Catalogue,
  row: number,
  { needs }: ChooseRequest,
  { budget, cooling, limited, at }: Situation,
): Refusal[] {
  const { inputTokens, outputTokens } = tokensOf(needs)
  const usd = estimateUsd(catalogue, row, inputTokens, outputTokens)
  const over = budget !== undefined && (Number.isNaN(usd) ? budget.unknownPrice === 'refuse' : usd > budget.leftUsd)
  return [
    ...(over ? ['budget' as const] : []),
    ...((cooling[catalogue.slug(row)] ?? 0) > at ? ['cooling-down' as const] : []),
    ...((limited[catalogue.provider(row).id] ?? 0) > at ? ['rate-limit' as const] : []),
  ]
}

function without(request: ChooseRequest, ...keys: (keyof Needs)[]): ChooseRequest {
  return {
    ...request,
    needs: Object.fromEntries(
      Object.entries(request.needs ?? {}).filter(([key]) => !keys.includes(key as keyof Needs)),
    ),
  }
}
