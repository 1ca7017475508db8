// plugins/web/page/tasks/graph.tsx: a workflow drawn as it flows; during a run each step as it stands.
import type { OutlineStep, StepLog } from '@pryx/plugin-scheduler/service'
import { useMemo } from 'react'
import { type Box, drawingOf, type Line, standingsOf } from './layout.ts'
import { STEPS } from './words.tsx'

interface GraphProps {
  outline: readonly OutlineStep[]
  /** Of a run; none: as it is written. */
  steps?: readonly StepLog[]
  chosen?: string | undefined
  onChoose?(path: string): void
}

export default function Graph({ outline, steps = [], chosen, onChoose }: GraphProps) {
  const { boxes, lines, width, height } = useMemo(() => drawingOf(outline), [outline])
  const standings = standingsOf(steps)
  return (
    <figure className="graph" aria-label="The workflow, drawn">
      <div style={{ width, height }}>
        <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
          <defs>
            <marker id="graph-head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
              <path d="M0 0 8 4 0 8z" />
            </marker>
          </defs>
          {lines.map((line) => (
            <Arrow key={line.key} line={line} gone={standings.has(line.to)} />
          ))}
        </svg>
        {boxes.map((box) => (
          <StepBox
            key={box.step.path}
            box={box}
            log={standings.get(box.step.path)}
            chosen={chosen}
            onChoose={onChoose}
          />
        ))}
      </div>
    </figure>
  )
}

function Arrow({ line: { points, way }, gone }: { line: Line; gone: boolean }) {
  const middle = points[Math.floor(points.length / 2)]
  return (
    <g className="graph-line" data-gone={gone || undefined}>
      <path d={`M${points.map(({ x, y }) => `${x} ${y}`).join('L')}`} markerEnd="url(#graph-head)" />
      {way !== undefined && middle !== undefined && (
        <text x={middle.x} y={middle.y - 6} textAnchor="middle">
          {way}
        </text>
      )}
    </g>
  )
}

interface StepBoxProps {
  box: Box
  log: StepLog | undefined
  chosen: string | undefined
  onChoose: GraphProps['onChoose'] | undefined
}

function StepBox({ box: { step, x, y, width, height }, log, chosen, onChoose }: StepBoxProps) {
  const open = log !== undefined && onChoose !== undefined
  return (
    <button
      type="button"
      className="graph-step"
      data-status={log?.status}
      aria-pressed={open ? log.path === chosen : undefined}
      aria-label={`In the drawing: ${step.path}${log === undefined ? '' : `, ${STEPS[log.status].word.toLowerCase()}`}`}
      disabled={!open}
      style={{ left: x - width / 2, top: y - height / 2, width, height }}
      onClick={() => open && onChoose(log.path)}
    >
      <b className="clip">{step.id}</b>
      <span className="clip">{step.what}</span>
    </button>
  )
}
