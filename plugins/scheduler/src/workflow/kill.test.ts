// kill -9 at every commit boundary of a ten-step workflow, before and after the commit took effect, in any mixture: nothing acknowledged is
// lost, no idempotent step takes effect twice, and every step of which nobody can know is told to be ambiguous.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createHandClock, createMemorySql, type Life, settled, startLife } from '../scheduler-testing.ts'

const ROUNDS = process.env.PRYX_DEEP ? 1_000 : 40
const START = Date.UTC(2026, 0, 1)
const STEPS = 10
const isIdempotent = (step: number) => step % 3 !== 2

/** The world outside: it knows a repeated key, as a receiver of idempotent requests does; without one it does what it is told again. */
function createWorld() {
  const effects = new Map<string, number>()
  const keys = new Set<string>()
  return {
    effects,
    async act(name: string, input: unknown): Promise<unknown> {
      const key = (input as { key: string }).key
      const knows = isIdempotent(Number(name.slice(1)))
      if (!knows || !keys.has(key)) effects.set(name, (effects.get(name) ?? 0) + 1)
      keys.add(key)
      return name
    },
  }
}

const flow = {
  steps: Array.from({ length: STEPS }, (_, i) => ({
    id: `s${i}`,
    idempotent: isIdempotent(i),
    do: { kind: 'tool', name: `s${i}`, input: { key: `\${run.id}/s${i}` } },
  })),
  output: `\${steps.s${STEPS - 1}.output}`,
}

const kill = fc.record({
  commit: fc.integer({ min: 1, max: 40 }),
  when: fc.constantFrom('before' as const, 'after' as const),
})

test(`S8 S10: ${ROUNDS} workflows killed at random commits: none lost, no idempotent effect doubled, the ambiguous ones told`, {
  timeout: 900_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(kill, { minLength: 1, maxLength: 4 }), async (kills) => {
      const sql = createMemorySql()
      const clock = createHandClock(START)
      const world = createWorld()
      let life = await startLife(sql, clock, { callTool: world.act })
      const task = await life.as('web').create({
        name: 'flow',
        trigger: { kind: 'manual' },
        timeoutMs: 86_400_000,
        action: { kind: 'workflow', flow },
      })
      const run = await life.as('web').runNow(task.id) // acknowledged: from here on it must come to its end
      const told = new Set<string>()

      for (const { commit, when } of kills) {
        sql.crashAt(commit, when)
        await work(life, clock).catch(() => {})
        life.kill()
        sql.revive()
        life = await startLife(sql, clock, { callTool: world.act })
      }
      for (let i = 0; i < 60 && (await life.as('web').run(run.id)).status !== 'ok'; i++) {
        await work(life, clock)
        for (const { path, status } of await life.as('web').steps(run.id)) {
          if (status !== 'ambiguous') continue
          told.add(path)
          await life.as('web').answer(run.id, path, world.effects.has(path) ? { output: path } : { again: true }) // the user has looked
        }
      }

      const final = await life.as('web').run(run.id)
      expect([final.status, final.result]).toEqual(['ok', `s${STEPS - 1}`])
      for (let i = 0; i < STEPS; i++) expect([`s${i}`, world.effects.get(`s${i}`)]).toEqual([`s${i}`, 1])
      for (const path of told) expect(isIdempotent(Number(path.slice(1)))).toBe(false)
      const notices = (await life.as('web').notices(200)).filter(({ kind }) => kind === 'ambiguous')
      expect(new Set(notices.map(({ id }) => id.split(':')[2]))).toEqual(told)
    }),
    { numRuns: ROUNDS },
  )
})

/** Goes on until nothing moves; a commit that fails ends it, as the process would end. */
async function work(life: Life, clock: ReturnType<typeof createHandClock>): Promise<void> {
  for (let i = 0; i < 12; i++) {
    clock.move(500)
    for (const timer of [...clock.timers]) {
      clock.timers.delete(timer)
      timer.fn()
    }
    await life.engine.turn()
    await settled()
  }
}
