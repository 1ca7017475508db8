// plugins/web/page/tasks/places.tsx: the parts of the section by their addresses, the way back, and what several of them show.
import type { Spending } from '@pryx/plugin-scheduler/service'
import { hrefOf } from '../route.ts'
import { money } from './words.tsx'

/** Parts that are no task; ids of tasks have no `~`. */
export const NEW = '~new'
export const CHARTS = '~charts'
export const TEMPLATES = '~templates'
export const EDIT = '~edit'

export function Back({ to, children = 'All tasks' }: { to?: string; children?: string }) {
  return (
    <a className="back small" href={to ?? hrefOf('tasks')}>
      ← {children}
    </a>
  )
}

const SCOPES = { run: 'a run', task: 'in all', month: 'this month', all: 'all tasks, this month' } as const

export function Budgets({ lines }: { lines: Spending['budgets'] }) {
  const told = lines.filter(({ scope }) => scope !== 'run')
  return told.map(({ scope, spentUsd, limitUsd, unpriced }) => (
    <span key={scope} className="budget-line small" data-over={spentUsd >= limitUsd || undefined}>
      <meter
        min={0}
        max={limitUsd || 1}
        high={limitUsd * 0.75}
        value={spentUsd}
        aria-label={`Budget, ${SCOPES[scope]}`}
      />{' '}
      {money(spentUsd, unpriced) || '$0.00'} of ${limitUsd.toFixed(2)} {SCOPES[scope]}
      {spentUsd >= limitUsd && <b className="bad"> used up</b>}
    </span>
  ))
}
