// packages/kernel/src/ledger/budget.ts: what a plugin may use over a while, and what happens when it uses more (K3, K8).
//   G1  Each part is a vessel of one minute's worth that drains evenly. Over any time t at most (t + 1 min) × budget is used
//       before the plugin is slowed, whatever the pattern.
//   G2  A full vessel slows the plugin: its turns wait until there is room. One that is twice full could not be slowed: it ends the plugin.
//   G3  Slowing and its end are told once each; in between it stays slowed until a fiftieth of the vessel is free: a second's worth.
import type { Budget, BudgetStanding } from '../contract/index.ts'
import type { Account } from './account.ts'

const MINUTE_MS = 60_000
const FREE_AGAIN = 0.98 // of the vessel is full at most
const SHORTEST_MS = 50

export type BudgetPart = keyof Budget

export interface BudgetFact {
  part: BudgetPart
  used: number
  max: number
  action: 'slowed' | 'released' | 'ended'
}

export interface BudgetVerdict {
  /** How long its turns shall wait, ms; 0 for not at all. */
  paceMs: number
  /** What is news. */
  facts: BudgetFact[]
}

export interface PluginBudget {
  /** There is one. */
  readonly set: boolean
  /** Fills the vessels with what was used since the last look, and judges. */
  look(account: Readonly<Account>, now: number): BudgetVerdict
  standing(): { [part in BudgetPart]?: BudgetStanding }
  /** For people, while it is slowed. */
  reason(): string | undefined
}

const USED: Record<BudgetPart, (account: Readonly<Account>) => number> = {
  cpuMsPerMinute: ({ cpuMs }) => cpuMs,
  callsPerMinute: ({ calls }) => calls,
  bytesPerMinute: ({ bytesIn, bytesOut }) => bytesIn + bytesOut,
  eventsPerMinute: ({ eventsOut }) => eventsOut,
}

const WORDS: Record<BudgetPart, string> = {
  cpuMsPerMinute: 'ms of processor time',
  callsPerMinute: 'calls',
  bytesPerMinute: 'bytes',
  eventsPerMinute: 'events',
}

interface Vessel {
  part: BudgetPart
  max: number
  level: number
  seen: number
  slowed: boolean
}

export function createBudget(budget: Budget, now: number): PluginBudget {
  const vessels: Vessel[] = (Object.entries(budget) as [BudgetPart, number][]).map(([part, max]) => ({
    part,
    max,
    level: 0,
    seen: 0,
    slowed: false,
  }))
  let lookedAt = now

  return {
    set: vessels.length > 0,
    look(account, at) {
      const drained = Math.max(0, at - lookedAt) / MINUTE_MS
      lookedAt = at
      const facts = vessels.flatMap((vessel) => judge(vessel, account, drained))
      return { paceMs: Math.max(0, ...vessels.map(pace)), facts }
    },
    standing: () =>
      Object.fromEntries(
        vessels.map(({ part, level, max, slowed }) => [part, { used: Math.round(level), max, slowed }]),
      ),
    reason() {
      const full = vessels.find(({ slowed }) => slowed)
      return full && `slowed: ${budgetText(full.part, full.level, full.max)}`
    },
  }
}

/** "it used 1200 of 1000 ms of processor time a minute" */
export function budgetText(part: BudgetPart, used: number, max: number): string {
  return `it used ${Math.round(used)} of ${max} ${WORDS[part]} a minute`
}

function judge(vessel: Vessel, account: Readonly<Account>, drained: number): BudgetFact[] {
  const { part, max } = vessel
  const used = USED[part](account)
  vessel.level = Math.max(0, vessel.level - drained * max) + (used - vessel.seen) // G1
  vessel.seen = used
  const fact = (action: BudgetFact['action']): BudgetFact => ({ part, used: Math.round(vessel.level), max, action })
  if (vessel.level > 2 * max) {
    const ended = fact('ended')
    Object.assign(vessel, { level: 0, slowed: false }) // the next instance starts free
    return [ended]
  }
  if (!vessel.slowed && vessel.level >= max) {
    vessel.slowed = true
    return [fact('slowed')]
  }
  if (vessel.slowed && vessel.level < max * FREE_AGAIN) {
    vessel.slowed = false // G3
    return [fact('released')]
  }
  return []
}

/** Until it is below its rim. */
function pace({ level, max }: Vessel): number {
  return level < max ? 0 : Math.max(SHORTEST_MS, ((level - max) / max) * MINUTE_MS)
}
