// plugins/web/page/tasks/history.tsx: the last 100 runs of a task. What is unusual says so in words; two chosen runs are compared.
import { Button, Checkbox } from '@mantine/core'
import type { Rhythm, Run, Task } from '@pryx/plugin-scheduler/service'
import { useState } from 'react'
import { count, fullTime, plural, span } from '../format.ts'
import { Empty, Mark } from '../marks.tsx'
import { hrefOf } from '../route.ts'
import { useNow } from '../store.ts'
import { taskPath, useAsked } from './ask.ts'
import { Compare } from './compare.tsx'
import { money, RunMark, SOURCES, share, successOf, When } from './words.tsx'

const UNUSUAL = { slow: 'Slow', fast: 'Quick', costly: 'Costly', missed: 'Missed' } as const

export function History({ task: { id }, tick }: { task: Task; tick: number }) {
  const { data, error } = useAsked<{ runs: Run[] }>(taskPath(id, '/history'), tick)
  const rhythm = useAsked<Rhythm>(taskPath(id, '/rhythm'), tick).data
  const [chosen, setChosen] = useState<readonly string[]>([])
  const [comparing, setComparing] = useState(false)
  const runs = data?.runs
  if (error !== undefined) return <Empty>{error.message}</Empty>
  if (runs === undefined) return <Empty>Loading</Empty>
  if (runs.length === 0) return <Empty>It has not run yet. “Run now” does not wait for its time.</Empty>
  const choose = (run: string, on: boolean) =>
    setChosen(on ? [...chosen.slice(-1), run] : chosen.filter((each) => each !== run))
  return (
    <div className="detail">
      <div className="history-head">
        <span className="dim small">{rhythm && rhythmText(rhythm)}</span>
        <span className="tools">
          <Button
            size="xs"
            variant="default"
            disabled={chosen.length !== 2}
            onClick={() => setComparing(true)}
            title="Choose two runs first"
          >
            Compare two
          </Button>
          <Button size="xs" variant="default" component="a" href={taskPath(id, '/history.csv')} download>
            CSV
          </Button>
        </span>
      </div>
      <ul className="bare panel flush" aria-label="Runs, the newest first">
        {runs.map((run) => (
          <Line
            key={run.id}
            run={run}
            chosen={chosen.includes(run.id)}
            unusual={rhythm?.unusual.filter((each) => each.run === run.id) ?? []}
            onChoose={choose}
          />
        ))}
      </ul>
      {comparing && chosen.length === 2 && (
        <Compare a={chosen[0]!} b={chosen[1]!} runs={runs} onClose={() => setComparing(false)} />
      )}
    </div>
  )
}

function rhythmText({ runs, ok, failed, durationMs, unusual }: Rhythm): string {
  const success = successOf({ ok, failed })
  return [
    plural(runs, 'run'),
    ...(success === undefined ? [] : [`${share(success)} fine`]),
    ...(durationMs === undefined ? [] : [`usually about ${span(durationMs.middle)}`]),
    ...(unusual.length === 0 ? [] : [`${plural(unusual.length, 'run')} out of the ordinary`]),
  ].join(', ')
}

interface LineProps {
  run: Run
  chosen: boolean
  unusual: Rhythm['unusual']
  onChoose(run: string, on: boolean): void
}

function Line({ run, chosen, unusual, onChoose }: LineProps) {
  const now = useNow(5_000)
  const { id, taskId, status, startedAt, finishedAt, startAt, usage, error } = run
  const at = finishedAt ?? startedAt ?? startAt
  return (
    <li className="run-line">
      <Checkbox
        size="xs"
        aria-label={`Choose the run of ${fullTime(run.occurrence)} to compare`}
        checked={chosen}
        onChange={(event) => onChoose(id, event.currentTarget.checked)}
      />
      <a className="run-what" href={hrefOf('tasks', taskId, id)}>
        <RunMark status={status} />
        <span className="dim small">{noteOf(run)}</span>
        {unusual.map(({ kind, text }) => (
          <span key={kind} className="small unusual">
            <Mark tone="wait">{UNUSUAL[kind]}</Mark> {text}
          </span>
        ))}
        {error !== undefined && <span className="reason clip2">{error}</span>}
      </a>
      <span className="num small">
        {startedAt !== undefined && finishedAt !== undefined && span(finishedAt - startedAt)}
      </span>
      <span className="num small dim">{usage && money(usage.costUsd, usage.unpriced)}</span>
      <span className="num small dim">{usage && tokensOf(usage)}</span>
      <When at={at} now={now} />
    </li>
  )
}

export function tokensOf({ inputTokens, outputTokens }: { inputTokens: number; outputTokens: number }): string {
  return inputTokens + outputTokens === 0 ? '' : `${count(inputTokens + outputTokens)} tokens`
}

export function noteOf({ source, attempt, count, exact, ambiguous }: Run): string {
  return [
    SOURCES[source],
    ...(attempt > 1 ? [`attempt ${attempt}`] : []),
    ...(count > 1 ? [`stands for ${exact ? '' : 'at least '}${count}`] : []),
    ...(ambiguous ? ['may or may not have taken effect'] : []),
  ].join(', ')
}
