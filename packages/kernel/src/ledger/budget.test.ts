import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { openAccount } from './account.ts'
import { type BudgetFact, createBudget } from './budget.ts'

describe('K3: a budget', () => {
  test('K3: what is within it is never slowed, and nothing is told', () => {
    const account = openAccount()
    const budget = createBudget({ cpuMsPerMinute: 6_000 }, 0)

    for (let at = 100; at <= 600_000; at += 100) {
      account.cpuMs += 10 // 100 ms a second: the whole budget
      expect(budget.look(account, at)).toEqual({ paceMs: 0, facts: [] })
    }
  })

  test('K3: a full vessel slows until a fiftieth is free, and tells of both once', () => {
    const account = openAccount()
    const budget = createBudget({ callsPerMinute: 600 }, 0)
    const facts: BudgetFact[] = []
    account.calls = 700

    for (let at = 0; at <= 30_000; at += 100) facts.push(...budget.look(account, at).facts)

    expect(facts).toEqual([
      { part: 'callsPerMinute', used: 700, max: 600, action: 'slowed' },
      { part: 'callsPerMinute', used: 587, max: 600, action: 'released' },
    ])
  })

  test('K3: while it is slowed its standing and its reason say so', () => {
    const account = openAccount()
    const budget = createBudget({ cpuMsPerMinute: 1_000, eventsPerMinute: 5 }, 0)
    account.cpuMs = 1_500

    const { paceMs } = budget.look(account, 0)

    expect(paceMs).toBe(30_000)
    expect(budget.standing()).toEqual({
      cpuMsPerMinute: { used: 1_500, max: 1_000, slowed: true },
      eventsPerMinute: { used: 0, max: 5, slowed: false },
    })
    expect(budget.reason()).toBe('slowed: it used 1500 of 1000 ms of processor time a minute')
  })

  test('K3: what slowing could not hold is ended, and the next instance starts with an empty vessel', () => {
    const account = openAccount()
    const budget = createBudget({ bytesPerMinute: 1_000 }, 0)
    account.bytesOut = 1_500
    account.bytesIn = 600

    expect(budget.look(account, 0).facts).toEqual([
      { part: 'bytesPerMinute', used: 2_100, max: 1_000, action: 'ended' },
    ])
    expect(budget.look(account, 100)).toEqual({ paceMs: 0, facts: [] })
  })

  test('K3: whoever obeys the pace never uses more than time and a minute allow', () => {
    const burst = fc.record({ ms: fc.integer({ min: 0, max: 5_000 }), used: fc.integer({ min: 0, max: 400 }) })
    fc.assert(
      fc.property(fc.array(burst, { maxLength: 200 }), (bursts) => {
        const max = 1_000
        const account = openAccount()
        const budget = createBudget({ callsPerMinute: max }, 0)
        let at = 0
        let waitUntil = 0
        for (const { ms, used } of bursts) {
          at += ms
          if (at >= waitUntil) account.calls += used
          const { paceMs } = budget.look(account, at)
          waitUntil = at + paceMs
          expect(account.calls).toBeLessThanOrEqual(max * (1 + at / 60_000) + 400) // the last burst may pass the rim
        }
      }),
    )
  })
})
