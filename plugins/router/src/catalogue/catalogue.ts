// plugins/router/src/catalogue/catalogue.ts: all models in typed columns, so that a decision over thousands takes a fraction of a millisecond (R2).
//   K1  A catalogue does not change. An override, a local model or a refresh makes another one.
//   K2  A number that is unknown is NaN, and so fails every comparison. A price of 0 is unknown, unless a person said it is free or it runs here.
import type { Model, Override, Prices, Provider, Wire } from '../facts.ts'
import { AT, type Compact, FLAG, MODALITIES, modalityBits, STATUSES } from './compact.ts'
import { tokenizerOf } from './tokenizer.ts'
import { runsHere, WIRES } from './wires.ts'

/** Beyond those of `compact.ts`: what is not in the source. */
export const MORE = { streaming: 1 << 20, local: 1 << 21 } as const
export const MODALITY_MASK = 31

export type Tiers = NonNullable<Prices['tiers']>

export interface Columns {
  readonly provider: Uint16Array
  readonly flags: Uint32Array
  readonly context: Float64Array
  readonly inputLimit: Float64Array
  readonly outputLimit: Float64Array
  readonly priceIn: Float64Array
  readonly priceOut: Float64Array
  readonly cacheRead: Float64Array
  readonly cacheWrite: Float64Array
  readonly priceReasoning: Float64Array
  readonly priceRequest: Float64Array
  readonly budgetMin: Float64Array
  readonly budgetMax: Float64Array
  readonly maxTokens: Float64Array
  readonly maxTools: Float64Array
  readonly maxParallel: Float64Array
  readonly maxImages: Float64Array
}

export interface Catalogue {
  /** Changes with the data, and with what users have laid over it. */
  readonly version: string
  readonly size: number
  readonly providers: readonly Provider[]
  readonly columns: Columns
  readonly tiers: ReadonlyMap<number, Tiers>
  /** 1 for each row that has tiers. */
  readonly tiered: Uint8Array
  /** 1 for each row whose wire this router speaks. */
  readonly spoken: Uint8Array
  slug(row: number): string
  name(row: number): string
  row(slug: string): number | undefined
  provider(row: number): Provider
  wire(row: number): Wire
  /** Where this model is reached, if not where its provider is. */
  url(row: number): string | undefined
  model(row: number): Model
  /** 1 for each row whose slug matches: `*` is any text. */
  matching(pattern: string): Uint8Array
}

export interface CatalogueParts {
  version: string
  base: Compact
  /** Providers and models that are not in the source: echo, what a local server has. */
  extra?: readonly { provider: Omit<Provider, 'models'>; models: readonly Model[] }[]
  /** By slug; a new slug of a known provider is a new model. */
  overrides?: Readonly<Record<string, Override>>
  /** By provider, for all its models (R3). */
  ofProviders?: Readonly<Record<string, Override>>
  /** Addresses the user has given. */
  baseUrls?: Readonly<Record<string, string>>
}

const NUMBERS = [
  'context',
  'inputLimit',
  'outputLimit',
  'priceIn',
  'priceOut',
  'cacheRead',
  'cacheWrite',
  'priceReasoning',
  'priceRequest',
  'budgetMin',
  'budgetMax',
  'maxTokens',
  'maxTools',
  'maxParallel',
  'maxImages',
] as const

export function createCatalogue({
  version,
  base,
  extra = [],
  overrides = {},
  ofProviders = {},
  baseUrls = {},
}: CatalogueParts): Catalogue {
  const ids = base.ids === '' ? [] : base.ids.split('\n')
  const names = base.names === '' ? [] : base.names.split('\n')
  const families = base.family.map((place) => base.families[place] as string)
  const dates = base.date.map((place) => base.dates[place] as string)
  const tokenizers = new Map<number, string>()
  const urls = new Map(base.urls)
  const tiers = new Map<number, Tiers>(base.tiers.map(([row, rows]) => [row, rows.map(tierOf)]))
  const providers: Provider[] = base.providers.map(([id, name, wire, baseUrl, doc, models]) =>
    providerOf(id, { name, wire: WIRES[wire] ?? 'none', baseUrl: baseUrls[id] ?? baseUrl, doc, models }),
  )
  const known = new Map(providers.map(({ id }, place) => [id, place]))
  for (const { provider } of extra) register(provider)
  const added = [...extra.flatMap(({ models }) => models), ...newModels()]
  const columns = makeColumns(ids.length + added.length)
  fillBase(columns, base, providers)
  for (const model of added) append(model)
  const slugs = new Map<string, number>()
  for (let row = 0; row < ids.length; row++) slugs.set(slug(row), row)
  for (const [provider, override] of Object.entries(ofProviders)) overrideProvider(provider, override)
  for (const [slug, override] of Object.entries(overrides)) change(slugs.get(slug), override)
  const matches = new Map<string, Uint8Array>()

  const catalogue: Catalogue = {
    version,
    size: ids.length,
    providers,
    columns,
    tiers,
    tiered: Uint8Array.from(ids, (_, row) => Number(tiers.has(row))),
    spoken: Uint8Array.from(ids, (_, row) => Number(wire(row) !== 'none')),
    slug,
    name: (row) => names[row] || (ids[row] as string),
    row: (wanted) => slugs.get(wanted),
    provider: providerAt,
    wire,
    url: (row) => urls.get(row),
    model,
    matching,
  }
  return catalogue

  function slug(row: number): string {
    return `${providerAt(row).id}/${ids[row]}`
  }

  function providerAt(row: number): Provider {
    return providers[columns.provider[row] as number] as Provider
  }

  function wire(row: number): Wire {
    const own = ((columns.flags[row] as number) >> AT.wire) & 7
    return own > 0 ? (WIRES[own - 1] ?? 'none') : providerAt(row).wire
  }

  function matching(pattern: string): Uint8Array {
    const cached = matches.get(pattern)
    if (cached) return cached
    const found = new Uint8Array(ids.length)
    const exact = slugs.get(pattern)
    if (exact !== undefined) found[exact] = 1
    else if (pattern.includes('*')) {
      const pieces = pattern.split('*')
      for (let row = 0; row < ids.length; row++) if (fits(slug(row), pieces)) found[row] = 1
    }
    if (matches.size > 64) matches.clear()
    matches.set(pattern, found)
    return found
  }

  function model(row: number): Model {
    const flags = columns.flags[row] as number
    const number = (column: (typeof NUMBERS)[number]) => numberAt(columns[column], row)
    const { id: provider } = providerAt(row)
    const input = modalitiesOf(flags >> AT.input)
    const min = number('budgetMin')
    return defined({
      slug: slug(row),
      id: ids[row] as string,
      provider,
      name: catalogue.name(row),
      family: families[row] || undefined,
      status: STATUSES[(flags >> AT.status) & 3] as Model['status'],
      released: dates[row] || undefined,
      wire: wire(row),
      local: (flags & MORE.local) !== 0,
      context: number('context'),
      inputLimit: number('inputLimit'),
      outputLimit: number('outputLimit'),
      tokenizer: tokenizers.get(row) ?? tokenizerOf(families[row] ?? '', ids[row] as string),
      input,
      output: modalitiesOf(flags >> AT.output),
      tools: (flags & FLAG.tools) !== 0,
      vision: input.includes('image'),
      reasoning: (flags & FLAG.reasoning) !== 0,
      streaming: (flags & MORE.streaming) !== 0,
      structured: (flags & FLAG.structured) !== 0,
      temperature: (flags & FLAG.temperature) !== 0,
      open: (flags & FLAG.open) !== 0,
      reasoningBudget: min === undefined ? undefined : defined({ min, max: number('budgetMax') }),
      limits: defined({
        tokens: number('maxTokens'),
        tools: number('maxTools'),
        parallelToolCalls: number('maxParallel'),
        images: number('maxImages'),
      }),
      prices: defined({
        input: number('priceIn'),
        output: number('priceOut'),
        cacheRead: number('cacheRead'),
        cacheWrite: number('cacheWrite'),
        reasoning: number('priceReasoning'),
        request: number('priceRequest'),
        tiers: tiers.get(row),
      }),
    }) as Model
  }

  function newModels(): Model[] {
    const there = new Set([...known.keys()].flatMap((id) => [id]))
    const baseSlugs = new Set(Object.keys(overrides).filter((one) => there.has(one.slice(0, one.indexOf('/')))))
    let row = 0
    for (const { id, models } of providers) for (let n = 0; n < models; n++) baseSlugs.delete(`${id}/${ids[row++]}`)
    return [...baseSlugs].map((one) => blankModel(one, overrides[one] as Override))
  }

  function register(provider: Omit<Provider, 'models'>): void {
    if (known.has(provider.id)) return
    known.set(provider.id, providers.push({ ...provider, models: 0 }) - 1)
  }

  function append(model: Model): void {
    const row = ids.push(model.id) - 1
    names.push(model.name)
    families.push(model.family ?? '')
    dates.push(model.released ?? '')
    const place = known.get(model.provider) as number
    const provider = providers[place] as Provider
    providers[place] = { ...provider, models: provider.models + 1 }
    columns.provider[row] = place
    columns.flags[row] = flagsOf(model, provider.wire)
    change(row, { ...model, free: model.local && model.prices.input === 0 })
  }

  function overrideProvider(id: string, override: Override): void {
    const place = known.get(id)
    if (place === undefined) return
    for (let row = 0; row < ids.length; row++) if (columns.provider[row] === place) change(row, override)
  }

  function change(row: number | undefined, override: Override): void {
    if (row === undefined) return
    if (override.name !== undefined) names[row] = override.name
    if (override.tokenizer !== undefined) tokenizers.set(row, override.tokenizer)
    changeFlags(columns.flags, row, override)
    changeNumbers(columns, row, override)
    if (override.prices?.tiers) tiers.set(row, override.prices.tiers)
  }
}

function fillBase(columns: Columns, base: Compact, providers: readonly Provider[]): void {
  let row = 0
  providers.forEach(({ id, models, baseUrl }, place) => {
    const local = runsHere(id, baseUrl) ? MORE.local : 0
    for (const end = row + models; row < end; row++) {
      const flags = base.flags[row] as number
      columns.provider[row] = place
      columns.flags[row] = flags | local | ((flags >> AT.output) & 1 ? MORE.streaming : 0) // every chat wire streams text
      columns.context[row] = positive(base.context[row])
      columns.outputLimit[row] = positive(base.output[row])
      columns.priceIn[row] = positive(base.priceIn[row]) // K2
      columns.priceOut[row] = positive(base.priceOut[row])
    }
  })
  for (const [column, sparse] of [
    [columns.inputLimit, base.inputLimit],
    [columns.cacheRead, base.cacheRead],
    [columns.cacheWrite, base.cacheWrite],
    [columns.priceReasoning, base.reasoning],
    [columns.priceRequest, base.request],
  ] as const)
    for (const [at, value] of sparse) column[at] = value
  for (const [at, min, max] of base.budgets) {
    columns.budgetMin[at] = Math.max(0, min)
    columns.budgetMax[at] = positive(max)
  }
}

function changeFlags(flags: Uint32Array, row: number, override: Override): void {
  let bits = flags[row] as number
  const set = (bit: number, on: boolean | undefined) => {
    if (on !== undefined) bits = on ? bits | bit : bits & ~bit
  }
  const put = (at: number, mask: number, value: number | undefined) => {
    if (value !== undefined) bits = (bits & ~(mask << at)) | (value << at)
  }
  set(FLAG.tools, override.tools)
  set(FLAG.reasoning, override.reasoning)
  set(FLAG.structured, override.structured)
  set(MORE.streaming, override.streaming)
  put(AT.status, 3, override.status && STATUSES.indexOf(override.status))
  put(AT.input, MODALITY_MASK, override.input && modalityBits(override.input))
  put(AT.output, MODALITY_MASK, override.output && modalityBits(override.output))
  put(AT.wire, 7, override.wire && WIRES.indexOf(override.wire) + 1)
  flags[row] = bits
}

function changeNumbers(columns: Columns, row: number, override: Override): void {
  const { limits, prices, reasoningBudget, free } = override
  const set = (column: Float64Array, value: number | undefined) => {
    if (value !== undefined) column[row] = value
  }
  if (free) for (const column of [columns.priceIn, columns.priceOut]) column[row] = 0
  set(columns.context, override.context)
  set(columns.inputLimit, override.inputLimit)
  set(columns.outputLimit, override.outputLimit)
  set(columns.priceIn, free ? 0 : prices?.input || undefined) // K2
  set(columns.priceOut, free ? 0 : prices?.output || undefined)
  set(columns.cacheRead, prices?.cacheRead)
  set(columns.cacheWrite, prices?.cacheWrite)
  set(columns.priceReasoning, prices?.reasoning)
  set(columns.priceRequest, prices?.request)
  set(columns.budgetMin, reasoningBudget?.min)
  set(columns.budgetMax, reasoningBudget?.max)
  set(columns.maxTokens, limits?.tokens)
  set(columns.maxTools, limits?.tools)
  set(columns.maxParallel, limits?.parallelToolCalls)
  set(columns.maxImages, limits?.images)
}

/** A model nobody has described: text in and out, and nothing else is known. */
export function blankModel(slug: string, override: Override = {}): Model {
  const at = slug.indexOf('/')
  const { free: _free, ...facts } = override
  return {
    slug,
    id: slug.slice(at + 1),
    provider: slug.slice(0, at),
    name: slug.slice(at + 1),
    status: 'stable',
    wire: 'none',
    local: false,
    tokenizer: 'unknown',
    input: ['text'],
    output: ['text'],
    tools: false,
    vision: false,
    reasoning: false,
    streaming: true,
    structured: false,
    temperature: true,
    open: false,
    limits: {},
    prices: {},
    ...facts,
  } as Model
}

function flagsOf(model: Model, wire: Wire): number {
  return (
    (model.tools ? FLAG.tools : 0) |
    (model.reasoning ? FLAG.reasoning : 0) |
    (model.structured ? FLAG.structured : 0) |
    (model.temperature ? FLAG.temperature : 0) |
    (model.open ? FLAG.open : 0) |
    (STATUSES.indexOf(model.status) << AT.status) |
    (modalityBits(model.input) << AT.input) |
    (modalityBits(model.output) << AT.output) |
    (model.streaming ? MORE.streaming : 0) |
    (model.local ? MORE.local : 0) |
    (model.wire === 'none' || model.wire === wire ? 0 : (WIRES.indexOf(model.wire) + 1) << AT.wire)
  )
}

function makeColumns(size: number): Columns {
  const numbers = Object.fromEntries(NUMBERS.map((name) => [name, new Float64Array(size).fill(Number.NaN)]))
  return { provider: new Uint16Array(size), flags: new Uint32Array(size), ...numbers } as unknown as Columns
}

function providerOf(
  id: string,
  { name, wire, baseUrl, doc, models }: { name: string; wire: Wire; baseUrl: string; doc: string; models: number },
): Provider {
  return { id, name, wire, ...(baseUrl !== '' && { baseUrl }), ...(doc !== '' && { doc }), models }
}

function tierOf([above, input, output, cacheRead, cacheWrite]: Compact['tiers'][number][1][number]): Tiers[number] {
  return { above, input, output, ...(cacheRead > 0 && { cacheRead }), ...(cacheWrite > 0 && { cacheWrite }) }
}

function modalitiesOf(bits: number): Model['input'] {
  return MODALITIES.filter((_, place) => bits & (1 << place))
}

/** True if the pieces follow one another in `text`, the first at its beginning and the last at its end. */
function fits(text: string, pieces: readonly string[]): boolean {
  let at = 0
  for (let n = 0; n < pieces.length; n++) {
    const piece = pieces[n] as string
    const last = n === pieces.length - 1
    const found =
      n === 0
        ? text.startsWith(piece)
          ? 0
          : -1
        : last
          ? text.length - piece.length >= at && text.endsWith(piece)
            ? text.length - piece.length
            : -1
          : text.indexOf(piece, at)
    if (found < 0) return false
    at = found + piece.length
  }
  return true
}

function numberAt(column: Float64Array, row: number): number | undefined {
  const value = column[row] as number
  return Number.isNaN(value) ? undefined : value
}

function positive(value: number | undefined): number {
  return value !== undefined && value > 0 ? value : Number.NaN
}

function defined<T extends object>(object: T): T {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T
}
