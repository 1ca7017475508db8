// plugins/router/src/choice/rank.ts: the strategies (R4): among models that will do, the order in which to ask them.
//   O1  The order is total and depends on nothing but the inputs: by tier (local or cloud first), score, price, time, row.
//   O2  A model whose price is unknown comes after all whose price is known, wherever price decides.
import { type Catalogue, MORE } from '../catalogue/catalogue.ts'
import { AT, FLAG, modalityBits } from '../catalogue/compact.ts'
import type { Ability, ChooseRequest, Strategy } from '../request.ts'
import type { Tokens } from './admit.ts'
import { estimateUsd } from './price.ts'
import type { Situation } from './situation.ts'
import { speedsOf } from './speed.ts'

const COST_SHARE = 0.6
const LATENCY_SHARE = 0.4
const FRONT = 24 // places kept in order

export interface Ranking {
  /** Admissible rows; the arrays beside it are by place in it. */
  readonly rows: Int32Array
  readonly count: number
  readonly usd: Float64Array
  readonly ms: Float64Array
  readonly score: Float64Array
  measured(row: number): boolean
  /** True if place `a` comes before place `b` (O1). */
  before(a: number, b: number): boolean
  /** The best place for which `takes` holds, or -1. */
  best(takes: (place: number) => boolean): number
}

export interface RankOptions {
  strategy: Strategy
  request: ChooseRequest
  situation: Situation
  tokens: Tokens
}

export function rank(
  catalogue: Catalogue,
  rows: Int32Array,
  count: number,
  { strategy, request, situation, tokens }: RankOptions,
): Ranking {
  const speeds = speedsOf(catalogue, situation)
  const { usd, ms, score } = scratchOf(catalogue)
  for (let place = 0; place < count; place++) {
    const row = rows[place] as number
    const limit = catalogue.columns.outputLimit[row] as number
    usd[place] = estimateUsd(catalogue, row, tokens.inputTokens, tokens.outputTokens)
    ms[place] = speeds.ms(row, Number.isNaN(limit) ? tokens.outputTokens : Math.min(limit, tokens.outputTokens))
  }
  const tier = tiersOf(catalogue, rows, count, request.place)
  SCORES[strategy]({ catalogue, rows, count, usd, ms, score, request, situation })
  const front = firstOf(count, before, tier === undefined ? score : undefined)
  return { rows, count, usd, ms, score, measured: speeds.measured, before, best }

  function before(a: number, b: number): boolean {
    if (tier !== undefined && tier[a] !== tier[b]) return (tier[a] as number) < (tier[b] as number)
    if (score[a] !== score[b]) return (score[a] as number) < (score[b] as number)
    const dear = known(usd[a]) // O2
    const other = known(usd[b])
    if (dear !== other) return dear < other
    if (ms[a] !== ms[b]) return (ms[a] as number) < (ms[b] as number)
    return (rows[a] as number) < (rows[b] as number)
  }

  function best(takes: (place: number) => boolean): number {
    const near = front.find(takes)
    if (near !== undefined || front.length === count) return near ?? -1
    let found = -1
    for (let place = 0; place < count; place++) {
      if (found >= 0 && !before(place, found)) continue
      if (takes(place)) found = place
    }
    return found
  }
}

/**
 * The first places in order, found in one pass: what is asked for is nearly always among them.
 *
 * @param score Where it alone decides unless equal: most places are then passed over by one comparison.
 */
function firstOf(count: number, before: (a: number, b: number) => boolean, score?: Float64Array): number[] {
  const front: number[] = []
  let worst = Number.POSITIVE_INFINITY
  for (let place = 0; place < count; place++) {
    if (score !== undefined && (score[place] as number) > worst) continue
    if (front.length === FRONT && !before(place, front[FRONT - 1] as number)) continue
    let at = front.length
    while (at > 0 && before(place, front[at - 1] as number)) at--
    front.splice(at, 0, place)
    if (front.length > FRONT) front.pop()
    if (front.length === FRONT && score !== undefined) worst = score[front[FRONT - 1] as number] as number
  }
  return front
}

interface Scratch {
  readonly rows: Int32Array
  readonly usd: Float64Array
  readonly ms: Float64Array
  readonly score: Float64Array
}
const scratches = new WeakMap<Catalogue, Scratch>()

/** Room that decisions over one catalogue share, one after another: none is made while another is under way. */
export function scratchOf(catalogue: Catalogue): Scratch {
  const { size } = catalogue
  const scratch = scratches.get(catalogue) ?? {
    rows: new Int32Array(size),
    usd: new Float64Array(size),
    ms: new Float64Array(size),
    score: new Float64Array(size),
  }
  scratches.set(catalogue, scratch)
  return scratch
}

interface Scoring {
  catalogue: Catalogue
  rows: Int32Array
  count: number
  usd: Float64Array
  ms: Float64Array
  score: Float64Array
  request: ChooseRequest
  situation: Situation
}

const SCORES: Record<Strategy, (scoring: Scoring) => void> = {
  cheapest: ({ count, usd, score }) => each(count, score, (place) => known(usd[place])),
  fastest: ({ count, ms, score }) => each(count, score, (place) => ms[place] as number),
  balanced: ({ count, usd, ms, score }) => {
    const [cost, time] = [shareOf(usd, count), shareOf(ms, count)]
    each(count, score, (place) => COST_SHARE * cost(place) + LATENCY_SHARE * time(place))
  },
  capability: ({ catalogue: { columns }, rows, count, score, request: { prefer = ALL_ABILITIES } }) => {
    const mask = prefer.reduce((bits, one) => bits | ABILITY_BITS[one], 0)
    const cache = prefer.includes('cache')
    each(count, score, (place) => {
      const row = rows[place] as number
      return -bitCount((columns.flags[row] as number) & mask) - Number(cache && (columns.cacheRead[row] as number) > 0)
    })
  },
  chain: (scoring) => byOrder(scoring, scoring.request.chain ?? []),
  diverse: ({ catalogue: { columns, providers }, rows, count, score, situation: { recent } }) => {
    const uses = Float64Array.from(providers, ({ id }) => recent[id] ?? 0)
    each(count, score, (place) => uses[columns.provider[rows[place] as number] as number] as number)
  },
  preferred: (scoring) => byOrder(scoring, scoring.request.order ?? scoring.situation.preferred),
}

/** Where the flags say it; a cache is a matter of its price. */
const ABILITY_BITS: Readonly<Record<Ability, number>> = {
  tools: FLAG.tools,
  vision: modalityBits(['image']) << AT.input,
  reasoning: FLAG.reasoning,
  structured: FLAG.structured,
  cache: 0,
  audio: modalityBits(['audio']) << AT.input,
  pdf: modalityBits(['pdf']) << AT.input,
  open: FLAG.open,
}
const ALL_ABILITIES = Object.keys(ABILITY_BITS) as Ability[]

function bitCount(bits: number): number {
  let count = 0
  for (let left = bits; left !== 0; left &= left - 1) count++
  return count
}

function each(count: number, score: Float64Array, of: (place: number) => number): void {
  for (let place = 0; place < count; place++) score[place] = of(place)
}

/** The place of the first pattern that a model matches; after all where none does. */
function byOrder({ catalogue, rows, count, score }: Scoring, order: readonly string[]): void {
  score.fill(order.length, 0, count)
  for (const [at, pattern] of [...order.entries()].reverse()) {
    const match = catalogue.matching(pattern)
    for (let place = 0; place < count; place++) if (match[rows[place] as number] === 1) score[place] = at // the first of them is written last
  }
}

/**
 * From 0 (nothing) towards 1 (far above what is usual here, or unknown): `x / (x + usual)`, where usual is the harmonic mean, which a few
 * very dear models do not move.
 */
function shareOf(values: Float64Array, count: number): (place: number) => number {
  let sum = 0
  let known = 0
  for (let place = 0; place < count; place++) {
    const value = values[place] as number
    if (!(value > 0)) continue
    sum += 1 / value
    known++
  }
  const usual = known > 0 ? known / sum : 1
  return (place) => {
    const value = values[place] as number
    return Number.isNaN(value) ? 1 : value / (value + usual) // O2
  }
}

function tiersOf(
  { columns }: Catalogue,
  rows: Int32Array,
  count: number,
  place: ChooseRequest['place'],
): Uint8Array | undefined {
  if (place !== 'local-first' && place !== 'cloud-first') return undefined
  const last = place === 'local-first' ? 0 : MORE.local
  const tier = new Uint8Array(count)
  for (let at = 0; at < count; at++)
    tier[at] = Number(((columns.flags[rows[at] as number] as number) & MORE.local) === last)
  return tier
}

function known(usd: number | undefined): number {
  return usd === undefined || Number.isNaN(usd) ? Number.POSITIVE_INFINITY : usd
}
