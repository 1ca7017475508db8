import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Attack, openTown, P99_MS, REPLACED_MS, type SiegeReport, type Town } from './hostile-testing.ts'
import { loops } from './loops.ts'

let town: Town
const table: Record<string, object> = {}
beforeAll(async () => {
  town = await openTown()
})
afterAll(async () => {
  await town[Symbol.asyncDispose]()
  if (process.env.PRYX_REPORT) console.table(table)
})

describe.each([['loops', loops]])('%s', (_name, attacks) => {
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

function blamed(attack: Attack, { failures }: SiegeReport): void {
  if (attack.fails === undefined) return expect(failures).toEqual([])
  expect(failures.length).toBeGreaterThan(0)
  for (const { code } of failures) expect(code).toMatch(attack.fails)
}

function row({ calls, failedCalls, p50, p99, max, replacedMs, replacements, lost, doubled, failures, starved }: SiegeReport): object {
  const codes = [...new Set(failures.map(({ code }) => code))].join(' ')
  return { calls, failed: failedCalls.length, p50: round(p50), p99: round(p99), max: round(max), replacedMs: round(replacedMs), replaced: replacements.length, lost, doubled, codes, starved: round(starved) }
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
