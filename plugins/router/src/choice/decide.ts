// plugins/router/src/choice/decide.ts: one decision: pure, from the catalogue, the request and the situation (R4–R6).
//   D1  The chosen model and every fallback satisfy every constraint of the request.
//   D2  The same three inputs give the same decision, to the letter: it can be kept, explained and made again.
//   D3  A model the user named is strict: it, or nothing.
import type { Catalogue } from '../catalogue/catalogue.ts'
import type { Choice, Decision, Refusal, Violation } from '../decision.ts'
import type { ChooseRequest, Strategy } from '../request.ts'
import { createAdmission, REFUSALS, type Tokens, tokensOf } from './admit.ts'
import { type Ranking, rank, scratchOf } from './rank.ts'
import type { Situation } from './situation.ts'
import { contextViolation, toolViolation } from './violations.ts'
import { reasonsFor, summaryOf, whatItLostBy } from './words.ts'

const MAX_FALLBACKS = 3
const RUNNERS_UP = 3
const EXAMPLES = 3

export interface Defaults {
  strategy: Strategy
}

/** @param id The decision's; not looked at. */
export function decide(
  id: string,
  catalogue: Catalogue,
  request: ChooseRequest,
  situation: Situation,
  defaults: Defaults,
): Decision {
  const strategy = request.strategy ?? (request.chain ? 'chain' : defaults.strategy)
  const asked = { ...request, strategy }
  const tokens = tokensOf(request.needs)
  const refused = createTally(catalogue)
  const admitted = admit(catalogue, asked, situation, refused)
  const ranking = rank(catalogue, admitted.rows, admitted.count, { strategy, request: asked, situation, tokens })
  const gates = createGates(catalogue, ranking, situation)
  noteGates(ranking, gates, refused)
  const picked = pick({ catalogue, ranking, gates, request, situation })
  const choices = picked.places.map((place) => choiceAt(catalogue, ranking, place, asked))
  const [chosen, ...fallbacks] = choices
  const violation =
    picked.violation ??
    (chosen ? undefined : nearestViolation({ catalogue, request: asked, situation, tokens, refused, defaults }))
  const decision: Decision = {
    id,
    at: situation.at,
    strategy,
    catalogue: catalogue.version,
    ...(chosen && { chosen }),
    fallbacks,
    considered: catalogue.size,
    admissible: ranking.count,
    refused: refused.list(),
    runnersUp: chosen ? runnersUp(catalogue, ranking, picked.places[0] as number, strategy) : [],
    ...(violation && { violation }),
    request,
    estimate: tokens,
    summary: '',
  }
  return { ...decision, summary: summaryOf(decision) }
}

/** All models that will do, limits that pass aside. */
export function admissibleRows(catalogue: Catalogue, request: ChooseRequest, situation: Situation): Int32Array {
  const { rows, count } = admit(catalogue, request, situation, createTally(catalogue))
  return rows.slice(0, count)
}

function admit(
  catalogue: Catalogue,
  request: ChooseRequest,
  situation: Situation,
  refused: Tally,
): { rows: Int32Array; count: number } {
  const refusal = createAdmission(catalogue, request, situation)
  const rows = scratchOf(catalogue).rows
  let count = 0
  for (let row = 0; row < catalogue.size; row++) {
    const code = refusal(row)
    if (code < 0) rows[count++] = row
    else refused.add(code, row)
  }
  return { rows, count }
}

/** What stands in a model's way for now, though it would do. */
interface Gates {
  /** Nothing is in any model's way. */
  readonly none: boolean
  /** Until when, by row, where no other gate is shut. */
  readonly onlyCooling: Float64Array | undefined
  /** Over the budget that is left, or of unknown price where that is not allowed. */
  budget(place: number): boolean
  /** Until when it must rest, epoch ms; 0 if it need not. */
  restsUntil(place: number): number
  cooling(place: number): boolean
}

function createGates(catalogue: Catalogue, { rows, usd }: Ranking, { budget, cooling, limited, at }: Situation): Gates {
  const { columns, providers } = catalogue
  const cool = restsOf(Object.entries(cooling), catalogue.size, catalogue.row)
  const full = restsOf(Object.entries(limited), providers.length, (id) => providers.findIndex((one) => one.id === id))
  const none = cool === undefined && full === undefined
  return {
    none: none && budget === undefined,
    onlyCooling: budget === undefined && full === undefined ? cool : undefined,
    budget(place) {
      if (budget === undefined) return false
      const price = usd[place] as number
      return Number.isNaN(price) ? budget.unknownPrice === 'refuse' : price > budget.leftUsd
    },
    restsUntil(place) {
      if (none) return 0
      const row = rows[place] as number
      const cools = cool ? (cool[row] as number) : 0
      const fills = full ? (full[columns.provider[row] as number] as number) : 0
      const until = Math.max(cools, fills)
      return until > at ? until : 0
    },
    cooling: (place) => cool !== undefined && (cool[rows[place] as number] as number) > at,
  }
}

/** Until when, by place; undefined where nothing rests. */
function restsOf(
  entries: [string, number][],
  size: number,
  placeOf: (name: string) => number | undefined,
): Float64Array | undefined {
  if (entries.length === 0) return undefined
  const rests = new Float64Array(size)
  for (const [name, until] of entries) {
    const place = placeOf(name)
    if (place !== undefined && place >= 0) rests[place] = until
  }
  return rests
}

interface Picked {
  places: number[]
  violation?: Violation
}

interface Picking {
  catalogue: Catalogue
  ranking: Ranking
  gates: Gates
  request: ChooseRequest
  situation: Situation
}

/** The best, what to ask after it, and which limit was met on the way (R6). */
function pick(picking: Picking): Picked {
  const { catalogue, ranking, gates, request } = picking
  const { onBudget = 'stop', onRateLimit = 'fall-back' } = request
  const best = ranking.best(() => true)
  if (best < 0) return { places: [] }
  const rests = gates.restsUntil(best) > 0
  const may = (place: number) => onRateLimit === 'wait' || gates.restsUntil(place) === 0
  const wanted = onRateLimit === 'stop' ? (rests ? -1 : best) : ranking.best(may)
  if (wanted < 0) return { places: [], violation: rateViolation(picking, best) }
  const over = gates.budget(wanted)
  const first = over && onBudget === 'cheaper' ? ranking.best((place) => may(place) && !gates.budget(place)) : wanted
  if (over && (onBudget === 'stop' || first < 0)) return { places: [], violation: budgetViolation(picking, wanted) }
  const others =
    request.model === undefined ? fallbacksOf(picking, first, (place) => may(place) && !gates.budget(place)) : [] // D3
  const violation = over
    ? budgetViolation(picking, wanted)
    : rests
      ? rateViolation(picking, best)
      : toolViolation(catalogue, ranking.rows[first] as number, request)
  return { places: [first, ...others], ...(violation && { violation }) }
}

/** The next best, other providers first: what fails one model of a provider often fails them all. */
function fallbacksOf({ catalogue, ranking }: Picking, first: number, may: (place: number) => boolean): number[] {
  const places = [first]
  const providers = new Set([providerAt(first)])
  while (places.length <= MAX_FALLBACKS) {
    const left = (place: number) => may(place) && !places.includes(place)
    const other = ranking.best((place) => left(place) && !providers.has(providerAt(place)))
    const next = other >= 0 ? other : ranking.best(left)
    if (next < 0) break
    places.push(next)
    providers.add(providerAt(next))
  }
  // Asked in the order of the strategy, not in the order they were found.
  return places.slice(1).sort((a, b) => (ranking.before(a, b) ? -1 : 1))

  function providerAt(place: number): string {
    return catalogue.provider(ranking.rows[place] as number).id
  }
}

function budgetViolation({ catalogue, ranking, gates, situation }: Picking, place: number): Violation {
  const { name = '', leftUsd = 0 } = situation.budget ?? {}
  const usd = ranking.usd[place] as number
  const cheaper = ranking.best(
    (one) => !gates.budget(one) && gates.restsUntil(one) === 0 && !Number.isNaN(ranking.usd[one]),
  )
  const instead =
    cheaper < 0
      ? []
      : [
          {
            do: 'cheaper-model' as const,
            model: catalogue.slug(ranking.rows[cheaper] as number),
            usd: ranking.usd[cheaper] as number,
          },
        ]
  return {
    kind: 'budget',
    budget: name,
    leftUsd,
    wantedUsd: Number.isNaN(usd) ? null : usd,
    resolutions: [{ do: 'pause' }, ...instead, { do: 'raise-budget', budget: name }],
  }
}

function rateViolation({ catalogue, ranking, gates, situation }: Picking, place: number): Violation {
  const until = gates.restsUntil(place)
  const other = ranking.best((one) => !gates.budget(one) && gates.restsUntil(one) === 0)
  const instead = other < 0 ? [] : [{ do: 'fall-back' as const, model: catalogue.slug(ranking.rows[other] as number) }]
  return { kind: 'rate-limit', until, resolutions: [{ do: 'wait', ms: Math.max(0, until - situation.at) }, ...instead] }
}

/** Models that only a passing limit stands before are counted among the refused too. */
function noteGates(ranking: Ranking, gates: Gates, refused: Tally): void {
  if (gates.none) return
  if (gates.onlyCooling) {
    const { onlyCooling } = gates
    for (let place = 0; place < ranking.count; place++) {
      const row = ranking.rows[place] as number
      if ((onlyCooling[row] as number) > 0 && gates.cooling(place)) refused.add(COOLING, row)
    }
    return
  }
  for (let place = 0; place < ranking.count; place++) {
    const why: Refusal | undefined = gates.budget(place)
      ? 'budget'
      : gates.restsUntil(place) === 0
        ? undefined
        : gates.cooling(place)
          ? 'cooling-down'
          : 'rate-limit'
    if (why) refused.add(REFUSALS.indexOf(why), ranking.rows[place] as number)
  }
}

interface Miss {
  catalogue: Catalogue
  request: ChooseRequest
  situation: Situation
  tokens: Tokens
  refused: Tally
  defaults: Defaults
}

/** Nothing will do: the limit that the nearest of them failed at, if it is one of the four. */
function nearestViolation({ catalogue, request, situation, tokens, refused, defaults }: Miss): Violation | undefined {
  const nearest = refused.nearest()
  if (nearest === undefined) return undefined
  if (nearest.why === 'context' || nearest.why === 'request-tokens') {
    const { model: _model, chain: _chain, only: _only, ...free } = request
    const among = request.model === undefined && request.only === undefined ? 'all' : (request.among ?? 'ready')
    const larger =
      among === request.among && request.model === undefined
        ? undefined
        : decide(
            '',
            catalogue,
            { ...free, strategy: 'cheapest', among, onRateLimit: 'wait' },
            { ...situation, cooling: {}, limited: {} },
            defaults,
          )
    return contextViolation(catalogue, nearest.rows, tokens, larger?.chosen?.slug)
  }
  if (nearest.why === 'tool-count' || nearest.why === 'parallel-tools')
    return toolViolation(catalogue, nearest.rows[0] as number, request)
  return undefined
}

function choiceAt(
  catalogue: Catalogue,
  ranking: Ranking,
  place: number,
  request: ChooseRequest & { strategy: Strategy },
): Choice {
  const row = ranking.rows[place] as number
  const usd = ranking.usd[place] as number
  const parallel = catalogue.columns.maxParallel[row] as number
  const wanted = request.needs?.parallelToolCalls ?? 0
  return {
    slug: catalogue.slug(row),
    name: catalogue.name(row),
    provider: catalogue.provider(row).id,
    usd: Number.isNaN(usd) ? null : usd,
    ms: Math.round(ranking.ms[place] as number),
    measured: ranking.measured(row),
    score: finite(ranking.score[place] as number),
    reasons: reasonsFor(catalogue, ranking, place, request),
    ...(wanted > parallel && { parallelToolCalls: parallel }),
  }
}

function runnersUp(catalogue: Catalogue, ranking: Ranking, first: number, strategy: Strategy): Decision['runnersUp'] {
  const places: number[] = []
  while (places.length < RUNNERS_UP) {
    const next = ranking.best((place) => place !== first && !places.includes(place))
    if (next < 0) break
    places.push(next)
  }
  return places.map((place) => {
    const usd = ranking.usd[place] as number
    return {
      slug: catalogue.slug(ranking.rows[place] as number),
      usd: Number.isNaN(usd) ? null : usd,
      ms: Math.round(ranking.ms[place] as number),
      lostBy: whatItLostBy(ranking, first, place, strategy),
    }
  })
}

interface Tally {
  add(code: number, row: number): void
  /** Most frequent first. */
  list(): Decision['refused']
  /** Of the reason that is looked at last, so the nearest misses. */
  nearest(): { why: Refusal; rows: number[] } | undefined
}

function createTally(catalogue: Catalogue): Tally {
  const counts = new Uint32Array(REFUSALS.length)
  const rows: number[][] = REFUSALS.map(() => [])
  return {
    add(code, row) {
      counts[code] = (counts[code] as number) + 1
      const own = rows[code] as number[]
      // Of a near miss all are kept: what the largest window is, is only known from all of them.
      if (own.length < EXAMPLES || code === CONTEXT) own.push(row)
    },
    list: () =>
      REFUSALS.map((why, code) => ({
        why,
        count: counts[code] as number,
        examples: (rows[code] as number[]).slice(0, EXAMPLES).map(catalogue.slug),
      }))
        .filter(({ count }) => count > 0)
        .sort((a, b) => b.count - a.count),
    nearest() {
      const code = counts.findLastIndex((count) => count > 0)
      return code < 0 ? undefined : { why: REFUSALS[code] as Refusal, rows: rows[code] as number[] }
    },
  }
}

const COOLING = REFUSALS.indexOf('cooling-down')
const CONTEXT = REFUSALS.indexOf('context')

function finite(score: number): number {
  return Number.isFinite(score) ? score : Number.MAX_VALUE
}
