// Every occurrence is accounted for, whatever happens in whatever order: ran, merged into a run, skipped or missed.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { nextAfter } from '../clock/trigger.ts'
import { createHandClock, createMemorySql, type Life, reportAll, settled, startLife } from '../scheduler-testing.ts'
import type { Run, Task } from '../task.ts'

const START = Date.UTC(2026, 2, 29) // the night of Berlin's clock change
const RUNS = process.env.PRYX_DEEP ? 1_000 : 80

type Step =
  | { do: 'move'; ms: number }
  | { do: 'turn' | 'pause' | 'resume' | 'kill' | 'rival' | 'runNow' }
  | { do: 'report'; ok: boolean }
  | { do: 'fail'; n: number; when: 'before' | 'after' }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('move' as const), ms: fc.integer({ min: 1, max: 40_000 }) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('turn' as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('report' as const), ok: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('pause', 'resume', 'kill', 'rival', 'runNow') }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('fail' as const),
      n: fc.integer({ min: 1, max: 3 }),
      when: fc.constantFrom('before', 'after'),
    }),
  },
) as fc.Arbitrary<Step>

const spec = fc.record({
  name: fc.constant('t'),
  trigger: fc.constantFrom(
    { kind: 'interval' as const, everyMs: 10_000 },
    { kind: 'cron' as const, expression: '*/7 * * * * *', timeZone: 'Europe/Berlin' },
    { kind: 'once' as const, at: START + 30_000 },
  ),
  misfire: fc.constantFrom('run-once' as const, 'skip' as const, { kind: 'run-all' as const, limit: 3 }),
  overlap: fc.constantFrom('skip' as const, 'queue' as const),
  timeoutMs: fc.constant(25_000),
  retry: fc.constantFrom({ attempts: 0 }, { attempts: 2, backoffMs: 5_000 }),
})

test('S8: after any mix of turns, pauses, kills, rival instances and power cuts, no due occurrence is unaccounted or claimed twice', async () => {
  await fc.assert(
    fc.asyncProperty(spec, fc.array(step, { maxLength: 60 }), async (spec, steps) => {
      const sql = createMemorySql()
      const clock = createHandClock(START)
      let life = await startLife(sql, clock)
      const task = await life.as('owner').create(spec)
      const windows = new Map<number, number>() // first due of each stretch the task was active → where it ended
      let opened = task.nextDue!

      for (const each of steps) {
        try {
          life = await act(each)
        } catch (error) {
          expect(String(error)).toMatch(/power cut/)
        }
        const now = await life.store.task(task.id)
        if (now!.state === 'paused' && opened !== -1) {
          windows.set(opened, clock.now() + 1)
          opened = -1
        } else if (now!.state === 'active' && opened === -1) opened = now!.nextDue!
      }
      await life.engine.alone(async () => {}) // what a report has set going is over: task and history are of one moment
      await settled()
      const last = (await life.store.task(task.id))!
      if (opened !== -1) windows.set(opened, last.nextDue ?? Number.POSITIVE_INFINITY)
      expectAccounted(last, [...windows], await life.store.history(task.id, 1_000))

      async function act(each: Step): Promise<Life> {
        const owner = life.as('owner')
        if (each.do === 'move') clock.move(each.ms)
        if (each.do === 'turn') await life.run()
        if (each.do === 'report') await reportAll(life, task, each.ok)
        if (each.do === 'pause') await owner.pause(task.id)
        if (each.do === 'resume') await owner.resume(task.id)
        if (each.do === 'runNow') await owner.runNow(task.id)
        if (each.do === 'fail') sql.failBatch(each.n, each.when)
        if (each.do === 'kill') {
          life.kill()
          return startLife(sql, clock).catch(() => startLife(sql, clock)) // the supervisor starts it again
        }
        if (each.do === 'rival') {
          const rival = await startLife(sql, clock, { session: 'rival' }).catch(() => undefined)
          await Promise.all([life.engine.turn(), rival?.engine.turn()])
          rival?.kill()
        }
        return life
      }
    }),
    { numRuns: RUNS },
  )
})

function expectAccounted(task: Task, windows: [from: number, until: number][], runs: Run[]): void {
  const expected: number[] = []
  for (const [from, until] of windows)
    for (let at: number | undefined = from; at !== undefined && at < until; at = nextAfter(task.trigger, at))
      expected.push(at)
  const rows = runs.filter((run) => run.source === 'schedule')
  expect(rows.reduce((sum, run) => sum + run.count, 0)).toBe(expected.length)
  const starts = rows.map((run) => run.since)
  expect(new Set(starts).size).toBe(starts.length)
  for (const at of expected) expect(rows.filter((run) => run.since <= at && at <= run.occurrence)).toHaveLength(1)
  expect(runs.filter((run) => run.status === 'running').length).toBeLessThanOrEqual(1)
}
