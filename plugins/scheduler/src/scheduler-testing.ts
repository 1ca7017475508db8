// plugins/scheduler/src/scheduler-testing.ts: a scheduler in memory for tests: SQLite without a file, time that stands still, crashes on demand.
import { DatabaseSync } from 'node:sqlite'
import { createEngine } from './engine.ts'
import type { Clock, Ports, Settings } from './ports.ts'
import type { Scheduler } from './service.ts'
import { createStore, type Sql } from './store.ts'
import type { Task } from './task.ts'
import { createTasks } from './tasks.ts'

export interface MemorySql extends Sql {
  /** The n-th batch from now fails, `before` or `after` it has taken effect. */
  failBatch(n: number, when: 'before' | 'after'): void
}

export function createMemorySql(): MemorySql {
  const db = new DatabaseSync(':memory:')
  let failing: { left: number; when: 'before' | 'after' } | undefined
  return {
    failBatch(n, when) {
      failing = { left: n, when }
    },
    all: async <T>(sql: string, ...params: never[]) => db.prepare(sql).all(...params) as T[],
    exec: async (script) => db.exec(script),
    async batch(statements) {
      const fails = failing !== undefined && --failing.left === 0 ? failing.when : undefined
      if (fails) failing = undefined
      if (fails === 'before') throw new Error('power cut')
      const results = transaction(() =>
        statements.map(({ sql, params = [] }) => db.prepare(sql).run(...(params as never[]))),
      )
      if (fails === 'after') throw new Error('power cut')
      return results.map(({ changes }) => ({ changes: Number(changes) }))
    },
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

export const SETTINGS: Settings = { timeZone: 'Europe/Berlin', graceMs: 30_000, maxRunning: 50, managers: ['web'] }

let ids = 0

/** One life of the scheduler on `sql`. `as(who)` is its face for one caller. */
export async function startLife(
  sql: Sql,
  clock: ReturnType<typeof createHandClock>,
  options: { session?: string; settings?: Partial<Settings>; callTool?: Ports['callTool'] } = {},
) {
  const told: Told[] = []
  const warnings: string[] = []
  let dead = false
  const store = createStore(mortal(sql, () => dead))
  const ports: Ports = {
    store,
    clock,
    nextId: () => `id-${++ids}`,
    emit: async (event, payload) => void told.push({ name: event.name, payload: payload as Told['payload'] }),
    callTool: options.callTool ?? (async () => 'done'),
    warn: (message, error) => void warnings.push(`${message}: ${String(error)}`),
  }
  const settings = { ...SETTINGS, ...options.settings }
  const engine = createEngine(ports, settings, options.session ?? `life-${++ids}`)
  await engine.start()
  return {
    engine,
    store,
    told,
    warnings,
    as: (who: string): Scheduler => createTasks(engine, ports, settings, () => who),
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
