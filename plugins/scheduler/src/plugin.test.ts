import type { PluginContext, Release } from '@pryx/sdk'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import plugin from './plugin.ts'
import { createMemorySql } from './scheduler-testing.ts'
import { runTask, type Scheduler, type TaskSpec } from './service.ts'

const MINUTE = 60_000
const everyMinute: TaskSpec = { name: 'sweep', trigger: { kind: 'interval', everyMs: MINUTE } }

beforeEach(() => void vi.useFakeTimers({ now: Date.UTC(2026, 0, 1) }))
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0) // a timer that is left is a leak
  vi.useRealTimers()
})

test('S1: an owner makes its task and works on it in one call; outcomes and failures land in the history', async () => {
  await using bench = await setUp()
  const worked: number[] = []

  const { task } = await runTask(bench.ctx, bench.scheduler, everyMinute, (due) => {
    worked.push(due.occurrence)
    if (worked.length === 2) throw new Error('no network')
    return { result: 'swept' }
  })
  await vi.advanceTimersByTimeAsync(2 * MINUTE + 100)

  expect(worked).toHaveLength(2)
  expect(await bench.scheduler.history(task.id)).toMatchObject([
    { status: 'failed', error: 'no network' },
    { status: 'ok', result: 'swept' },
  ])
})

test('S8: a run that was announced while its owner was away is worked on when it is back, once', async () => {
  await using bench = await setUp()
  await bench.scheduler.create(everyMinute)
  await vi.advanceTimersByTimeAsync(MINUTE + 100)
  const worked: string[] = []

  await runTask(bench.ctx, bench.scheduler, everyMinute, (due) => void worked.push(due.runId))
  await bench.scheduler.attend()
  await vi.advanceTimersByTimeAsync(100)

  expect(worked).toHaveLength(1)
})

test('K4: the owner is who the kernel says is calling; without that nothing is done', async () => {
  await using bench = await setUp()
  bench.caller = 'memory'
  const task = await bench.scheduler.create(everyMinute)
  bench.caller = undefined

  expect(task.owner).toBe('memory')
  await expect(bench.scheduler.get(task.id)).rejects.toMatchObject({ code: 'TASK_REFUSED' })
})

test('K7: state handed over lets the successor continue the runs of its predecessor', async () => {
  const sql = createMemorySql()
  const first = await setUp({ sql })
  const task = await first.scheduler.create(everyMinute)
  await vi.advanceTimersByTimeAsync(MINUTE + 100)
  const previous = first.handOver()
  await using second = await setUp({ sql, previous })
  await first[Symbol.asyncDispose]()

  const [run] = await second.scheduler.history(task.id)
  await second.scheduler.complete(run!.id, { ok: true })

  expect((await second.scheduler.history(task.id)).map((each) => each.status)).toEqual(['ok'])
})

/** The plugin on a context of plain objects. */
async function setUp({ sql = createMemorySql(), previous }: { sql?: object; previous?: unknown } = {}) {
  const owned: Release[] = []
  const listeners: { name: string; handler: (payload: unknown) => unknown }[] = []
  let provided: Record<string, (...args: unknown[]) => unknown> = {}
  const bench = { caller: 'notes' as string | undefined }
  const ctx = {
    config: {
      managers: [],
      messengers: [],
      maxRunning: 50,
      graceMs: 30_000,
      lateMs: 60_000,
      groupLimits: {},
      notices: [],
    },
    previous,
    log: { debug() {}, info() {}, warn: (...parts: unknown[]) => expect(parts).toEqual([]), error() {} },
    get caller() {
      return bench.caller === undefined
        ? undefined
        : { from: bench.caller, trace: 't', signal: new AbortController().signal }
    },
    use: async () => ({ sql }),
    provide: (_token: unknown, implementation: typeof provided) => {
      provided = implementation
      return () => {}
    },
    emit: async (event: { name: string }, payload: unknown) => {
      for (const each of listeners) if (each.name === event.name) await each.handler(payload)
    },
    events: {
      on: (event: { name: string }, handler: (payload: unknown) => unknown) => {
        listeners.push({ name: event.name, handler })
        return () => {}
      },
    },
    effect: (acquire: () => Release) => void owned.push(acquire()),
  } as unknown as PluginContext<never>
  const activated = await plugin.activate(ctx)
  return Object.assign(bench, {
    ctx,
    scheduler: provided as unknown as Scheduler,
    handOver: () => (activated as { handOver(): unknown }).handOver(),
    async [Symbol.asyncDispose]() {
      for (const release of owned.reverse()) await release()
    },
  })
}
