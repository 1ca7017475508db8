// plugins/router/src/money/budgets.ts: what may still be spent (R7), and who is told.
//   B1  A call is begun only if the most it may cost fits into every budget that holds for it, what calls under way may cost included.
//   B2  Looking and reserving are one step: of two calls that would cross together, one is stopped.
//   B3  Each of 50, 75 and 90 % is told once in its period, through restarts too.
import { UsageError } from '@pryx/sdk'
import type { Situation } from '../choice/situation.ts'
import type { Config } from '../config.ts'
import { type CallRecord, modelsEvents } from '../events.ts'
import type { Ports } from '../ports.ts'
import type { BudgetStatus } from '../service.ts'
import type { Calendar } from './calendar.ts'
import type { Ledger, PeriodColumn } from './ledger.ts'

const ALERTS = [50, 75, 90] // percent

export interface Owner {
  session?: string | undefined
  task?: string | undefined
}

export interface Budgets {
  /** Runs `work` with the budgets as they are, and nobody else's beside it (B2). */
  inTurn<T>(work: () => Promise<T>): Promise<T>
  status(owner: Owner): Promise<BudgetStatus[]>
  /** The one with the least left; undefined where none holds. */
  tightest(owner: Owner): Promise<Situation['budget']>
  /** The call has ended and is in the ledger: tells what it has passed. */
  passed(call: CallRecord): Promise<void>
  /** @throws MODELS_UNKNOWN */
  extend(budget: string, usd: number): Promise<BudgetStatus>
}

interface Limit {
  name: string
  column: PeriodColumn
  period: string
  limitUsd: number
}

export function createBudgets(
  settings: Config['budgets'],
  ledger: Ledger,
  calendar: Calendar,
  ports: Pick<Ports, 'clock' | 'sql' | 'emit'>,
): Budgets {
  const { clock, sql, emit } = ports
  let last: Promise<unknown> = Promise.resolve()
  return { inTurn, status, tightest, passed, extend }

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = last.then(work, work)
    last = turn.catch(() => {})
    return turn
  }

  function limitsFor({ session, task }: Owner, at: number): Limit[] {
    const own = (kind: 'session' | 'task', id: string | undefined, all: Record<string, number>) => {
      const limitUsd = id === undefined ? undefined : (all[id] ?? settings[kind])
      return id === undefined || limitUsd === undefined
        ? []
        : [{ name: `${kind}:${id}`, column: kind, period: id, limitUsd }]
    }
    const span = (kind: 'day' | 'month') => {
      const limitUsd = settings[kind]
      return limitUsd === undefined ? [] : [{ name: kind, column: kind, period: calendar[kind](at), limitUsd }]
    }
    return [
      ...own('session', session, settings.sessions),
      ...own('task', task, settings.tasks),
      ...span('day'),
      ...span('month'),
    ]
  }

  async function statusOf({ name, column, period, limitUsd }: Limit): Promise<BudgetStatus> {
    const [{ usd, reservedUsd, unpriced }, extraUsd] = await Promise.all([
      ledger.spent(column, period),
      extraOf(name, period),
    ])
    const limit = limitUsd + extraUsd
    return {
      budget: name,
      period,
      limitUsd: limit,
      usd,
      reservedUsd,
      leftUsd: Math.max(0, limit - usd - reservedUsd),
      percent: limit > 0 ? Math.floor((usd / limit) * 100) : 100,
      unpriced,
      extraUsd,
    }
  }

  function status(owner: Owner): Promise<BudgetStatus[]> {
    return Promise.all(limitsFor(owner, clock.now()).map(statusOf))
  }

  async function tightest(owner: Owner): Promise<Situation['budget']> {
    const all = await status(owner)
    const least = all.reduce<BudgetStatus | undefined>(
      (found, one) => (found === undefined || one.leftUsd < found.leftUsd ? one : found),
      undefined,
    )
    return least && { name: least.budget, leftUsd: least.leftUsd, unknownPrice: settings.unknownPrice }
  }

  async function passed({ session, task, at }: CallRecord): Promise<void> {
    for (const limit of limitsFor({ session, task }, at)) {
      const { budget, period, percent, usd, limitUsd } = await statusOf(limit)
      for (const mark of ALERTS.filter((mark) => percent >= mark)) {
        const { changes } = await sql.run(
          'INSERT OR IGNORE INTO alerts (budget, period, percent, at) VALUES (?, ?, ?, ?)',
          budget,
          period,
          mark,
          clock.now(),
        )
        if (changes === 1) await emit(modelsEvents['budget-alert'], { budget, period, percent: mark, usd, limitUsd }) // B3
      }
    }
  }

  async function extend(budget: string, usd: number): Promise<BudgetStatus> {
    const limit = limitsFor(ownerOf(budget), clock.now()).find(({ name }) => name === budget)
    if (limit === undefined)
      throw new UsageError('MODELS_UNKNOWN', `there is no budget "${budget}"`, {
        found: budget,
        hint: 'Set one in the config of the router: budgets.month, budgets.day …',
      })
    await sql.run(
      'INSERT INTO extras (budget, period, usd) VALUES (?, ?, ?) ON CONFLICT (budget, period) DO UPDATE SET usd = usd + excluded.usd',
      budget,
      limit.period,
      usd,
    )
    return await statusOf(limit)
  }

  async function extraOf(budget: string, period: string): Promise<number> {
    const [row] = await sql.all<{ usd: number }>(
      'SELECT usd FROM extras WHERE budget = ? AND period = ?',
      budget,
      period,
    )
    return row?.usd ?? 0
  }
}

function ownerOf(budget: string): Owner {
  const at = budget.indexOf(':')
  const [kind, id] = at < 0 ? [budget, ''] : [budget.slice(0, at), budget.slice(at + 1)]
  return kind === 'session' ? { session: id } : kind === 'task' ? { task: id } : {}
}
