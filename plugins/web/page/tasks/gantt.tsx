// plugins/web/page/tasks/gantt.tsx: the steps of a workflow run, each where it lay in time; what works now grows.
import type { StepLog } from '@pryx/plugin-scheduler/service'
import { span } from '../format.ts'
import { Mark } from '../marks.tsx'
import { barsOf } from './bars.ts'
import { STEPS } from './words.tsx'

interface GanttProps {
  steps: readonly StepLog[]
  /** Epoch ms. */
  now: number
  chosen: string | undefined
  onChoose(path: string): void
}

export function Gantt({ steps, now, chosen, onChoose }: GanttProps) {
  const { bars, wholeMs } = barsOf(steps, now)
  return (
    <div className="gantt">
      <div className="gantt-scale dim small num" aria-hidden>
        {[0, 0.5, 1].map((part) => (
          <span key={part}>{span(wholeMs * part)}</span>
        ))}
      </div>
      <ol aria-label="Steps, in the order they began">
        {bars.map(({ step, depth, left, width, tookMs }) => (
          <li key={step.path}>
            <button
              type="button"
              className="gantt-step"
              aria-pressed={step.path === chosen}
              onClick={() => onChoose(step.path)}
            >
              <span className="gantt-name" style={{ paddingLeft: `${Math.min(depth, 6) * 0.9}rem` }}>
                <span className="clip">{step.path.split('/').at(-1)}</span>
                <Mark tone={STEPS[step.status].tone}>{STEPS[step.status].word}</Mark>
              </span>
              <span className="gantt-track" aria-hidden>
                {left !== undefined && (
                  <i data-status={step.status} style={{ left: `${left}%`, width: `max(3px, ${width}%)` }} />
                )}
              </span>
              <span className="num small gantt-ms">{tookMs === undefined ? '–' : span(tookMs)}</span>
            </button>
          </li>
        ))}
      </ol>
    </div>
  )
}
