// plugins/scheduler/src/scheduler-testing.ts: a scheduler in memory for tests: SQLite without a file, time that stands still, crashes on demand.
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { assemble } from './assemble.ts'
import type { Clock, Hands, Ports, Senses, Settings } from './ports.ts'
import type { Scheduler } from './service.ts'
import type { Result } from './store/outlook.ts'
import type { Statement } from './store/statements.ts'
import { createStore, type Sql } from './store/store.ts'
import type { Task } from './task.ts'

export interface MemorySql extends Sql {
  /** The n-th batch from now fails, `before` or `after` it has taken effect. */
  failBatch(n: number, when: 'before' | 'after'): void
  /** As `failBatch`, and nothing reaches the disk any more until `revive`: the process is gone at this very commit. */
  crashAt(n: number, when: 'before' | 'after'): void
  revive(): void
}

export function createMemorySql(): MemorySql {
  const db = new DatabaseSync(':memory:')
  const prepared = new Map<string, StatementSync>()
  let failing: { left: number; when: 'before' | 'after'; forGood?: boolean } | undefined
  let gone = false
  return {
    failBatch(n, when) {
      failing = { left: n, when }
    },
    crashAt(n, when) {
      failing = { left: n, when, forGood: true }
    },
    revive() {
      failing = undefined
      gone = false
    },
    all: async <T>(sql: string, ...params: never[]) => prepare(sql).all(...params) as T[],
    exec: async (script) => db.exec(script),
    async batch(statements) {
      if (gone) throw new Error('the process is gone')
      const fails = failing !== undefined && --failing.left === 0 ? failing.when : undefined
      if (fails) {
        gone = failing?.forGood ?? false
        failing = undefined
      }
      if (fails === 'before') throw new Error('power cut')
      const results = transaction(() => statements.map(runOf))
      if (fails === 'after') throw new Error('power cut')
      return results
    },
  }

  function prepare(sql: string): StatementSync {
    const known = prepared.get(sql) ?? db.prepare(sql)
    prepared.set(sql, known)
    return known
  }

  function runOf({ sql, params = [], rows = false }: Statement): Result {
    const statement = prepare(sql)
    if (!rows) return { changes: Number(statement.run(...(params as never[])).changes) }
    const found = statement.all(...(params as never[])) as Record<string, unknown>[]
    return { changes: found.length, rows: found }
  }

  function transaction<T>(work: () => T): T {
    db.exec('BEGIN')
    try {
      const result = work()
      db.exec('COMMIT')
      return result
    } catch (error) {
      db.exec('ROLLBACK')
      throw error
    }
  }
}

/** A clock that is moved by hand and runs no timer by itself. */
export function createHandClock(start: number) {
  const timers = new Set<{ ms: number; fn: () => void }>()
  let now = start
  const clock: Clock = {
    now: () => now,
    after(ms, fn) {
      const timer = { ms, fn }
      timers.add(timer)
      return () => void timers.delete(timer)
    },
    breathe: async () => {},
  }
  return Object.assign(clock, {
    timers,
    move(ms: number) {
      now += ms
    },
  })
}

export interface Told {
  name: string
  payload: Record<string, unknown>
}

export const SETTINGS: Settings = {
  ...{
    timeZone: 'Europe/Berlin',
    graceMs: 30_000,
    maxRunning: 50,
    managers: ['web'],
    messengers: ['telegram'],
    groupLimits: {},
    lateMs: 60_000,
  },
  ...{ monthlyBudgetUsd: undefined, notices: [] },
}

export interface LifeOptions {
  session?: string
  settings?: Partial<Settings>
  callTool?: Hands['callTool']
  prompt?: Hands['prompt']
  senses?: Partial<Senses>
  random?: () => number
}

let ids = 0

/** One life of the scheduler on `sql`. `as(who)` is its face for one caller. */
export async function startLife(sql: Sql, clock: ReturnType<typeof createHandClock>, options: LifeOptions = {}) {
  const told: Told[] = []
  const flows: Told[] = []
  const warnings: string[] = []
  const listeners = new Set<{ pattern: string; handler: Parameters<Senses['listen']>[1] }>()
  let dead = false
  const store = createStore(mortal(sql, () => dead))
  const ports: Ports = {
    store,
    clock,
    nextId: () => `id-${++ids}`,
    random: options.random ?? (() => 0.5),
    emit: async (event, payload) => void told.push({ name: event.name, payload: payload as Told['payload'] }),
    hands: {
      callTool: options.callTool ?? (async () => 'done'),
      prompt: options.prompt ?? (async () => ({ text: 'yes' })),
      emit: async (name, payload) => void flows.push({ name, payload: payload as Told['payload'] }),
    },
    senses: {
      fact: async () => 0,
      watch: async () => () => {},
      exists: async () => false,
      listen(pattern, handler) {
        const listener = { pattern, handler }
        listeners.add(listener)
        return () => void listeners.delete(listener)
      },
      ...options.senses,
    },
    warn: (message, error) => void warnings.push(`${message}: ${String(error)}`),
  }
  const settings = { ...SETTINGS, ...options.settings }
  const scheduler = assemble(ports, settings, options.session ?? `life-${++ids}`, {
    address: async () => 'http://127.0.0.1:7780/hooks',
    key: async () => 'a key for tests',
  })
  await scheduler.start(async () => {})
  const { engine } = scheduler
  return {
    engine,
    store,
    told,
    flows,
    warnings,
    listeners,
    hook: (request: Request) => scheduler.webhooks.serve(request),
    sentries: scheduler.sentries,
    end: () => scheduler.end(),
    as: (who: string): Scheduler => scheduler.desk(() => who),
    /** Something happens on the bus. */
    async happens(name: string, payload: unknown, from = 'host'): Promise<void> {
      const fits = (pattern: string) =>
        pattern === '**' || pattern === name || (pattern.endsWith('.*') && name.startsWith(pattern.slice(0, -1)))
      for (const { pattern, handler } of [...listeners])
        if (fits(pattern)) handler({ name, from, at: clock.now(), payload })
      await settled()
    },
    /** Turns until nothing is left to do now. */
    async run(): Promise<number> {
      for (;;) {
        const rest = await engine.turn()
        await settled()
        if (rest > 0) return rest
      }
    },
    /** kill -9: nothing of this life reaches the disk any more. */
    kill(): void {
      dead = true
      clock.timers.clear()
    },
    of: (name: string) => told.filter((each) => each.name === name).map((each) => each.payload),
  }
}

export type Life = Awaited<ReturnType<typeof startLife>>

/** Work that is on its way without a timer: emits, tool calls that answer at once. */
export async function settled(): Promise<void> {
  for (let round = 0; round < 50; round++) await Promise.resolve()
}

export async function reportAll(life: Life, task: Task, ok: boolean): Promise<void> {
  for (const run of await life.store.running())
    if (run.taskId === task.id) await life.as(task.owner).complete(run.id, { ok })
}

function mortal(sql: Sql, dead: () => boolean): Sql {
  return {
    all: async (text, ...params) => alive().all(text, ...params),
    exec: async (script, options) => alive().exec(script, options),
    batch: async (statements, options) => alive().batch(statements, options),
  }

  function alive(): Sql {
    if (dead()) throw new Error('this life is over')
    return sql
  }
}
