// plugins/web/page/tasks/live.tsx: what works now: its step, how far it is, how long yet, and a button that stops it (L1).
import { Button, Progress } from '@mantine/core'
import type { LiveRun } from '@pryx/plugin-scheduler/service'
import { IconPlayerStop } from '@tabler/icons-react'
import { useEffect, useRef, useState } from 'react'
import { post } from '../calls.ts'
import { plural, relative, span } from '../format.ts'
import { fieldsOf } from '../model.ts'
import { hrefOf } from '../route.ts'
import { act, useModel, useNow } from '../store.ts'
import { runPath, useAsked } from './ask.ts'

const SHOWN = 6

/** @param id Of one task only. */
export function LiveRuns({ tick, id }: { tick: number; id?: string }) {
  const { data } = useAsked<{ live: LiveRun[] }>('/api/tasks/live', tick)
  const all = data?.live.filter(({ task }) => id === undefined || task.id === id) ?? []
  if (all.length === 0) return null
  const waiting = all.filter(({ run }) => run.status === 'queued').length
  return (
    <section className="panel live" aria-label="Running now">
      <div className="panel-head">
        <h2>Running now</h2>
        <span className="dim small">
          {all.length - waiting} at work{waiting > 0 && `, ${waiting} waiting`}
        </span>
      </div>
      <ul className="rows">
        {all.slice(0, SHOWN).map((live) => (
          <Live key={live.run.id} live={live} />
        ))}
      </ul>
      {all.length > SHOWN && <p className="dim small">and {plural(all.length - SHOWN, 'more run', 'more runs')}</p>}
    </section>
  )
}

export function Live({ live: { task, run, typicalMs } }: { live: LiveRun }) {
  const now = useNow(500)
  const heard = useProgress(run.id) ?? run.progress
  const elapsed = run.startedAt === undefined ? 0 : Math.max(0, now - run.startedAt)
  const { part, leftMs } = outlook({ elapsed, ...(typicalMs && { typicalMs }), ...(heard && { progress: heard }) })
  if (run.status === 'queued')
    return (
      <li className="live-run">
        <span className="grow">
          <a href={hrefOf('tasks', task.id, run.id)}>
            <b>{task.name}</b>
          </a>{' '}
          <span className="dim small">
            {run.attempt > 0 ? `attempt ${run.attempt + 1} ` : 'waits for room, '}
            {run.startAt > now && relative(run.startAt, now)}
          </span>
        </span>
        <Stop run={run.id} name={task.name} />
      </li>
    )
  return (
    <li className="live-run">
      <span className="grow">
        <span className="live-line">
          <a className="clip" href={hrefOf('tasks', task.id, run.id)}>
            <b>{task.name}</b>
          </a>
          <span className="dim small clip grow">{heard?.step ?? 'at work'}</span>
          <span className="small num">
            {heard?.total !== undefined && `${heard.done ?? 0} of ${heard.total}, `}
            {span(elapsed)}
            {leftMs !== undefined && <span className="dim"> {leftText(leftMs)}</span>}
          </span>
        </span>
        <Progress
          size={5}
          value={part === undefined ? 100 : part * 100}
          animated={part === undefined}
          striped={part === undefined}
          aria-label={`Progress of ${task.name}`}
        />
      </span>
      <Stop run={run.id} name={task.name} />
    </li>
  )
}

function Stop({ run, name }: { run: string; name: string }) {
  const [asked, setAsked] = useState(false)
  const stop = async () => {
    setAsked(true)
    const done = await act(`${name} was not stopped`, () => post(runPath(run, '/stop')))
    if (!done) setAsked(false)
  }
  return (
    <Button
      size="xs"
      variant="default"
      leftSection={<IconPlayerStop size={15} />}
      loading={asked}
      aria-label={`Stop ${name}`}
      onClick={stop}
    >
      Stop
    </Button>
  )
}

interface Known {
  elapsed: number
  typicalMs?: number
  progress?: NonNullable<LiveRun['run']['progress']>
}

/** How far it is and how long yet, from what it says itself, or from what such runs usually take. */
export function outlook({ elapsed, typicalMs, progress }: Known): { part?: number; leftMs?: number } {
  const { done, total } = progress ?? {}
  if (total !== undefined && total > 0 && done !== undefined) {
    const part = Math.min(1, done / total)
    return { part, ...(part > 0 && { leftMs: (elapsed / part) * (1 - part) }) }
  }
  if (typicalMs === undefined || typicalMs <= 0) return {}
  return { part: Math.min(0.97, elapsed / typicalMs), leftMs: typicalMs - elapsed } // it is not done before it says so
}

export function leftText(ms: number): string {
  return ms >= 1_000
    ? `about ${span(Math.ceil(ms / 1_000) * 1_000)} left`
    : ms > 0
      ? 'nearly done'
      : 'longer than usual'
}

/** What was said of the run's progress since the page is open; at once, without asking. */
function useProgress(runId: string): LiveRun['run']['progress'] {
  const last = useModel(({ events }) =>
    events.findLast(({ name, data }) => name === 'task.progressed' && fieldsOf(data).runId === runId),
  )
  const kept = useRef<LiveRun['run']['progress']>(undefined)
  useEffect(() => {
    if (last !== undefined) kept.current = fieldsOf(last.data).progress as LiveRun['run']['progress']
  }, [last])
  return last === undefined ? kept.current : (fieldsOf(last.data).progress as LiveRun['run']['progress'])
}
