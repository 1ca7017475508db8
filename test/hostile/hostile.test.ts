import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bombs } from './bombs.ts'
import { escapes } from './escapes.ts'
import { floods } from './floods.ts'
import { type Attack, createSieges, isWide, type SiegeReport, type Sieges } from './hostile-testing.ts'
import { loops } from './loops.ts'
import { openTown, p99Of, type Town } from './town.ts'
import { failing, values } from './values.ts'

let town: Town
let sieges: Sieges
const table: Record<string, object> = {}
beforeAll(async () => {
  town = await openTown()
  sieges = createSieges(town)
  const { samples, replacedMs } = town.atRest
  console.info(`at rest: p99 ${round(p99Of(samples))} ms; over a process killed from outside: ${round(replacedMs)} ms`)
}, 60_000)
afterAll(async () => {
  await town[Symbol.asyncDispose]()
  if (process.env.PRYX_REPORT) console.table(table)
})

const kinds: [string, Attack[]][] = [
  ['loops', loops],
  ['bombs', bombs],
  ['failing', failing],
  ['values', values],
  ['floods', floods],
  ['escapes', escapes],
]

const isDeep = process.env.PRYX_DEEP !== undefined

describe.each(kinds)('%s', (_name, attacks) => {
  test.each(attacks.filter(({ deep }) => isDeep || deep !== true))(
    'K3: a plugin that $title stops nobody else',
    { timeout: 120_000 },
    async (attack) => {
      const report = await sieges.siege(attack)

      table[attack.title] = row(report)
      if (isWide(report)) console.info(`${attack.title}: the machine is busy, so the bounds are wider`, report.bounds)
      expect(report.failedCalls).toEqual([])
      expect(report).toMatchObject({ lost: 0, doubled: 0, slandered: [] })
      expect(report.calls).toBeGreaterThanOrEqual(290)
      expect(report.events).toBeGreaterThanOrEqual(290)
      expect(report.p99).toBeLessThan(report.bounds.p99)
      expect(report.replacedMs).toBeLessThan(report.bounds.replacedMs)
      blamed(attack, report)
    },
  )
})

test.runIf(!isDeep)('PRYX_DEEP=1 adds the kinds that are much like another', () => {
  expect(kinds.flatMap(([, attacks]) => attacks).some(({ deep }) => deep)).toBe(true)
})

test('K2: a plugin that fails five times stays down, with a reason, and the kernel is told', {
  timeout: 40_000,
}, async () => {
  const failures: { failures: number; final: boolean; retryMs?: number; code: string }[] = []
  const release = town.host.kernel.on(
    'plugin.failed',
    (fact) => (fact as { plugin: string }).plugin === 'doomed' && failures.push(fact as never),
  )
  await town.host.add(
    'doomed',
    `export default { activate() { Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1) } }`,
  )

  await expect.poll(() => failures.at(-1)?.final, { timeout: 30_000, interval: 200 }).toBe(true)
  void release()

  expect(failures.map(({ failures: n, final, retryMs, code }) => [n, final, retryMs, code])).toEqual([
    [1, false, 1_000, 'SANDBOX_STUCK'],
    [2, false, 2_000, 'SANDBOX_STUCK'],
    [3, false, 4_000, 'SANDBOX_STUCK'],
    [4, false, 8_000, 'SANDBOX_STUCK'],
    [5, true, undefined, 'SANDBOX_STUCK'],
  ])
  expect(town.host.kernel.status('doomed')).toMatchObject({
    stage: 'failed',
    failures: 5,
    process: '',
    reason: expect.stringMatching(/5 times/),
  })
})

/** The culprit is named each time, by the code of what it did, and nobody else is. */
function blamed(attack: Attack, { id, failures, replacements, answers }: SiegeReport): void {
  for (const replaced of replacements) expect(replaced).toMatchObject({ culprit: id })
  if (attack.answers !== undefined) {
    expect(answers.length).toBeGreaterThan(0)
    for (const answer of answers) expect(answer).toEqual(attack.answers)
  }
  if (attack.fails === undefined) return expect(failures).toEqual([])
  if (!attack.mayHold) expect(failures.length).toBeGreaterThan(0)
  for (const { code } of failures) expect(code).toMatch(attack.fails)
}

function row({ failedCalls, replacements, failures, answers, slandered, bounds, ...figures }: SiegeReport): object {
  const numbers = Object.entries(figures).map(([key, value]) => [key, typeof value === 'number' ? round(value) : value])
  const codes = [...new Set(failures.map(({ code }) => code))].join(' ')
  return {
    ...Object.fromEntries(numbers),
    failed: failedCalls.length,
    replaced: replacements.length,
    bound: round(bounds.p99),
    codes,
  }
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
