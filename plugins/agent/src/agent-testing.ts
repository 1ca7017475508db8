// plugins/agent/src/agent-testing.ts: the agent on powers a test holds: sessions in memory, a model that does as told, lives that can be killed.
import { DatabaseSync } from 'node:sqlite'
import type { GenerateRequest, ModelPart } from '@pryx/plugin-router/service'
import type { ToolFacts } from '@pryx/sdk'
import { createMemorySql, openBench } from '../../sessions/src/sessions-testing.ts'
import { openAgent } from './agent.ts'
import type { Ports } from './ports.ts'
import type { Needed, Resolved } from './runs/asked.ts'

/** What the model answers: text, and tools to call. */
export interface Scripted {
  text: string
  calls?: { name: string; input: unknown }[]
  /** Waits for this before it ends. */
  until?: Promise<void>
  /** Of the prompt; default 10. */
  inputTokens?: number
  /** Begins with words that are void. */
  broken?: boolean
}

export interface WorldOptions {
  model(request: GenerateRequest, n: number): Scripted
  tools?: Record<string, (input: unknown, signal: AbortSignal) => unknown>
  instructions?: string
  /** Time stands still. */
  sameTime?: boolean
}

/** Sessions and a disk that outlive the lives of the agent upon them. */
export async function createWorld(options: WorldOptions) {
  const sessionsSql = createMemorySql()
  const bench = await openBench(sessionsSql)
  const db = new DatabaseSync(':memory:')
  const asked: GenerateRequest[] = []
  const called: { name: string; input: unknown }[] = []
  const emitted: { name: string; payload: unknown }[] = []
  const bells = new Set<{ needed(approval: Needed): void; resolved(approval: Resolved): void }>()
  let ids = 0
  return { bench, asked, called, emitted, bells, live, log }

  async function log() {
    return (await bench.sessions.events('main', { limit: 200 })).events
  }

  /** One life of the agent. `kill`: nothing of it reaches anything any more. */
  async function live(settings: { parallelTools?: number; maxSteps?: number; lanes?: Record<string, number> } = {}) {
    let dead = false
    const timers = new Set<{ ms: number; fn: () => void }>()
    const mortal =
      <A extends unknown[], R>(act: (...args: A) => Promise<R>) =>
      async (...args: A): Promise<R> => {
        if (dead) return new Promise<R>(() => {})
        const result = await act(...args)
        return dead ? new Promise<R>(() => {}) : result
      }
    const tools = Object.entries(options.tools ?? {})
    const ports: Ports = {
      sql: {
        all: mortal(
          async (text: string, ...params: unknown[]) =>
            db
              .prepare(text)
              .all(...(params as never[]))
              .map((row) => ({ ...row })) as never[],
        ) as never,
        exec: mortal(async (text: string) => db.exec(text)),
        batch: mortal(async (statements: { sql: string; params?: unknown[] }[]) =>
          statements.map(({ sql, params = [] }) => ({
            changes: Number(db.prepare(sql).run(...(params as never[])).changes),
          })),
        ) as never,
      },
      clock: {
        now: () => (options.sameTime ? 1_000 : Date.now()),
        after(ms, fn) {
          const timer = { ms, fn }
          timers.add(timer)
          return () => void timers.delete(timer)
        },
      },
      sessions: {
        create: mortal(bench.sessions.create),
        send: mortal(bench.sessions.send),
        append: mortal(bench.sessions.append),
        events: mortal(bench.sessions.events),
        delta: mortal(bench.sessions.delta),
      },
      models: {
        stream: mortal(async (request: GenerateRequest, { signal }: { signal?: AbortSignal } = {}) => {
          asked.push(structuredClone(request))
          return streamOf(partsOf(options.model(request, asked.length - 1), signal))
        }),
        show: async () => ({ context: 10_000 }) as never,
        choose: async () => ({ chosen: { slug: 'test/model', usd: 0.5 } }) as never,
      },
      tools: {
        list: async () => tools.map(([name]): ToolFacts => ({ name, plugin: 'test', description: name })),
        call: mortal(async (name: string, input: unknown, { signal }: { signal?: AbortSignal } = {}) => {
          called.push({ name, input })
          return options.tools?.[name]?.(input, signal as AbortSignal)
        }),
      },
      bell: {
        listen(needed, resolved) {
          const bell = { needed, resolved }
          bells.add(bell)
          return () => void bells.delete(bell)
        },
      },
      instructions: async () => options.instructions,
      nextId: () => `run-${(++ids * 7_919) % 10_007}`,
      emit: async ({ name }, payload) => void emitted.push({ name, payload }),
      warn: (message, error) => {
        throw new Error(`${message}: ${String(error)}`)
      },
    }
    const { service, end } = await openAgent(ports, {
      instructions: '',
      lanes: { main: 4 },
      maxSteps: 5,
      parallelTools: 4,
      ...settings,
    })
    return {
      agent: service,
      end,
      timers,
      kill(): void {
        dead = true
      },
      /** Until the run has ended. */
      async ended(id: string) {
        for (;;) {
          const run = await service.get(id)
          if (run.endedAt !== undefined) return run
          await new Promise((resolve) => setImmediate(resolve))
        }
      },
    }
  }
}

async function* partsOf(
  { text, calls = [], until, broken, inputTokens = 10 }: Scripted,
  signal?: AbortSignal,
): AsyncGenerator<ModelPart> {
  const start: ModelPart = { type: 'start', decision: 'd', model: 'test/model', name: 'Test', attempt: 1, summary: '' }
  yield start
  if (broken) {
    yield { type: 'text', text: 'void words' }
    yield { type: 'tool-call', id: 'x', name: 'danger', input: {} }
    yield { type: 'restart', reason: 'it broke', code: 'MODELS_BROKEN' }
    yield start
  }
  if (text) yield { type: 'text', text }
  for (const [i, call] of calls.entries()) yield { type: 'tool-call', id: `call-${i}`, ...call }
  if (until)
    await Promise.race([
      until,
      new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason))),
    ])
  const usage = {
    inputTokens,
    outputTokens: 5,
    cacheReadTokens: 0,
    cacheWriteTokens: 0,
    reasoningTokens: 0,
    reported: true,
  }
  yield { type: 'finish', reason: calls.length > 0 ? 'tool-calls' : 'stop', usage, usd: 0.01, ms: 1 }
}

function streamOf(parts: AsyncGenerator<ModelPart>): ReadableStream<ModelPart> {
  return new ReadableStream<ModelPart>({
    async pull(controller) {
      const { done, value } = await parts.next()
      if (done) controller.close()
      else controller.enqueue(value)
    },
  })
}
