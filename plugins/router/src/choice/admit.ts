// plugins/router/src/choice/admit.ts: which models will do (R5), and for each other one the first reason why not.
//   A1  An unknown number satisfies nothing: NaN fails the comparison that would admit it. Limits nobody states (tools, images a request) do not bind.
//   A2  Rate limits and budgets are not judged here: what they mean depends on what the caller wants done about them.
import { type Catalogue, MODALITY_MASK, MORE } from '../catalogue/catalogue.ts'
import { AT, FLAG, modalityBits } from '../catalogue/compact.ts'
import type { Refusal } from '../decision.ts'
import type { ChooseRequest, Needs } from '../request.ts'
import { estimateUsd } from './price.ts'
import type { Situation } from './situation.ts'

export const DEFAULT_INPUT = 1_000 // tokens, where nobody says
export const DEFAULT_OUTPUT = 1_024
const DEPRECATED = 3
const ECHO = 'echo'

/** In the order they are looked at: a later reason means a nearer miss. */
export const REFUSALS: readonly Refusal[] = [
  'not-named',
  'not-spoken',
  'not-ready',
  'deprecated',
  'place',
  'modality',
  'streaming',
  'tools',
  'structured',
  'reasoning',
  'cache',
  'images',
  'tool-count',
  'parallel-tools',
  'request-tokens',
  'context',
  'price-unknown',
  'max-cost',
  'budget',
  'rate-limit',
  'cooling-down',
]
const CODE = Object.fromEntries(REFUSALS.map((why, code) => [why, code])) as Record<Refusal, number>

export interface Tokens {
  inputTokens: number
  outputTokens: number
}

export function tokensOf(needs: Needs = {}): Tokens {
  return { inputTokens: needs.inputTokens ?? DEFAULT_INPUT, outputTokens: needs.outputTokens ?? DEFAULT_OUTPUT }
}

/** Answers the code of the first reason against `row`, or -1. Made once for a request, called for every row. */
export function createAdmission(
  catalogue: Catalogue,
  request: ChooseRequest,
  situation: Situation,
): (row: number) => number {
  const { columns, spoken } = catalogue
  // Held by name: this runs for thousands of rows, and a property of a property costs more than the comparison.
  const {
    provider,
    flags: flagsAt,
    context,
    inputLimit,
    outputLimit,
    maxTokens,
    maxTools,
    maxParallel,
    maxImages,
    cacheRead,
  } = columns
  const { needs = {}, among = 'ready', place, onToolLimit = 'reduce' } = request
  const { inputTokens, outputTokens } = tokensOf(needs)
  const named = namedRows(catalogue, request)
  const explicit = request.model === undefined ? undefined : catalogue.row(request.model)
  const ready = readyProviders(catalogue, situation, among, named !== undefined)
  const flags =
    (needs.tools ? FLAG.tools : 0) |
    (needs.structured ? FLAG.structured : 0) |
    (needs.reasoningTokens === undefined ? 0 : FLAG.reasoning) |
    (needs.streaming ? MORE.streaming : 0)
  const input = modalityBits([...(needs.input ?? ['text']), ...(needs.images ? ['image'] : [])])
  const output = modalityBits(needs.output ?? ['text'])
  const wanted = flags | (input << AT.input) | (output << AT.output) // all bits a model must have
  const { tools = 0, images = 0, parallelToolCalls = 0, reasoningTokens = 0, maxUsd } = needs

  return (row) => {
    if (named !== undefined && named[row] === 0) return CODE['not-named']
    if (spoken[row] === 0) return CODE['not-spoken']
    if (ready[provider[row] as number] === 0) return CODE['not-ready']
    const own = flagsAt[row] as number
    if (((own >> AT.status) & 3) === DEPRECATED && row !== explicit) return CODE.deprecated
    if (place === 'local' && !(own & MORE.local)) return CODE.place
    if ((own & wanted) !== wanted) return lack(own)
    if (reasoningTokens > 0 && !takesBudget(row)) return CODE.reasoning
    if (needs.cache && !((cacheRead[row] as number) > 0)) return CODE.cache
    if (images > 0 && images > (maxImages[row] as number)) return CODE.images
    if (tools > 0 && tools > (maxTools[row] as number)) return CODE['tool-count']
    if (onToolLimit === 'stop' && parallelToolCalls > (maxParallel[row] as number)) return CODE['parallel-tools']
    if (inputTokens + outputTokens > (maxTokens[row] as number)) return CODE['request-tokens']
    if (!fitsWindow(row)) return CODE.context
    if (maxUsd === undefined) return -1
    const usd = estimateUsd(catalogue, row, inputTokens, outputTokens)
    if (Number.isNaN(usd)) return CODE['price-unknown']
    return usd > maxUsd ? CODE['max-cost'] : -1
  }

  /** Which of the bits it is that is not there. */
  function lack(own: number): number {
    if (
      ((own >> AT.input) & MODALITY_MASK & input) !== input ||
      ((own >> AT.output) & MODALITY_MASK & output) !== output
    )
      return CODE.modality
    const missing = flags & ~own
    if (missing & MORE.streaming) return CODE.streaming
    if (missing & FLAG.tools) return CODE.tools
    return missing & FLAG.structured ? CODE.structured : CODE.reasoning
  }

  /** The thinking counts as output. Without a stated range the model takes no such budget. */
  function takesBudget(row: number): boolean {
    const max = columns.budgetMax[row] as number
    return reasoningTokens >= (columns.budgetMin[row] as number) && (Number.isNaN(max) || reasoningTokens <= max)
  }

  function fitsWindow(row: number): boolean {
    const limit = outputLimit[row] as number
    if (needs.outputTokens !== undefined && !(outputTokens <= limit)) return false // A1
    const out = Number.isNaN(limit) ? outputTokens : Math.min(limit, outputTokens)
    return (
      inputTokens + out + reasoningTokens <= (context[row] as number) && !(inputTokens > (inputLimit[row] as number))
    )
  }
}

/** Tokens of input a model can take beside the output; NaN if its window is not known. */
export function roomFor({ columns }: Catalogue, row: number, outputTokens: number): number {
  const window = (columns.context[row] as number) - outputTokens
  const limit = columns.inputLimit[row] as number
  return Number.isNaN(limit) ? window : Math.min(limit, window)
}

/** Undefined: all. Otherwise 1 for each row the request speaks of. */
function namedRows(catalogue: Catalogue, { model, only, chain, strategy }: ChooseRequest): Uint8Array | undefined {
  const patterns = model !== undefined ? [model] : strategy === 'chain' ? chain : only
  if (patterns === undefined) return undefined
  const named = union(catalogue, patterns)
  if (model !== undefined || strategy !== 'chain' || only === undefined) return named
  const within = union(catalogue, only)
  return named.map((one, row) => one & (within[row] as number))
}

function union(catalogue: Catalogue, patterns: readonly string[]): Uint8Array {
  const [first = '', ...others] = patterns
  if (others.length === 0) return catalogue.matching(first)
  const all = catalogue.matching(first).slice()
  for (const pattern of others) {
    const more = catalogue.matching(pattern)
    for (let row = 0; row < all.length; row++) if (more[row] === 1) all[row] = 1
  }
  return all
}

/** By the provider's place. Echo answers only where it is named, or nothing else is there. */
function readyProviders(
  { providers }: Catalogue,
  { ready }: Situation,
  among: 'ready' | 'all',
  named: boolean,
): Uint8Array {
  const can = new Set(ready)
  const alone = !ready.some((id) => id !== ECHO)
  const all = new Uint8Array(providers.length)
  for (const [i, { id }] of providers.entries())
    all[i] = Number(
      id === ECHO ? can.has(id) && (named || (alone && among === 'ready')) : among === 'all' || can.has(id),
    )
  return all
}
