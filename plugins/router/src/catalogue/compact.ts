// plugins/router/src/catalogue/compact.ts: models.dev's JSON as columns, a seventh of its size (R1 R2).
//   The same function makes the bundled snapshot (scripts/catalogue.ts) and takes in what a refresh has fetched.
//   C1  The input is the network's: what is not as it should be is left out, lengths and counts are bounded, nothing is thrown for one bad entry.
//   C2  Numbers are kept as found, -1 where there is none: that a price is 0 is for the linter to say and for the catalogue not to believe.
import { type Modality, modalitySchema } from '../request.ts'
import { endpointOf, usableUrl, WIRES, wireOfPackage } from './wires.ts'

export const MODALITIES: readonly Modality[] = modalitySchema.options
export const STATUSES = ['stable', 'beta', 'alpha', 'deprecated'] as const
export const FLAG = { tools: 1, reasoning: 2, structured: 4, temperature: 8, open: 16 } as const
export const AT = { status: 5, input: 7, output: 12, wire: 17 } as const // where in the flags the wider fields begin

const MAX_PROVIDERS = 2_000
const MAX_MODELS = 60_000
const MAX_TEXT = 200
const PROVIDER_ID = /^[a-z0-9][a-z0-9._-]{0,63}$/

export type TierRow = [above: number, input: number, output: number, cacheRead: number, cacheWrite: number]

/** All columns are in one order: by provider, then as the source has them. Sparse ones are `[row, value]` pairs. */
export interface Compact {
  v: 1
  /** id, name, wire, base URL, documentation, number of models. */
  providers: [string, string, number, string, string, number][]
  /** Joined by line feeds; a name is empty where it is the id. */
  ids: string
  names: string
  families: string[]
  family: number[]
  dates: string[]
  date: number[]
  flags: number[]
  context: number[]
  output: number[]
  inputLimit: [number, number][]
  priceIn: number[]
  priceOut: number[]
  cacheRead: [number, number][]
  cacheWrite: [number, number][]
  reasoning: [number, number][]
  request: [number, number][]
  tiers: [number, TierRow[]][]
  /** Tokens of thinking: least and most, -1 for none stated. */
  budgets: [number, number, number][]
  /** Models reached elsewhere at their provider. */
  urls: [number, string][]
}

type Json = Record<string, unknown>

/** @param source models.dev's api.json, parsed: providers by id. */
export function compact(source: unknown): Compact {
  const out = empty()
  const [families, dates, ids, names] = [interner(out.families), interner(out.dates), [] as string[], [] as string[]]
  for (const [id, raw] of Object.entries(object(source)).slice(0, MAX_PROVIDERS)) {
    if (!PROVIDER_ID.test(id)) continue
    const provider = object(raw)
    const { wire, baseUrl } = endpointOf(id, provider.npm, provider.api)
    const before = ids.length
    for (const [modelId, model] of Object.entries(object(provider.models)))
      addModel(id, modelId, object(model), baseUrl)
    const doc = usableUrl(provider.doc) ?? ''
    out.providers.push([id, text(provider.name) || id, WIRES.indexOf(wire), baseUrl ?? '', doc, ids.length - before])
  }
  return { ...out, ids: ids.join('\n'), names: names.join('\n') }

  function addModel(provider: string, id: string, model: Json, baseUrl: string | undefined): void {
    if (text(id) === '' || id.includes('\n') || `${provider}/${id}`.length > 256 || ids.length >= MAX_MODELS) return
    const row = ids.push(id) - 1
    const name = text(model.name)
    names.push(name === id ? '' : name)
    out.family.push(families(text(model.family)))
    out.date.push(dates(text(model.release_date)))
    out.flags.push(flagsOf(model, modalitiesOf(model)) | elsewhere(model, row, baseUrl))
    addLimits(object(model.limit), row)
    addPrices(object(model.cost), row)
    addBudget(model.reasoning_options, row)
  }

  /** Where an entry leaves them out, those of the model it says it is. */
  function modalitiesOf(model: Json): Json {
    const own = object(model.modalities)
    const [provider = '', ...id] = text(model.base_model).split('/')
    const base = object(object(object(object(object(source)[provider]).models)[id.join('/')]).modalities)
    return { input: own.input ?? base.input, output: own.output ?? base.output }
  }

  function addLimits(limit: Json, row: number): void {
    out.context.push(count(limit.context))
    out.output.push(count(limit.output))
    if (count(limit.input) > 0) out.inputLimit.push([row, count(limit.input)])
  }

  function addPrices(cost: Json, row: number): void {
    out.priceIn.push(price(cost.input))
    out.priceOut.push(price(cost.output))
    for (const [column, value] of [
      [out.cacheRead, cost.cache_read],
      [out.cacheWrite, cost.cache_write],
      [out.reasoning, cost.reasoning],
      [out.request, cost.request],
    ] as const)
      if (price(value) > 0) column.push([row, price(value)])
    const tiers = list(cost.tiers)
      .flatMap(tierOf)
      .sort((a, b) => a[0] - b[0])
    if (tiers.length > 0) out.tiers.push([row, tiers])
  }

  function addBudget(options: unknown, row: number): void {
    const budget = list(options)
      .map(object)
      .find(({ type }) => type === 'budget_tokens')
    if (budget) out.budgets.push([row, count(budget.min), count(budget.max)])
  }

  /** A model may have a wire of its own; on another host than its provider's it cannot be reached with the provider's key. */
  function elsewhere(model: Json, row: number, baseUrl: string | undefined): number {
    const { npm, api } = object(model.provider)
    if (npm === undefined && api === undefined) return 0
    const url = api === undefined ? baseUrl : usableUrl(api)
    const reachable = url !== undefined && baseUrl !== undefined && new URL(url).host === new URL(baseUrl).host
    if (reachable && api !== undefined) out.urls.push([row, url])
    const wire = npm === undefined ? undefined : wireOfPackage(npm)
    return reachable && wire === undefined ? 0 : (WIRES.indexOf(reachable ? (wire ?? 'none') : 'none') + 1) << AT.wire
  }
}

function flagsOf(model: Json, modalities: Json): number {
  return (
    (model.tool_call === true ? FLAG.tools : 0) |
    (model.reasoning === true ? FLAG.reasoning : 0) |
    (model.structured_output === true ? FLAG.structured : 0) |
    (model.temperature === true ? FLAG.temperature : 0) |
    (model.open_weights === true ? FLAG.open : 0) |
    (Math.max(0, STATUSES.indexOf(model.status as never)) << AT.status) |
    (modalityBits(modalities.input) << AT.input) |
    (modalityBits(modalities.output) << AT.output)
  )
}

/** One bit each, in the order of `MODALITIES`. */
export function modalityBits(modalities: unknown): number {
  return list(modalities).reduce<number>((bits, one) => bits | bitOf(one), 0)
}

function bitOf(modality: unknown): number {
  const index = MODALITIES.indexOf(modality as Modality)
  return index < 0 ? 0 : 1 << index
}

function tierOf(raw: unknown): TierRow[] {
  const tier = object(raw)
  const above = count(object(tier.tier).size)
  const [input, output] = [price(tier.input), price(tier.output)]
  if (above <= 0 || input < 0 || output < 0) return []
  return [[above, input, output, price(tier.cache_read), price(tier.cache_write)]]
}

function empty(): Compact {
  return {
    v: 1,
    providers: [],
    ids: '',
    names: '',
    families: [],
    family: [],
    dates: [],
    date: [],
    flags: [],
    context: [],
    output: [],
    inputLimit: [],
    priceIn: [],
    priceOut: [],
    cacheRead: [],
    cacheWrite: [],
    reasoning: [],
    request: [],
    tiers: [],
    budgets: [],
    urls: [],
  }
}

/** The place of a text in `table`, which grows. */
function interner(table: string[]): (text: string) => number {
  const places = new Map<string, number>()
  return (text) => {
    const place = places.get(text) ?? table.push(text) - 1
    places.set(text, place)
    return place
  }
}

function object(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {}
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}

function text(value: unknown): string {
  return typeof value === 'string'
    ? value
        .replace(/\p{Cc}/gu, ' ')
        .trim()
        .slice(0, MAX_TEXT)
    : ''
}

function count(value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : -1
}

function price(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : -1
}
