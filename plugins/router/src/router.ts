// plugins/router/src/router.ts: the service, put together from its parts.
//   T1  It is ready before it has looked at the network: a slow or absent one costs no answer.
import { UsageError } from '@pryx/sdk'
import type { Ask } from './calls/attempt.ts'
import { ECHO } from './calls/echo.ts'
import { createHealth } from './calls/health.ts'
import { createCaller } from './calls/run.ts'
import type { Catalogue } from './catalogue/catalogue.ts'
import { lintCatalogue } from './catalogue/lint.ts'
import { findLlamaCpp, findOllama } from './catalogue/local.ts'
import { createShelf, type Extra } from './catalogue/shelf.ts'
import { decide } from './choice/decide.ts'
import type { Situation } from './choice/situation.ts'
import { whyNot } from './choice/why-not.ts'
import type { Config } from './config.ts'
import { createDecisions } from './decisions.ts'
import { modelsEvents } from './events.ts'
import type { Model, Override } from './facts.ts'
import { createBudgets } from './money/budgets.ts'
import { createCalendar } from './money/calendar.ts'
import { createLedger } from './money/ledger.ts'
import type { Ports } from './ports.ts'
import { createProviders, ECHO_PROVIDER } from './providers.ts'
import type { ChooseRequest } from './request.ts'
import { routed } from './rules.ts'
import type { Models, ProviderStatus } from './service.ts'

const LOOK_AGAIN_MS = 60_000 // for local servers
const LIST = 50
const OWN_LIMITS: Readonly<Record<string, Override>> = { openai: { limits: { tools: 128 } } } // as its API documents it

export interface RouterOptions {
  ports: Ports
  config: Config
  ask: Ask
  /** Names this life of the router; and the one before it that hands over. */
  boot: string
  adopted?: string | undefined
  /** The plugin whose call is being served; asked before anything is awaited. */
  caller(): string
}

export async function openRouter({ ports, config, ask, boot, adopted, caller }: RouterOptions): Promise<Models> {
  const calendar = createCalendar(config.timeZone)
  const ledger = createLedger(ports.sql, calendar, boot, adopted)
  const budgets = createBudgets(config.budgets, ledger, calendar, ports)
  const health = createHealth(ports.sql, config.providers)
  const shelf = createShelf(ports, config.refresh)
  const providers = createProviders(config.providers, ports.keys, ports.values)
  const decisions = createDecisions(ports.sql)
  let overrides: Record<string, Override> = {}
  let local: Extra[] = []
  let lookedAt = 0
  let looking: Promise<void> | undefined

  await ledger.open()
  await Promise.all([shelf.open(), providers.open(), health.open(ports.clock.now())])
  overrides = (await ports.values.get<Record<string, Override>>('overrides')) ?? {}
  lay()
  void shelf.refresh(false).then(lay, () => {}) // T1
  void lookAround()

  const calls = createCaller({
    ports,
    ledger,
    budgets,
    health,
    ask,
    retries: config.retries,
    catalogue: shelf.current,
    decide: async (request, budget) => {
      await fresh()
      const { decision, kept } = decided(request, budget)
      kept.catch((error) => ports.warn('a decision was not kept', error)) // it explains the call; the call need not wait for it
      return decision
    },
    access: (_provider, row) => providers.access(shelf.current(), row),
  })

  return {
    async choose(request) {
      await fresh()
      const { decision, kept } = decided(request, await budgets.tightest(request))
      await kept
      return decision
    },
    stream: async (request) => calls.stream(request, caller()),
    generate: () =>
      Promise.reject(new UsageError('USAGE_METHOD', 'generate is stream, collected by the token’s own face')),
    decision: decisions.get,
    async whyNot(request, slug) {
      await fresh()
      const catalogue = shelf.current()
      const row = rowOf(catalogue, slug)
      return whyNot(catalogue, row, routed(request, config), situationOf(await budgets.tightest(request)))
    },
    async replay(id) {
      const { request, situation, catalogue: version, strategy } = await decisions.inputs(id)
      const catalogue = await shelf.again(version)
      if (catalogue === undefined)
        throw new UsageError(
          'MODELS_CATALOGUE_GONE',
          `the catalogue ${version} that this decision was made on is not kept any more`,
          { found: version, hint: 'The last two fetched catalogues and the bundled one are.' },
        )
      const decision = decide(id, catalogue, request, situation, { strategy })
      return { same: JSON.stringify(decision) === JSON.stringify(await decisions.get(id)), decision }
    },
    list: async (filter = {}) => listed(filter),
    async show(slug) {
      await fresh()
      const catalogue = shelf.current()
      return catalogue.model(rowOf(catalogue, slug))
    },
    async lint({ provider, rule, limit = 200 } = {}) {
      const catalogue = shelf.current()
      const found = lintCatalogue(shelf.base(), catalogue).filter(
        (one) =>
          (provider === undefined || one.slug.startsWith(`${provider}/`)) && (rule === undefined || one.rule === rule),
      )
      const counts: Record<string, number> = {}
      for (const one of found) counts[one.rule] = (counts[one.rule] ?? 0) + 1
      return { total: found.length, counts, findings: found.slice(0, limit) }
    },
    async refresh({ force = false } = {}) {
      const report = await shelf.refresh(force)
      lay()
      return report
    },
    async override(slug, override) {
      managersOnly()
      const { [slug]: _old, ...others } = overrides
      overrides = override === null ? others : { ...others, [slug]: override }
      await ports.values.set('overrides', overrides)
      lay()
      const catalogue = shelf.current()
      const row = catalogue.row(slug)
      return row === undefined ? null : catalogue.model(row)
    },
    async providers() {
      await fresh()
      return shelf.current().providers.map(providers.status)
    },
    async connect(provider, access) {
      managersOnly()
      statusOf(provider)
      await providers.connect(provider, access)
      return changed(provider)
    },
    async disconnect(provider) {
      managersOnly()
      await providers.disconnect(provider)
      return changed(provider)
    },
    usage: (filter = {}) => ledger.usage(filter, filter.since ?? monthStart()),
    calls: (filter = {}) => ledger.calls(filter),
    budgets: (of = {}) => budgets.status(of),
    async extendBudget(budget, usd) {
      managersOnly()
      return await budgets.extend(budget, usd)
    },
  }

  function decided(asked: ChooseRequest, budget: Situation['budget']) {
    const request = routed(asked, config)
    const situation = situationOf(budget)
    const decision = decide(ports.nextId(), shelf.current(), request, situation, { strategy: config.strategy })
    return { decision, kept: decisions.keep(decision, situation) }
  }

  function situationOf(budget: Situation['budget']): Situation {
    const at = ports.clock.now()
    const ready = providers.ready(shelf.current())
    return { at, ready, preferred: config.preferred, ...health.situation(at), ...(budget && { budget }) }
  }

  function lay(): void {
    const own = Object.entries(config.providers)
    const unknown = own.filter(
      ([id]) =>
        !shelf.base().providers.some(([known]) => known === id) && !local.some(({ provider }) => provider.id === id),
    )
    const baseUrls = providers.baseUrls()
    const extra: Extra[] = [
      { provider: ECHO_PROVIDER, models: [ECHO] },
      ...local,
      ...unknown.map(([id, { name = id, wire = 'openai-compatible' }]) => ({
        provider: { id, name, wire, ...(baseUrls[id] !== undefined && { baseUrl: baseUrls[id] }) },
        models: [] as Model[],
      })),
    ]
    const ofProviders: Record<string, Override> = { ...OWN_LIMITS }
    for (const [
      id,
      {
        baseUrl: _url,
        requestsPerMinute: _rpm,
        requestsPerHour: _rph,
        enabled: _on,
        keyless: _k,
        name: _name,
        ...facts
      },
    ] of own)
      ofProviders[id] = { ...ofProviders[id], ...facts }
    shelf.lay({ extra, overrides: { ...config.models, ...overrides }, ofProviders, baseUrls })
  }

  /** Local servers come and go: looked for at most once a minute, and waited for only the first time. */
  async function fresh(): Promise<void> {
    if (lookedAt === 0) await (looking ?? lookAround())
    else if (ports.clock.now() - lookedAt > LOOK_AGAIN_MS) void lookAround()
  }

  function lookAround(): Promise<void> {
    if (!config.detect.enabled) return Promise.resolve()
    looking ??= look().finally(() => {
      looking = undefined
      lookedAt = ports.clock.now()
    })
    return looking
  }

  async function look(): Promise<void> {
    const found = await Promise.all([
      findOllama(config.detect.ollama, ports.fetch),
      findLlamaCpp(config.detect.llamacpp, ports.fetch),
    ])
    const next = found.filter((one) => one !== undefined)
    if (JSON.stringify(next) === JSON.stringify(local)) return
    local = next
    lay()
  }

  function listed({
    query = '',
    provider,
    ready,
    limit = LIST,
    after,
  }: NonNullable<Parameters<Models['list']>[0]>): Model[] {
    const catalogue = shelf.current()
    const words = query.toLowerCase().split(/\s+/).filter(Boolean)
    const can = ready ? new Set(providers.ready(catalogue)) : undefined
    const rows: number[] = []
    for (let row = 0; row < catalogue.size; row++) {
      const { id } = catalogue.provider(row)
      if ((provider !== undefined && id !== provider) || (can && !can.has(id))) continue
      const text = `${catalogue.slug(row)} ${catalogue.name(row)}`.toLowerCase()
      if (words.every((word) => text.includes(word)) && (after === undefined || catalogue.slug(row) > after))
        rows.push(row)
    }
    return rows
      .sort((a, b) => (catalogue.slug(a) < catalogue.slug(b) ? -1 : 1))
      .slice(0, limit)
      .map(catalogue.model)
  }

  async function changed(provider: string): Promise<ProviderStatus> {
    health.forgive(provider)
    lay()
    const status = statusOf(provider)
    await ports.emit(modelsEvents.provider, { provider, ready: status.state === 'ready' })
    return status
  }

  function statusOf(id: string): ProviderStatus {
    const found = shelf.current().providers.find((one) => one.id === id)
    if (found) return providers.status(found)
    throw new UsageError('MODELS_UNKNOWN', `there is no provider "${id}"`, {
      found: id,
      hint: 'See `pryx models providers`; one of your own is named in the config, providers.NAME.baseUrl.',
    })
  }

  function managersOnly(): void {
    const from = caller()
    if (from === 'host' || config.managers.includes(from)) return
    throw new UsageError('MODELS_REFUSED', `${from} may not change how models are reached or paid for`, {
      plugin: from,
      hint: `Name it under "managers" in the config of the router.`,
    })
  }

  function monthStart(): number {
    const now = ports.clock.now()
    const month = calendar.month(now)
    let at = now
    const day = 86_400_000
    while (calendar.month(at - day) === month) at -= day
    let [before, within] = [at - day, at]
    while (within - before > 1) {
      const middle = Math.floor((before + within) / 2)
      if (calendar.month(middle) === month) within = middle
      else before = middle
    }
    return within
  }
}

function rowOf(catalogue: Catalogue, slug: string): number {
  const row = catalogue.row(slug)
  if (row !== undefined) return row
  throw new UsageError('MODELS_UNKNOWN', `there is no model "${slug}"`, {
    found: slug,
    hint: 'See `pryx models list WORDS`.',
  })
}
