// plugins/agent/src/loop/loop.ts: model → tools → model …, until it answers without asking for a tool.
//   L1  Everything is in the session's log before it counts: a tool is called only after its request is on disk.
//   L2  A request without an outcome, from before a restart, is told as interrupted and never made again.
//   L3  Each write is fenced by the run's own mark: once it is taken away, nothing more can be written.
import type { Entry, SessionEvent } from '@pryx/plugin-sessions/service'
import { UsageError } from '@pryx/sdk'
import { agentEvents } from '../events.ts'
import type { Ports, Settings } from '../ports.ts'
import { INTERRUPTED, messagesOf } from '../prompt/messages.ts'
import { partsOf, tokensOf } from '../prompt/parts.ts'
import { noteQuestions } from '../runs/asked.ts'
import type { Ending, Kept } from '../runs/store.ts'
import { askModel, type ModelAnswer } from './answer.ts'
import { fillOf, summaryFor } from './compact.ts'
import { type Call, describeTools, runCalls } from './tools.ts'

const WARN_PERCENT = 80 // of the window (M1)
const LONG_TOKENS = 20_000 // a prompt from here on is announced with what it may cost (M6)

export interface Begun {
  /** The log as it was read while the mark was on its way to the disk: it may end before it, or go beyond. */
  readonly before: readonly SessionEvent[]
  readonly started: SessionEvent
}

export interface Conversation {
  readonly run: Kept
  readonly signal: AbortSignal
  /** Calls whose outcome is not in the log yet. */
  readonly open: Map<string, Call>
  /** Resolves once the run has its mark in the session: nothing is asked or called before. */
  readonly begun: Promise<Begun>
  /** Writes, fenced (L3). */
  write(entries: Entry[]): Promise<void>
}

/** @returns How it ended, with the entries that say so; they are not written yet. */
export async function converse(
  ports: Ports,
  settings: Settings,
  talk: Conversation,
): Promise<Ending & { entries: Entry[] }> {
  const { run, signal, open } = talk
  const log: SessionEvent[] = []
  const [parts, tools] = await Promise.all([partsOf(ports, settings), ports.tools.list(), takeLog()])
  await closeInterrupted() // L2
  const system = parts.map(({ text }) => text).join('\n\n')
  for (let step = 1; step <= settings.maxSteps; step++) {
    signal.throwIfAborted()
    await makeRoom()
    const { described, nameOf, ownerOf } = describeTools(step === 1 ? tools : await ports.tools.list())
    const request = requestOf(system, described)
    if (step === 1) announce(request).catch((error) => ports.warn('the cost could not be estimated', error))
    const answer = await askModel(ports, request, tell, signal)
    count(run, answer)
    if (answer.calls.length === 0) void warnOfWindow([saying(answer)])
    if (answer.calls.length === 0) return { status: 'ok', text: answer.text, entries: [saying(answer)] }
    const calls = answer.calls.map(({ name, input }, i) => ({
      call: `${run.id}.${run.attempt}.${step}.${i}`,
      name: nameOf(name),
      input,
    }))
    for (const call of calls) open.set(call.call, call)
    await talk.write([saying(answer), ...calls.map((body) => ({ kind: 'tool.requested' as const, body }))]) // L1
    const quiet = noteQuestions({ bell: ports.bell, open, ownerOf, write: talk.write })
    await runCalls(ports.tools, calls, { limit: settings.parallelTools, signal, done }).finally(quiet)
    await read()
    void warnOfWindow()
  }
  throw new UsageError('RUN_TOO_LONG', `it asked the model ${settings.maxSteps} times without an end`, {
    hint: 'Ask for less at once, or raise maxSteps in the configuration of the agent.',
  })

  async function done(
    { call, name }: Call,
    outcome: { output: unknown; outcome: 'ok' | 'failed' | 'refused' },
  ): Promise<void> {
    await talk.write([{ kind: 'tool.completed', body: { call, name, ...outcome } }])
    open.delete(call)
  }

  async function takeLog(): Promise<void> {
    const { before, started } = await talk.begun
    log.push(...before.filter(({ version }) => version < started.version))
    if ((log.at(-1)?.version ?? 0) === started.version - 1) log.push(started)
    else await read() // others wrote in between
  }

  async function read(): Promise<void> {
    log.push(...(await readLog(ports, run.session, log.at(-1)?.version)))
  }

  async function closeInterrupted(): Promise<void> {
    const entries = interruptedIn(log)
    if (entries.length === 0) return
    for (let at = 0; at < entries.length; at += 64) await talk.write(entries.slice(at, at + 64))
    await read()
  }

  function requestOf(system: string, tools: ReturnType<typeof describeTools>['described']) {
    const { model } = run.request
    const leftUsd = left()
    return {
      messages: [{ role: 'system' as const, content: system }, ...messagesOf(log, run.id)],
      session: run.session,
      ...(tools.length > 0 && { tools }),
      ...(model !== undefined && { model }),
      ...(leftUsd !== undefined && { needs: { maxUsd: leftUsd } }),
    }
  }

  function tell(text: string, reset?: boolean): void {
    ports.sessions.delta(run.session, run.id, text, reset).catch(() => {}) // passing by: the message itself is kept
  }

  /** USD; undefined without a limit. */
  function left(): number | undefined {
    const { maxCostUsd } = run.request
    return maxCostUsd === undefined ? undefined : Math.max(0, maxCostUsd - run.usage.costUsd)
  }

  /** M2 */
  async function makeRoom(): Promise<void> {
    const summary = await summaryFor(ports, log, { session: run.session, signal, maxUsd: left() })
    if (summary === undefined) return
    count(run, summary.answer)
    await talk.write([summary.entry])
    await read()
  }

  /** M6 */
  async function announce({ messages, tools, model }: ReturnType<typeof requestOf>): Promise<void> {
    const tokens = tokensOf(JSON.stringify([messages, tools ?? []]))
    if (tokens < LONG_TOKENS) return
    const about = { session: run.session, ...(model !== undefined && { model }) }
    const { chosen } = await ports.models.choose({ ...about, needs: { inputTokens: tokens } })
    if (chosen === undefined) return
    await ports.emit(agentEvents.estimated, {
      run: run.id,
      session: run.session,
      model: chosen.slug,
      tokens,
      usd: chosen.usd,
    })
  }

  /** M1 */
  async function warnOfWindow(unread: Entry[] = []): Promise<void> {
    try {
      const fill = await fillOf(ports, [...log, ...(unread as SessionEvent[])])
      if (fill === undefined || fill.percent < WARN_PERCENT) return
      await ports.emit(agentEvents['window-filling'], { session: run.session, ...fill })
    } catch (error) {
      ports.warn('how full the window is could not be said', error)
    }
  }
}

function saying({ text, model, usd, inputTokens, outputTokens }: ModelAnswer): Entry {
  return {
    kind: 'message',
    body: { role: 'assistant', text: text.slice(0, 131_072), model, usd, inputTokens, outputTokens },
  }
}

function count({ usage }: Kept, { usd, inputTokens, outputTokens }: ModelAnswer): void {
  usage.calls++
  usage.inputTokens += inputTokens
  usage.outputTokens += outputTokens
  if (usd === null) usage.unpriced++
  else usage.costUsd += usd
}

/** What a life before this one had finished, though the row of the run does not say so. */
export async function endedBefore(ports: Pick<Ports, 'sessions'>, { id, session }: Kept): Promise<Ending | undefined> {
  const log = await readLog(ports, session)
  const end = log.findLast((event) => event.kind === 'run.finished' && event.body.run === id)
  if (end?.kind !== 'run.finished') return undefined
  const said = log.findLast(({ kind, version }) => kind === 'message' && version < end.version)
  const { status, error, code } = end.body
  return {
    status,
    ...(status === 'ok' && said?.kind === 'message' && { text: said.body.text }),
    ...(error !== undefined && { error }),
    ...(code !== undefined && { code }),
  }
}

export async function readLog(
  { sessions }: Pick<Ports, 'sessions'>,
  session: string,
  after = 0,
): Promise<SessionEvent[]> {
  const log: SessionEvent[] = []
  for (let more = true; more; ) {
    const page = await sessions.events(session, { after: log.at(-1)?.version ?? after, limit: 200 })
    log.push(...page.events)
    more = page.more && page.events.length > 0
  }
  return log
}

/** Entries that close requests whose outcome nobody wrote down. */
function interruptedIn(log: readonly SessionEvent[]): Entry[] {
  const closed = new Set(log.flatMap((event) => (event.kind === 'tool.completed' ? [event.body.call] : [])))
  return log.flatMap((event) =>
    event.kind === 'tool.requested' && !closed.has(event.body.call) ? [interrupted(event.body)] : [],
  )
}

export function interrupted({ call, name }: Pick<Call, 'call' | 'name'>): Entry {
  return { kind: 'tool.completed', body: { call, name, output: INTERRUPTED, outcome: 'interrupted' } }
}
