// plugins/router/src/calls/run.ts: from a request to an answer: decide, ask, try again, ask another (R6 R8).
//   N1  Every chain ends: at most `retries + 1` attempts at a model, at most four models.
//   N2  What is told belongs to one model. An answer that broke is carried on by the same model where its words match, or declared void and
//       replaced; another model's words are never put behind it.
//   N3  No attempt begins without its cost in the ledger and within the budgets; each ends with a record, whichever way it ends.
import { CapabilityError, type PryxError } from '@pryx/sdk'
import type { Catalogue } from '../catalogue/catalogue.ts'
import { estimateTokens } from '../catalogue/tokenizer.ts'
import { estimateUsd, usdOf } from '../choice/price.ts'
import type { Situation } from '../choice/situation.ts'
import { withSummary } from '../choice/violations.ts'
import { money, violationText } from '../choice/words.ts'
import type { Choice, Decision, Violation } from '../decision.ts'
import { type CallRecord, modelsEvents } from '../events.ts'
import type { Budgets } from '../money/budgets.ts'
import type { Ledger } from '../money/ledger.ts'
import type { Ports } from '../ports.ts'
import type { ChooseRequest, GenerateRequest } from '../request.ts'
import type { ModelPart, TokenUsage } from '../stream.ts'
import type { Ask, Piece } from './attempt.ts'
import { errorFor, type Failure, failureOf } from './failure.ts'
import type { Health } from './health.ts'
import { notSilentFor, pause } from './idle.ts'
import { choiceOf } from './needs.ts'
import { createSeam } from './seam.ts'

const CLOUD_SILENCE_MS = 120_000
const LOCAL_SILENCE_MS = 300_000 // a model may have to be loaded first
const BACKOFF_MS = 250
const PATIENCE_MS = 5_000 // longest wait for the same model where nobody asked to wait
const LONG_PATIENCE_MS = 300_000 // where the caller said `wait`
const CAPPED_OUTPUT = 8_192 // tokens, where a budget holds and the caller named no limit

/** How a provider is reached now. */
export interface Access {
  baseUrl: string
  key: string | undefined
}

export interface CallerParts {
  ports: Ports
  ledger: Ledger
  budgets: Budgets
  health: Health
  ask: Ask
  retries: number
  catalogue(): Catalogue
  /** Decides and keeps the decision. */
  decide(request: ChooseRequest, budget: Situation['budget']): Promise<Decision>
  access(provider: string, row: number): Promise<Access>
}

export interface Caller {
  /** @param from The plugin that asks, or `host`. */
  stream(request: GenerateRequest, from: string): ReadableStream<ModelPart>
}

export function createCaller(parts: CallerParts): Caller {
  return {
    stream(request, from) {
      const abort = new AbortController()
      const answer = run(parts, request, from, abort.signal)
      return new ReadableStream<ModelPart>(
        {
          async pull(controller) {
            try {
              const { done, value } = await answer.next()
              if (done) controller.close()
              else controller.enqueue(value)
            } catch (error) {
              controller.error(error)
            }
          },
          async cancel(reason) {
            abort.abort(reason ?? new CapabilityError('MODELS_CANCELLED', 'the answer was not wanted any more'))
            await answer.return(undefined).catch(() => {})
          },
        },
        { highWaterMark: 0 },
      )
    },
  }
}

/** An attempt that has a place in the ledger. */
interface Begun {
  record: CallRecord
  row: number
  maxOutputTokens: number | undefined
}

async function* run(
  parts: CallerParts,
  request: GenerateRequest,
  from: string,
  signal: AbortSignal,
): AsyncGenerator<ModelPart, void> {
  const { ports, budgets, health, retries } = parts
  const choice = choiceOf(request)
  const owner = { session: request.session, task: request.task }
  let begun: Begun | undefined
  const decision = await budgets.inTurn(async () => {
    const made = await parts.decide(choice, await budgets.tightest(owner))
    if (made.chosen && !mustWait(made, request)) begun = await begin(parts, made, made.chosen, request, from)
    return made
  })
  if (decision.violation)
    yield {
      type: 'violation',
      violation: withSummary(decision.violation, request.messages, decision.estimate.outputTokens),
    }
  if (decision.chosen === undefined) throw await refusal(parts, decision)
  await waitForRoom(decision, request, ports, signal)
  const models = [decision.chosen, ...decision.fallbacks]
  let last: Failure | undefined
  for (const [n, model] of models.entries()) {
    let told = ''
    for (let attempt = 0; attempt <= retries; attempt++) {
      begun ??= await budgets.inTurn(() => begin(parts, decision, model, request, from))
      const ended = yield* attemptAt(begun, model, attempt, told)
      begun = undefined
      if (ended.kind === 'done') return
      last = ended.failure
      if (ended.any && request.onBreak === 'stop') throw errorFor({ ...last, code: 'MODELS_BROKEN' }, model.slug)
      const wait = attempt === retries ? undefined : waitBefore(last, attempt, n < models.length - 1, request)
      const carriesOn = wait !== undefined && request.onBreak === 'continue' && ended.told !== '' && ended.plain
      if (ended.any && !carriesOn) yield { type: 'restart', reason: last.message, code: last.code } // N2
      told = carriesOn ? ended.told : ''
      if (wait === undefined) break
      await pause(Math.ceil(wait * (0.5 + ports.random() / 2)), ports.clock, signal)
    }
    const next = models[n + 1]
    const until = last && health.failed(model.slug, last, ports.clock.now())
    if (until !== undefined && last) void ports.emit(modelsEvents.cooled, { model: model.slug, until, code: last.code })
    if (next && last)
      void ports.emit(modelsEvents['fell-back'], {
        decision: decision.id,
        from: model.slug,
        to: next.slug,
        code: last.code,
        at: ports.clock.now(),
      })
  }
  throw errorFor(last as Failure, (models.at(-1) as Choice).slug)

  type Ended = { kind: 'done' } | { kind: 'failed'; failure: Failure; told: string; any: boolean; plain: boolean }

  /** One attempt, told as it comes. Its record is closed here, also when the consumer goes away. */
  async function* attemptAt(
    { record, row, maxOutputTokens }: Begun,
    model: Choice,
    attempt: number,
    before: string,
  ): AsyncGenerator<ModelPart, Ended> {
    const abort = new AbortController()
    const leave = linked(signal, abort)
    const startedAt = ports.clock.now()
    const seam = before === '' ? undefined : createSeam(before)
    const start = (): ModelPart => ({
      type: 'start',
      decision: decision.id,
      model: model.slug,
      name: model.name,
      attempt: attempt + 1,
      summary: decision.summary,
    })
    let carrying = seam !== undefined
    let told = before
    let any = before !== ''
    let plain = true
    let heard = ''
    let firstMs: number | null = null
    let key: string | undefined
    let settled = false
    let written: Promise<void> | undefined
    try {
      const catalogue = parts.catalogue()
      const access = await parts.access(model.provider, row)
      key = access.key
      health.asked(model.provider, startedAt)
      const facts = catalogue.model(row)
      const asking = parts.ask({
        model: facts,
        ...access,
        request,
        maxOutputTokens,
        parallelToolCalls: model.parallelToolCalls ?? request.needs?.parallelToolCalls,
        signal: abort.signal,
      })
      for await (const piece of notSilentFor(
        asking,
        facts.local ? LOCAL_SILENCE_MS : CLOUD_SILENCE_MS,
        ports.clock,
        () => abort.abort(),
      )) {
        if (piece.type === 'end') {
          if (carrying && heard.length < before.length) yield* replaced(heard)
          if (!any) yield start()
          const usage = usageOf(piece, decision, heard)
          settled = true
          const ended = close(usage, 'done')
          written = ended.written
          written.catch(() => {}) // awaited below, after the answer's end has been told: it is on its way meanwhile (L1 of the ledger)
          health.answered(model.slug, {
            firstMs: firstMs ?? 0,
            ms: ports.clock.now() - startedAt,
            outputTokens: usage.outputTokens,
          })
          yield { type: 'finish', reason: piece.reason, usage, usd: ended.usd, ms: ports.clock.now() - startedAt }
          return { kind: 'done' }
        }
        firstMs ??= ports.clock.now() - startedAt
        if (piece.type === 'text') heard += piece.text
        if (carrying && seam && piece.type === 'text') {
          const found = seam(piece.text)
          if (found.kind === 'repeats') continue
          carrying = found.kind === 'follows' && heard.length < before.length
          if (found.kind === 'differs') yield* replaced(found.text)
          else {
            told += found.text
            yield { type: 'text', text: found.text }
          }
          continue
        }
        if (carrying) yield* replaced(heard) // it thinks or calls a tool where it wrote before: another answer
        if (!any) yield start()
        any = true
        if (piece.type === 'text') told += piece.text
        else plain = false
        yield piece
      }
      throw new Error('the stream ended before the answer did')
    } catch (error) {
      if (settled) throw error
      settled = true
      const failure = failureOf(error, ports.clock.now(), key)
      await close(
        partial(any, heard),
        signal.aborted ? 'cancelled' : 'failed',
        signal.aborted ? 'MODELS_CANCELLED' : failure.code,
      ).written
      if (signal.aborted) throw signal.reason
      return { kind: 'failed', failure, told, any, plain }
    } finally {
      leave()
      if (!settled) written = close(partial(any, heard), 'cancelled', 'MODELS_CANCELLED').written // the consumer has left
      abort.abort()
      await written // N3
    }

    /** M2 of the seam: what was told is void. */
    function* replaced(text: string): Generator<ModelPart> {
      carrying = false
      told = text
      yield { type: 'restart', reason: 'the second answer of the model differs from the first', code: 'MODELS_BROKEN' }
      yield start()
      if (text !== '') yield { type: 'text', text }
    }

    /** What is likely to be on the bill of an answer that did not come to its end. */
    function partial(anything: boolean, text: string): TokenUsage {
      return usageOf(
        { type: 'end', reason: 'other' },
        anything ? decision : { estimate: { inputTokens: 0, outputTokens: 0 } },
        text,
      )
    }

    /** @returns Its price, and when its record is in the ledger. Its place in the turns is taken at once: the next call is judged after it. */
    function close(usage: TokenUsage, outcome: CallRecord['outcome'], code?: string) {
      const price = usdOf(parts.catalogue(), row, usage)
      const nothing = usage.inputTokens === 0 && usage.outputTokens === 0
      const usd = nothing ? 0 : Number.isNaN(price) ? null : price
      const { reported: _reported, ...tokens } = usage
      const ended: CallRecord = {
        ...record,
        ...tokens,
        reported: usage.reported,
        usd,
        firstMs,
        ms: ports.clock.now() - startedAt,
        outcome,
        ...(code && { code }),
      }
      return { usd, written: note(ended) }
    }

    async function note(ended: CallRecord): Promise<void> {
      await budgets.inTurn(() => parts.ledger.end(ended)) // N3
      void ports.emit(modelsEvents.called, ended).catch(() => {}) // told in the order of calls; nobody's answer waits for it
      await budgets.passed(ended)
    }
  }
}

/** N3: writes the attempt down with the most it may cost. Within a turn of the budgets. */
async function begin(
  { ports, budgets, ledger, catalogue }: CallerParts,
  decision: Decision,
  model: Choice,
  request: GenerateRequest,
  from: string,
): Promise<Begun> {
  const all = catalogue()
  const row = all.row(model.slug) as number
  const owner = { session: request.session, task: request.task }
  const budget = await budgets.tightest(owner)
  const { inputTokens, outputTokens } = decision.estimate
  const max = budget
    ? (request.maxOutputTokens ?? affordable(all, row, inputTokens, outputTokens, budget.leftUsd))
    : request.maxOutputTokens
  const reserved = max ?? outputTokens
  const usd = estimateUsd(all, row, inputTokens, reserved)
  if (budget && (Number.isNaN(usd) ? budget.unknownPrice === 'refuse' : usd > budget.leftUsd))
    throw await overBudget({ ports, budgets }, owner, {
      kind: 'budget',
      budget: budget.name,
      leftUsd: budget.leftUsd,
      wantedUsd: Number.isNaN(usd) ? null : usd,
      resolutions: [{ do: 'pause' }],
    })
  const record: CallRecord = {
    id: ports.nextId(),
    decision: decision.id,
    at: ports.clock.now(),
    model: model.slug,
    provider: model.provider,
    from,
    ...(request.session !== undefined && { session: request.session }),
    ...(request.task !== undefined && { task: request.task }),
    inputTokens,
    outputTokens: reserved,
    cacheReadTokens: 0,
    cacheWriteTokens: 0,
    reasoningTokens: 0,
    reported: false,
    usd: Number.isNaN(usd) ? null : usd,
    firstMs: null,
    ms: 0,
    outcome: 'failed',
  }
  await ledger.begin(record)
  return { record, row, maxOutputTokens: max }
}

/** Tokens of output that what is left pays for, within the model's limit and ours; never fewer than the job was judged by. */
function affordable(
  { columns, ...all }: Catalogue,
  row: number,
  inputTokens: number,
  outputTokens: number,
  leftUsd: number,
): number {
  const limit = columns.outputLimit[row] as number
  const most = Math.min(CAPPED_OUTPUT, limit > 0 ? limit : CAPPED_OUTPUT)
  const catalogue = { columns, ...all }
  const [none, one] = [estimateUsd(catalogue, row, inputTokens, 0), estimateUsd(catalogue, row, inputTokens, 1)]
  const paid = one > none ? Math.floor((leftUsd - none) / (one - none)) : most
  return Math.max(1, Math.min(most, Math.max(paid, Math.min(outputTokens, most))))
}

function usageOf(
  piece: Extract<Piece, { type: 'end' }>,
  { estimate }: Pick<Decision, 'estimate'>,
  heard: string,
): TokenUsage {
  if (piece.usage) return { ...piece.usage, reported: true }
  return {
    inputTokens: estimate.inputTokens,
    outputTokens: estimateTokens(heard),
    cacheReadTokens: 0,
    cacheWriteTokens: 0,
    reasoningTokens: 0,
    reported: false,
  }
}

function mustWait({ violation }: Decision, { onRateLimit }: GenerateRequest): boolean {
  return onRateLimit === 'wait' && violation?.kind === 'rate-limit'
}

async function waitForRoom(
  decision: Decision,
  request: GenerateRequest,
  { clock }: Ports,
  signal: AbortSignal,
): Promise<void> {
  const { violation } = decision
  if (!mustWait(decision, request) || violation?.kind !== 'rate-limit') return
  const ms = violation.until - clock.now()
  if (ms > LONG_PATIENCE_MS) throw limitError('MODELS_RATE_LIMIT', violation, decision)
  if (ms > 0) await pause(ms, clock, signal)
}

/** ms to wait before the same model is asked again; undefined: it is not. */
function waitBefore(
  { retryable, retryAfterMs, code }: Failure,
  attempt: number,
  others: boolean,
  { onRateLimit = 'fall-back' }: GenerateRequest,
): number | undefined {
  if (!retryable || (code === 'MODELS_RATE_LIMIT' && onRateLimit === 'stop')) return undefined
  if (code === 'MODELS_RATE_LIMIT' && others && onRateLimit === 'fall-back') return undefined
  const wait = retryAfterMs ?? BACKOFF_MS * 2 ** attempt
  const patience = onRateLimit === 'wait' ? LONG_PATIENCE_MS : PATIENCE_MS
  // Asked for by the provider: never sooner. The caller halves what it is given at most, so it is doubled.
  return wait <= patience ? (retryAfterMs === undefined ? wait : wait * 2) : undefined
}

async function refusal(parts: CallerParts, decision: Decision): Promise<PryxError> {
  const { violation } = decision
  if (violation?.kind === 'budget') return overBudget(parts, decision.request, violation)
  if (violation?.kind === 'context') return limitError('MODELS_CONTEXT', violation, decision)
  if (violation?.kind === 'rate-limit') return limitError('MODELS_RATE_LIMIT', violation, decision)
  if (violation?.kind === 'tool-limit') return limitError('MODELS_TOOL_LIMIT', violation, decision)
  return noneError(decision)
}

async function overBudget(
  { ports, budgets }: Pick<CallerParts, 'ports' | 'budgets'>,
  owner: { session?: string | undefined; task?: string | undefined },
  violation: Extract<Violation, { kind: 'budget' }>,
): Promise<PryxError> {
  const status = (await budgets.status(owner)).find(({ budget }) => budget === violation.budget)
  if (status) {
    const { budget, period, usd, limitUsd } = status
    void ports.emit(modelsEvents['budget-stopped'], { budget, period, usd, limitUsd, wantedUsd: violation.wantedUsd })
  }
  const spent = status ? ` (${money(status.usd)} of ${money(status.limitUsd)} spent)` : ''
  return new CapabilityError(
    'MODELS_BUDGET',
    `the budget ${violation.budget} stops this call${spent}: ${violationText(violation)}`,
    {
      budget: violation.budget,
      leftUsd: violation.leftUsd,
      ...(violation.wantedUsd !== null && { wantedUsd: violation.wantedUsd }),
      hint: 'Allow more with `pryx models budget`, ask for a cheaper model (onBudget "cheaper"), or wait for the next period.',
    },
  )
}

export function limitError(code: string, violation: Violation, decision: Decision): PryxError {
  const ways = violation.resolutions.map((one) =>
    Object.entries(one)
      .map(([key, value]) => (key === 'do' ? String(value) : `${key} ${value}`))
      .join(', '),
  )
  return new CapabilityError(code, violationText(violation), {
    decision: decision.id,
    ways: ways.join(' · '),
    hint: `Ways out: ${ways.join(' · ') || 'another model'}.`,
  })
}

export function noneError(decision: Decision): PryxError {
  return new CapabilityError('MODELS_NONE', decision.summary, {
    decision: decision.id,
    hint: 'See `pryx models explain`; set up another provider with `pryx setup`.',
  })
}

/** Aborts `inner` when `outer` does, until released. */
function linked(outer: AbortSignal, inner: AbortController): () => void {
  const abort = () => inner.abort(outer.reason)
  if (outer.aborted) abort()
  outer.addEventListener('abort', abort, { once: true })
  return () => outer.removeEventListener('abort', abort)
}
