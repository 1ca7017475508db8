// plugins/scheduler/src/money/purse.ts: what tasks have spent and may spend (S4).
//   P1  A charge is one transaction: the run, the task, its day and month, and all tasks' day and month, or none.
//   P2  50, 75 and 90 % of a budget are told once each, whatever crashes: the notice's id names budget, period, limit and mark.
//   P3  Over budget nothing starts, and what runs is told to stop at the call that crossed the line: at most one model call beyond.
import type { Notice, Notices } from '../notify/notices.ts'
import type { Ports, Settings } from '../ports.ts'
import type { Statement } from '../store/statements.ts'
import type { Task } from '../task.ts'
import { addUsage, NO_USAGE, periodOf, type Usage } from './usage.ts'

const MARKS = [50, 75, 90]
const ALL = '*' // all tasks together
const EVER = 'ever'

/** One budget and how much of it is used. */
export interface Line {
  scope: 'run' | 'task' | 'month' | 'all'
  period: string
  limitUsd: number
  spentUsd: number
  /** Calls without a known price: what was spent is at least `spentUsd`. */
  unpriced: number
}

interface SpendRow {
  calls: number
  input_tokens: number
  output_tokens: number
  cost_usd: number
  unpriced: number
}

export type Purse = ReturnType<typeof createPurse>

export function createPurse({ store, clock }: Pick<Ports, 'store' | 'clock'>, settings: Settings, notices: Notices) {
  return { refusal, unlimited, charge, spent, lines }

  /** No budget can refuse its runs. */
  function unlimited(task: Task): boolean {
    return task.budget === undefined && settings.monthlyBudgetUsd === undefined
  }

  /** Why no run of the task may start now (P3). */
  async function refusal(task: Task): Promise<string | undefined> {
    if (unlimited(task)) return undefined
    const over = (await lines(task, NO_USAGE)).find((line) => line.scope !== 'run' && line.spentUsd >= line.limitUsd)
    return over && `over budget: ${describe(over)}`
  }

  /**
   * What a model call of a run cost, as statements (P1 P2).
   *
   * @param before The run's usage so far.
   * @returns With `over`, the budget that is used up now.
   */
  async function charge(
    task: Task,
    runId: string,
    before: Usage,
    used: Usage,
  ): Promise<{ statements: Statement[]; over: Line | undefined }> {
    const now = clock.now()
    const month = periodOf(now, settings.timeZone, 'month')
    const day = periodOf(now, settings.timeZone, 'day')
    const rows = [
      [task.id, EVER],
      [task.id, month],
      [task.id, day],
      [ALL, month],
      [ALL, day],
    ] as const
    const earlier = await lines(task, before)
    const now_ = earlier.map((line) => ({
      ...line,
      spentUsd: line.spentUsd + used.costUsd,
      unpriced: line.unpriced + used.unpriced,
    }))
    const marks = now_.flatMap((line, i) =>
      crossed(earlier[i]!, line).map((mark) => markNotice(task, runId, line, mark)),
    )
    return {
      statements: [...rows.map(([who, period]) => add(who, period, used)), ...marks.flatMap(notices.raise)],
      over: now_.find((line) => line.spentUsd >= line.limitUsd) ?? tooManyUnpriced(task, now_, addUsage(before, used)),
    }
  }

  async function spent(who: string, period: string): Promise<Usage> {
    const [row] = await store.sql.all<SpendRow>('SELECT * FROM spend WHERE task = ? AND period = ?', who, period)
    if (row === undefined) return NO_USAGE
    const { calls, input_tokens, output_tokens, cost_usd, unpriced } = row
    return { calls, inputTokens: input_tokens, outputTokens: output_tokens, costUsd: cost_usd, unpriced }
  }

  /** The budgets that hold for a run of the task. */
  async function lines(task: Pick<Task, 'id' | 'budget'>, run: Usage): Promise<Line[]> {
    const month = periodOf(clock.now(), settings.timeZone, 'month')
    const { perRunUsd, perTaskUsd, perMonthUsd } = task.budget ?? {}
    const found: Line[] = []
    const push = (scope: Line['scope'], period: string, limitUsd: number | undefined, { costUsd, unpriced }: Usage) =>
      limitUsd !== undefined && found.push({ scope, period, limitUsd, spentUsd: costUsd, unpriced })
    push('run', 'this run', perRunUsd, run)
    if (perTaskUsd !== undefined) push('task', EVER, perTaskUsd, await spent(task.id, EVER))
    if (perMonthUsd !== undefined) push('month', month, perMonthUsd, await spent(task.id, month))
    if (settings.monthlyBudgetUsd !== undefined) push('all', month, settings.monthlyBudgetUsd, await spent(ALL, month))
    return found
  }
}

export function describe({ scope, period, limitUsd, spentUsd, unpriced }: Line): string {
  const whose = {
    run: 'this run',
    task: 'the task in all',
    month: `the task in ${period}`,
    all: `all tasks in ${period}`,
  }[scope]
  const least = unpriced > 0 ? 'at least ' : ''
  const note = unpriced > 0 ? ` (${unpriced} calls of unknown price)` : ''
  return `${whose} spent ${least}${dollars(spentUsd)} of ${dollars(limitUsd)}${note}`
}

function dollars(amount: number): string {
  return `$${amount.toFixed(amount < 1 ? 4 : 2)}`
}

function crossed(before: Line, after: Line): number[] {
  const share = (line: Line) => (line.limitUsd === 0 ? 100 : (line.spentUsd / line.limitUsd) * 100)
  return MARKS.filter((mark) => share(before) < mark && share(after) >= mark)
}

function markNotice(task: Task, runId: string, line: Line, mark: number): Notice {
  const period = line.scope === 'run' ? runId : line.period
  return {
    id: `budget:${line.scope === 'all' ? ALL : task.id}:${line.scope}:${period}:${line.limitUsd}:${mark}`, // P2
    kind: 'budget',
    level: mark >= 90 ? 'warning' : 'info',
    title: `${task.name}: ${mark} % of a budget is used`,
    text: `${describe(line)}.${mark >= 75 ? ' A cheaper model, or fewer runs, would make it last.' : ''}`,
    task,
    run: runId,
  }
}

/** U1: without prices a budget in dollars says nothing, so calls are counted instead where the user wants it. */
function tooManyUnpriced(task: Task, lines: readonly Line[], run: Usage): Line | undefined {
  const max = task.budget?.maxUnpriced
  if (max === undefined || run.unpriced <= max) return undefined
  return lines[0] ?? { scope: 'run', period: 'this run', limitUsd: 0, spentUsd: run.costUsd, unpriced: run.unpriced }
}

function add(who: string, period: string, used: Usage): Statement {
  return {
    sql: `INSERT INTO spend (task, period, calls, input_tokens, output_tokens, cost_usd, unpriced) VALUES (?, ?, ?, ?, ?, ?, ?)
          ON CONFLICT (task, period) DO UPDATE SET calls = calls + excluded.calls, input_tokens = input_tokens + excluded.input_tokens,
            output_tokens = output_tokens + excluded.output_tokens, cost_usd = cost_usd + excluded.cost_usd, unpriced = unpriced + excluded.unpriced`,
    params: [who, period, used.calls, used.inputTokens, used.outputTokens, used.costUsd, used.unpriced],
  }
}
