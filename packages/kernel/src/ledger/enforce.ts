// packages/kernel/src/ledger/enforce.ts: looks at plugins that have a budget, and slows or ends those past it. Others cost nothing.
//   E1  It looks every LOOK_MS, so what is used between two looks may go past a budget; the vessel counts it all the same.
//   E2  Only an active plugin is slowed: one that starts, is swapped or stops gets the turns it needs for that.
import type { Release, Scope } from '../contract/index.ts'
import type { Unit } from '../lifecycle/unit.ts'
import type { Clock } from '../powers.ts'
import { type BudgetFact, budgetText } from './budget.ts'

const LOOK_MS = 100

export interface Enforcer {
  /** From now on, if it has a budget. */
  watch(unit: Unit): void
  forget(unit: Unit): void
}

export function createEnforcer(
  clock: Clock,
  scope: Scope,
  onFact: (unit: Unit, fact: BudgetFact & { text: string }) => void,
): Enforcer {
  /** Units, and whether their turns were told to wait. */
  const watched = new Map<Unit, boolean>()
  let stop: Release | undefined
  scope.effect(() => () => stop?.())
  return {
    watch(unit) {
      if (!unit.budget.set) return
      watched.set(unit, false)
      stop ??= clock.after(LOOK_MS, look)
    },
    forget: (unit) => void watched.delete(unit),
  }

  function look(): void {
    stop = undefined
    if (scope.closed) return
    for (const unit of watched.keys()) enforce(unit)
    if (watched.size > 0) stop = clock.after(LOOK_MS, look)
  }

  function enforce(unit: Unit): void {
    const { paceMs, facts } = unit.budget.look(unit.account, clock.now())
    const wait = unit.stage === 'active' ? paceMs : 0 // E2
    if (wait > 0 || watched.get(unit)) unit.session?.instance.guest.pace(wait)
    watched.set(unit, wait > 0)
    for (const fact of facts) {
      const text = budgetText(fact.part, fact.used, fact.max)
      onFact(unit, { ...fact, text })
      if (fact.action === 'ended')
        unit.end({
          code: 'PLUGIN_BUDGET',
          message: text,
          used: fact.used,
          max: fact.max,
          strike: true,
          processLost: false,
        })
    }
  }
}
