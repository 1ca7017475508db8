// packages/pryx/src/cli/models.ts: `pryx models`. The router is a plugin like any other: it is asked through the service it provides.
//   A key is read from a pipe or typed unseen; it is never an argument, where other programs and the shell's history would have it.
import { UsageError } from '@pryx/kernel/contract'
import { type Style, safe, table } from '../terminal/style.ts'
import type { Output } from './output.ts'
import { type CommonOptions, runningHost } from './target.ts'
import { readUnseen } from './unseen.ts'

const SERVICE = ['models', '1.0.0'] as const

/** The parts of the router's answers that are shown. */
interface ModelLine {
  slug: string
  name: string
  status: string
  context?: number
  outputLimit?: number
  tools: boolean
  vision: boolean
  reasoning: boolean
  local: boolean
  prices: { input?: number; output?: number; cacheRead?: number; cacheWrite?: number }
}
interface DecisionLine {
  id: string
  strategy: string
  summary: string
  chosen?: ChoiceLine
  fallbacks: ChoiceLine[]
  refused: { why: string; count: number; examples: string[] }[]
  runnersUp: { slug: string; lostBy: string }[]
}
interface ChoiceLine {
  slug: string
  usd: number | null
  ms: number
  measured: boolean
  reasons: string[]
}
interface ProviderLine {
  id: string
  name: string
  state: string
  local: boolean
  models: number
  baseUrl?: string
}

export interface ExplainOptions {
  strategy?: string
  tools?: number
  tokens?: number
  all?: boolean
  not?: string
}

export async function listModels(
  output: Output,
  options: CommonOptions & { ready?: boolean; provider?: string; number?: number },
  words: readonly string[],
): Promise<void> {
  const ask = await connect(options)
  const { ready, provider, number = 50 } = options
  const filter = {
    query: words.join(' '),
    limit: number,
    ...(ready && { ready }),
    ...(provider !== undefined && { provider }),
  }
  const models = await ask<ModelLine[]>('list', filter)
  const { style } = output
  const head = ['MODEL', 'CONTEXT', 'IN', 'OUT', 'CAN'].map(style.dim)
  output.result(
    models,
    models.length === 0
      ? 'No model has all these words.'
      : table([head, ...models.map((model) => modelRow(model, style))]),
  )
  if (models.length === number) output.note(`The first ${number}; -n shows more, words fewer.`)
}

export async function showModel(output: Output, options: CommonOptions, slug: string): Promise<void> {
  const model = await (await connect(options))<ModelLine & Record<string, unknown>>('show', slug)
  const rows = Object.entries(model).map(([key, value]) => [
    output.style.dim(key),
    safe(typeof value === 'object' ? JSON.stringify(value) : value),
  ])
  output.result(model, table(rows))
}

/** The decision `id`, or one made now for what the options say; with `--not`, why that model is not taken. */
export async function explain(
  output: Output,
  options: CommonOptions & ExplainOptions,
  id: string | undefined,
): Promise<void> {
  const ask = await connect(options)
  const request = requestOf(options)
  if (options.not !== undefined) {
    const reasons = await ask<string[]>('whyNot', request, options.not)
    return output.result(
      reasons,
      reasons.length > 0
        ? reasons.map((reason) => `○ ${safe(reason)}`).join('\n')
        : `${safe(options.not)} would do; another ranks before it.`,
    )
  }
  const decision = await (id === undefined && Object.keys(request).length > 0
    ? ask<DecisionLine>('choose', request)
    : ask<DecisionLine>('decision', ...(id === undefined ? [] : [id])))
  output.result(decision, decisionText(decision, output.style))
}

export async function lintModels(
  output: Output,
  options: CommonOptions & { provider?: string; rule?: string; number?: number },
): Promise<void> {
  const { provider, rule, number: limit = 50 } = options
  const found = await (await connect(options))<{
    total: number
    counts: Record<string, number>
    findings: { slug: string; rule: string; message: string }[]
  }>('lint', {
    limit,
    ...(provider !== undefined && { provider }),
    ...(rule !== undefined && { rule }),
  })
  const { style } = output
  const counts = Object.entries(found.counts).map(([name, count]) => [String(count), style.bold(safe(name))])
  const findings = found.findings.map((one) => [safe(one.slug), style.yellow(safe(one.rule)), safe(one.message)])
  output.result(
    found,
    [`${found.total} findings in the catalogue’s data`, table(counts), '', table(findings)].join('\n'),
  )
}

export async function refreshModels(output: Output, options: CommonOptions & { force?: boolean }): Promise<void> {
  output.note('Asking models.dev …')
  const report = await (await connect(options))<{
    outcome: string
    version: string
    models: number
    providers: number
    source: string
    at: number
    added: number
    removed: number
    error?: string
  }>('refresh', {
    force: options.force === true,
  })
  const SAYS: Record<string, string> = {
    updated: `${report.added} models are new, ${report.removed} are gone`,
    unchanged: 'nothing is new',
    fresh: 'it was fetched less than 24 h ago; --force fetches it anyway',
    offline: `it could not be fetched (${safe(report.error ?? '')}); the last good copy is in use`,
    off: 'fetching is switched off in the config of the router; --force fetches it once',
  }
  output.result(
    report,
    `${SAYS[report.outcome] ?? safe(report.outcome)}. ${report.models} models of ${report.providers} providers, ${report.source}, version ${safe(report.version)}.`,
  )
}

export async function listProviders(output: Output, options: CommonOptions & { ready?: boolean }): Promise<void> {
  const all = await (await connect(options))<ProviderLine[]>('providers')
  const providers = options.ready ? all.filter(({ state }) => state === 'ready') : all
  const { style } = output
  const rows = providers.map((one) => [
    style.bold(safe(one.id)),
    safe(one.name),
    one.state === 'ready' ? style.green('ready') : style.dim(one.state),
    String(one.models),
    safe(one.baseUrl ?? '–'),
  ])
  output.result(providers, table([['PROVIDER', 'NAME', 'STATE', 'MODELS', 'ADDRESS'].map(style.dim), ...rows]))
}

export async function connectProvider(
  output: Output,
  options: CommonOptions & { url?: string; keyless?: boolean },
  provider: string,
): Promise<void> {
  const ask = await connect(options)
  const key = options.keyless
    ? undefined
    : await readUnseen(`Key for ${provider}`, `pryx models connect ${provider} < key.txt`)
  const status = await ask<ProviderLine>('connect', provider, {
    ...(key !== undefined && { key }),
    ...(options.url !== undefined && { baseUrl: options.url }),
  })
  output.result(status, `${safe(status.name)} is ${status.state}.`)
}

export async function disconnectProvider(output: Output, options: CommonOptions, provider: string): Promise<void> {
  const status = await (await connect(options))<ProviderLine>('disconnect', provider)
  output.result(status, `The key of ${safe(status.name)} is forgotten.`)
}

export async function showUsage(output: Output, options: CommonOptions & { by?: string }): Promise<void> {
  const ask = await connect(options)
  const rows = await ask<
    { key: string; calls: number; inputTokens: number; outputTokens: number; usd: number; unpriced: number }[]
  >('usage', { by: options.by ?? 'model' })
  const { style } = output
  const lines = rows.map((row) => [
    safe(row.key) || '–',
    String(row.calls),
    String(row.inputTokens),
    String(row.outputTokens),
    `$${row.usd.toFixed(4)}${row.unpriced > 0 ? ` + ${row.unpriced} of unknown price` : ''}`,
  ])
  output.result(
    rows,
    rows.length === 0
      ? 'Nothing was asked of a model this month.'
      : table([['', 'CALLS', 'TOKENS IN', 'OUT', 'COST'].map(style.dim), ...lines]),
  )
}

export async function budget(
  output: Output,
  options: CommonOptions,
  name: string | undefined,
  more: number | undefined,
): Promise<void> {
  const ask = await connect(options)
  type Status = { budget: string; period: string; usd: number; limitUsd: number; leftUsd: number; percent: number }
  if (name !== undefined && more === undefined)
    throw new UsageError('USAGE_COMMAND', 'how many dollars more?', { hint: `pryx models budget ${name} 5` })
  const all = name === undefined ? await ask<Status[]>('budgets') : [await ask<Status>('extendBudget', name, more)]
  const lines = all.map((one) => [
    output.style.bold(safe(one.budget)),
    safe(one.period),
    `$${one.usd.toFixed(4)} of $${one.limitUsd.toFixed(2)}`,
    `${one.percent} %`,
    `$${one.leftUsd.toFixed(4)} left`,
  ])
  output.result(
    all,
    all.length === 0
      ? 'There are no budgets. Set some in the config of the router: "budgets": { "month": 20 }.'
      : table(lines),
  )
}

type Ask = <T>(method: string, ...args: unknown[]) => Promise<T>

async function connect(options: CommonOptions): Promise<Ask> {
  const control = await runningHost(options)
  return <T>(method: string, ...args: unknown[]) => control.call(...SERVICE, method, args) as Promise<T>
}

function requestOf({ strategy, tools, tokens, all }: ExplainOptions): Record<string, unknown> {
  const needs = { ...(tools !== undefined && { tools }), ...(tokens !== undefined && { inputTokens: tokens }) }
  return {
    ...(strategy !== undefined && { strategy }),
    ...(Object.keys(needs).length > 0 && { needs }),
    ...(all && { among: 'all' }),
  }
}

function decisionText(decision: DecisionLine, style: Style): string {
  const choices = decision.chosen ? [decision.chosen, ...decision.fallbacks] : []
  return [
    safe(decision.summary, 2_000),
    ...(choices.length > 0
      ? [
          '',
          style.bold('In this order'),
          ...choices.flatMap((one, n) => [
            `${n + 1}. ${safe(one.slug)}`,
            ...one.reasons.map((reason) => style.dim(`   ${safe(reason)}`)),
          ]),
        ]
      : []),
    ...(decision.runnersUp.length > 0
      ? [
          '',
          style.bold('Nearly'),
          table(decision.runnersUp.map(({ slug, lostBy }) => [safe(slug), style.dim(safe(lostBy))])),
        ]
      : []),
    ...(decision.refused.length > 0
      ? [
          '',
          style.bold('Not'),
          table(
            decision.refused.map(({ why, count, examples }) => [
              String(count),
              safe(why),
              style.dim(examples.map((one) => safe(one)).join(', ')),
            ]),
          ),
        ]
      : []),
    '',
    style.dim(`decision ${safe(decision.id)}, ${safe(decision.strategy)}`),
  ].join('\n')
}

function modelRow(model: ModelLine, style: Style): string[] {
  const can = [
    model.tools && 'tools',
    model.vision && 'vision',
    model.reasoning && 'reasoning',
    model.local && 'local',
    model.status !== 'stable' && model.status,
  ]
  return [
    style.bold(safe(model.slug)),
    model.context === undefined ? '?' : `${Math.round(model.context / 1_000)}k`,
    price(model.prices.input),
    price(model.prices.output),
    style.dim(can.filter(Boolean).join(' ')),
  ]
}

/** USD for a million tokens. */
function price(usd: number | undefined): string {
  return usd === undefined ? '?' : `$${usd}`
}
