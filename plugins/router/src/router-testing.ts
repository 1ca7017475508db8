// plugins/router/src/router-testing.ts: the router on powers a test holds: memory, a clock that stands, providers that do as told.
import { DatabaseSync } from 'node:sqlite'
import type { Ask, Piece, Question } from './calls/attempt.ts'
import { createEcho } from './calls/echo.ts'
import { configSchema } from './config.ts'
import type { Clock, Ports } from './ports.ts'
import type { GenerateRequest } from './request.ts'
import { openRouter } from './router.ts'
import type { Models } from './service.ts'
import { collect, type Generated, type ModelPart } from './stream.ts'

export const USAGE = { inputTokens: 100, outputTokens: 50, cacheReadTokens: 0, cacheWriteTokens: 0, reasoningTokens: 0 }
export const END: Piece = { type: 'end', reason: 'stop', usage: USAGE }

/** What a provider does when asked: its pieces; an `Error` among them is thrown there. */
export type Script = (question: Question, n: number) => readonly (Piece | Error | 'silence')[]

export interface TestClock extends Clock {
  advance(ms: number): void
  /** Moves on to the next timer whenever something waits. For tests in which waiting is not what is tested. */
  hurry: boolean
}

export interface Bench {
  models: Models
  clock: TestClock
  told: { name: string; payload: Record<string, unknown> }[]
  asked: Question[]
  keys: Map<string, string>
  db: DatabaseSync
  parts(request: GenerateRequest): Promise<ModelPart[]>
  generate(request: GenerateRequest): Promise<Generated>
  /** Another life of the router on the same disk. */
  again(config?: object): Promise<Bench>
  from: string
}

export interface BenchOptions {
  config?: object
  /** Ids of providers with a key. Default: openai, anthropic and google. */
  ready?: readonly string[]
  script?: Script
  fetch?: typeof fetch
  now?: number
}

export async function openBench(
  options: BenchOptions = {},
  db: DatabaseSync = new DatabaseSync(':memory:'),
): Promise<Bench> {
  const {
    config = {},
    ready = ['openai', 'anthropic', 'google'],
    script = () => [{ type: 'text', text: 'Hello.' }, END],
    now = Date.UTC(2026, 10, 22, 12),
  } = options
  const clock = createClock(now)
  const told: Bench['told'] = []
  const asked: Question[] = []
  const keys = new Map(ready.map((id) => [`provider.${id}`, `sk-secret-of-${id}`]))
  const echo = createEcho(async (_ms, signal) => signal.throwIfAborted())
  const bench = { from: 'host' }
  let ids = 0
  const ask: Ask = async function* (question) {
    if (question.model.wire === 'echo') return yield* echo(question)
    const n = asked.push(question) - 1
    for (const piece of script(question, n)) {
      await null
      question.signal.throwIfAborted()
      if (piece === 'silence')
        await new Promise((_, reject) =>
          question.signal.addEventListener('abort', () => reject(question.signal.reason)),
        )
      else if (piece instanceof Error) throw piece
      else yield piece
    }
  }
  const ports: Ports = {
    clock,
    sql: sqlOn(db),
    values: valuesOn(db),
    keys: {
      list: async () => [...keys.keys()].sort(),
      get: async (name) => keys.get(name),
      set: async (name, value) => void keys.set(name, value),
      delete: async (name) => keys.delete(name),
    },
    fetch: options.fetch ?? (async () => Promise.reject(new TypeError('no network here'))),
    nextId: () => `id-${++ids}-${now}`,
    random: () => 0.5,
    emit: async ({ name }, payload) => void told.push({ name, payload: payload as never }),
    warn() {},
  }
  const settings = configSchema.parse({ refresh: 'never', detect: { enabled: false }, timeZone: 'UTC', ...config })
  const models = await openRouter({
    ports,
    config: settings,
    ask,
    boot: `boot-${now}-${Math.random()}`,
    caller: () => bench.from,
  })
  const parts = async (request: GenerateRequest) =>
    Array.fromAsync((await models.stream(request)) as AsyncIterable<ModelPart>)
  return Object.assign(bench, {
    models,
    clock,
    told,
    asked,
    keys,
    db,
    parts,
    generate: async (request: GenerateRequest) => collect(await models.stream(request)),
    again: (next = config) => openBench({ ...options, config: next, now: clock.now() + 1 }, db),
  })
}

export function createClock(start: number): TestClock {
  const timers = new Map<number, { at: number; fn: () => void }>()
  let [now, last] = [start, 0]
  const clock: TestClock = {
    hurry: true,
    now: () => now,
    after(ms, fn) {
      const id = ++last
      timers.set(id, { at: now + ms, fn })
      return () => void timers.delete(id)
    },
    advance(ms) {
      const until = now + ms
      for (;;) {
        const next = [...timers].sort(([, a], [, b]) => a.at - b.at)[0]
        if (next === undefined || next[1].at > until) break
        timers.delete(next[0])
        now = Math.max(now, next[1].at)
        next[1].fn()
      }
      now = until
    },
  }
  // Whatever still waits after a turn of the event loop waits for time: it passes.
  const tick = setInterval(() => {
    const next = [...timers.values()].sort((a, b) => a.at - b.at)[0]
    if (clock.hurry && next) clock.advance(Math.max(0, next.at - now))
  }, 2)
  tick.unref()
  return clock
}

function sqlOn(db: DatabaseSync): Ports['sql'] {
  const bind = (params: unknown[]) => params.map((one) => (typeof one === 'boolean' ? Number(one) : one)) as never[]
  return {
    all: async (sql, ...params) =>
      db
        .prepare(sql)
        .all(...bind(params))
        .map((row) => ({ ...row })) as never,
    run: async (sql, ...params) => {
      const { changes, lastInsertRowid } = db.prepare(sql).run(...bind(params))
      return { changes: Number(changes), lastInsertRowid }
    },
    exec: async (script) => db.exec(script),
  }
}

function valuesOn(db: DatabaseSync): Ports['values'] {
  db.exec('CREATE TABLE IF NOT EXISTS kv (key TEXT PRIMARY KEY, value TEXT)')
  return {
    get: async (key) => {
      const row = db.prepare('SELECT value FROM kv WHERE key = ?').get(key) as { value: string } | undefined
      return row && JSON.parse(row.value)
    },
    set: async (key, value) => db.prepare('INSERT OR REPLACE INTO kv VALUES (?, ?)').run(key, JSON.stringify(value)),
    delete: async (key) => db.prepare('DELETE FROM kv WHERE key = ?').run(key),
  }
}
