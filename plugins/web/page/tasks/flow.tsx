// plugins/web/page/tasks/flow.tsx: a workflow as it is written: which step follows which, and what is within which.
import { Empty } from '../marks.tsx'
import { valueText } from './compare.tsx'

type Written = Record<string, unknown> & { id?: string; needs?: string[] }

export function Flow({ flow }: { flow: string | Record<string, unknown> }) {
  if (typeof flow === 'string')
    return (
      <section className="panel value" aria-label="Workflow">
        <pre>{flow}</pre>
      </section>
    )
  const steps = listOf(flow.steps)
  if (steps.length === 0) return <Empty>It has no steps.</Empty>
  return (
    <section className="panel" aria-label="Workflow">
      <List steps={steps} />
    </section>
  )
}

function List({ steps }: { steps: readonly Written[] }) {
  return (
    <ol className="flow">
      {steps.map((step, i) => (
        <li key={step.id ?? i}>
          <div className="flow-step">
            <b>{step.id}</b> <span className="dim small">{doesWhat(step)}</span>
            <span className="dim small">{followsWhat(steps, i)}</span>
            {typeof step.when === 'string' && <code>if {step.when}</code>}
          </div>
          {within(step).map(([name, inner]) => (
            <div key={name} className="flow-within">
              <span className="eyebrow">{name}</span>
              <List steps={inner} />
            </div>
          ))}
        </li>
      ))}
    </ol>
  )
}

function doesWhat(step: Written): string {
  if (typeof step.do === 'object' && step.do !== null) return String((step.do as { kind?: unknown }).kind)
  if (step.wait !== undefined) return `waits for ${Object.keys(step.wait as object).join(', ')}`
  if (typeof step.if === 'string') return `if ${step.if}`
  if (typeof step.forEach === 'string') return `for each of ${step.forEach}`
  if (step.repeat !== undefined) return `until ${String((step.repeat as { until?: unknown }).until)}`
  if (step.parallel !== undefined) return 'side by side'
  if (typeof step.call === 'string') return `runs ${step.call}`
  return step.set === undefined ? '' : `is ${valueText(step.set)}`
}

function followsWhat(steps: readonly Written[], i: number): string {
  const needs = steps[i]!.needs
  if (needs === undefined) return ''
  return needs.length === 0 ? ' at once' : ` after ${needs.join(', ')}`
}

function within(step: Written): [string, Written[]][] {
  const branches = Object.entries((step.parallel ?? {}) as Record<string, unknown>)
  const lists: [string, unknown][] = [['then', step.then], ['else', step.else], ['each', step.steps], ...branches]
  return lists
    .map(([name, steps]) => [name, listOf(steps)] as [string, Written[]])
    .filter(([, steps]) => steps.length > 0)
}

function listOf(steps: unknown): Written[] {
  return Array.isArray(steps) ? (steps as Written[]) : []
}
