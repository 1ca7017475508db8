import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bombs } from './bombs.ts'
import { escapes } from './escapes.ts'
import { floods } from './floods.ts'
import { type Attack, openTown, P99_MS, REPLACED_MS, type SiegeReport, type Town } from './hostile-testing.ts'
import { loops } from './loops.ts'
import { failing, values } from './values.ts'

let town: Town
const table: Record<string, object> = {}
beforeAll(async () => {
  town = await openTown()
})
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

describe.each(kinds)('%s', (_name, attacks) => {
  test.each(attacks)('K3: a plugin that $title stops nobody else', { timeout: 40_000 }, async (attack) => {
    const report = await town.siege(attack)

    table[attack.title] = row(report)
    expect(report.failedCalls).toEqual([])
    expect(report).toMatchObject({ lost: 0 })
    expect(report.calls).toBeGreaterThanOrEqual(600)
    expect(report.p99).toBeLessThan(P99_MS)
    expect(report.replacedMs).toBeLessThan(REPLACED_MS)
    blamed(attack, report)
  })
})

function blamed(attack: Attack, { failures, answers }: SiegeReport): void {
  if (attack.answers !== undefined) for (const answer of answers) expect(answer).toEqual(attack.answers)
  if (attack.fails === undefined) return expect(failures).toEqual([])
  if (!attack.mayHold) expect(failures.length).toBeGreaterThan(0)
  for (const { code } of failures) expect(code).toMatch(attack.fails)
}

function row({
  calls,
  failedCalls,
  p50,
  p99,
  max,
  replacedMs,
  replacements,
  lost,
  doubled,
  failures,
  starved,
}: SiegeReport): object {
  const codes = [...new Set(failures.map(({ code }) => code))].join(' ')
  return {
    calls,
    failed: failedCalls.length,
    p50: round(p50),
    p99: round(p99),
    max: round(max),
    replacedMs: round(replacedMs),
    replaced: replacements.length,
    lost,
    doubled,
    codes,
    starved: round(starved),
  }
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
