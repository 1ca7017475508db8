// plugins/web/page/sections/tasks.tsx: what runs by itself, when, and how it went.
import { ActionIcon, Button, Drawer, Tooltip } from '@mantine/core'
import { IconBolt, IconPlayerPause, IconPlayerPlay } from '@tabler/icons-react'
import { useEffect, useState } from 'react'
import type { TaskAction, TaskRow } from '../../src/tasks.ts'
import { get, post } from '../calls.ts'
import { ago, fullTime, plural, relative, span, triggerText } from '../format.ts'
import { Empty, Mark, SectionHead } from '../marks.tsx'
import { goTo, hrefOf, useRoute } from '../route.ts'
import { act, useModel, useNow } from '../store.ts'

type Run = NonNullable<TaskRow['lastRun']>

const STATES = {
  active: { word: 'Active', tone: 'good' },
  paused: { word: 'Paused', tone: 'calm' },
  done: { word: 'Done', tone: 'calm' },
  broken: { word: 'Broken', tone: 'bad' },
} as const
const RUNS = {
  queued: { word: 'Queued', tone: 'wait' },
  running: { word: 'Running', tone: 'wait' },
  ok: { word: 'Fine', tone: 'good' },
  failed: { word: 'Failed', tone: 'bad' },
  skipped: { word: 'Skipped', tone: 'calm' },
  missed: { word: 'Missed', tone: 'wait' },
  interrupted: { word: 'Interrupted', tone: 'wait' },
  cancelled: { word: 'Stopped', tone: 'calm' },
} as const

export function Tasks() {
  const picture = useModel((model) => model.picture)
  const { item } = useRoute()
  const tasks = picture?.tasks
  const open = tasks?.find(({ id }) => id === item)
  return (
    <>
      <SectionHead title="Tasks" note={tasks && plural(tasks.length, 'task')} />
      <div className="panel flush">
        <div className="task-row table-head" aria-hidden>
          <span>Task</span>
          <span>State</span>
          <span>When</span>
          <span>Next</span>
          <span>Last run</span>
          <span />
        </div>
        <ul className="bare" aria-label="Tasks">
          {tasks?.map((task) => (
            <Row key={task.id} task={task} />
          ))}
        </ul>
        {!tasks?.length && <Empty>{emptyText(picture !== undefined, tasks !== undefined)}</Empty>}
      </div>
      <Drawer
        opened={open !== undefined}
        onClose={() => goTo('tasks')}
        position="right"
        size={520}
        lockScroll={false}
        title={open && <b>{open.name}</b>}
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        {open && <Detail task={open} />}
      </Drawer>
    </>
  )
}

function emptyText(loaded: boolean, scheduler: boolean): string {
  if (!loaded) return 'Loading'
  return scheduler
    ? 'No task yet. Plugins make them as they need them.'
    : 'No scheduler is installed, so nothing is planned.'
}

function Row({ task }: { task: TaskRow }) {
  const now = useNow()
  const { id, name, owner, state, nextDue, lastRun, problem } = task
  return (
    <li className="task-row">
      <span className="plugin-name">
        <a href={hrefOf('tasks', id)}>
          <b>{name}</b>
        </a>
        <span className="dim clip">{owner}</span>
        {problem !== undefined && <span className="reason">{problem}</span>}
      </span>
      <span>
        <Mark tone={STATES[state].tone}>{STATES[state].word}</Mark>
      </span>
      <span className="metric" data-label="When">
        <span className="mono">{triggerText(task.trigger)}</span>
      </span>
      <span className="metric" data-label="Next">
        {nextDue === undefined || state !== 'active' ? (
          <span className="dim">none</span>
        ) : (
          <time className="num" title={fullTime(nextDue)}>
            {relative(nextDue, now)}
          </time>
        )}
      </span>
      <span className="metric" data-label="Last run">
        {lastRun === undefined ? <span className="dim">never</span> : <LastRun run={lastRun} now={now} />}
      </span>
      <Buttons task={task} />
    </li>
  )
}

function LastRun({ run, now }: { run: Run; now: number }) {
  const at = run.finishedAt ?? run.startedAt ?? run.startAt
  return (
    <span className="line">
      <Mark tone={RUNS[run.status].tone}>{RUNS[run.status].word}</Mark>
      <time className="dim small" title={fullTime(at)}>
        {ago(at, now)}
      </time>
    </span>
  )
}

function Buttons({ task }: { task: TaskRow }) {
  const paused = task.state === 'paused' || task.state === 'broken'
  return (
    <span className="buttons">
      {task.state !== 'done' && (
        <Tooltip label={paused ? 'Resume' : 'Pause'}>
          <ActionIcon
            variant="subtle"
            color="gray"
            size="lg"
            aria-label={`${paused ? 'Resume' : 'Pause'} ${task.name}`}
            onClick={() => send(task, paused ? 'resume' : 'pause')}
          >
            {paused ? <IconPlayerPlay size={18} stroke={1.7} /> : <IconPlayerPause size={18} stroke={1.7} />}
          </ActionIcon>
        </Tooltip>
      )}
      <Tooltip label="Run now">
        <ActionIcon variant="subtle" size="lg" aria-label={`Run ${task.name} now`} onClick={() => send(task, 'run')}>
          <IconBolt size={18} stroke={1.7} />
        </ActionIcon>
      </Tooltip>
    </span>
  )
}

function send(task: TaskRow, action: TaskAction): void {
  void act(`${task.name} was not changed`, () => post(`/api/tasks/${encodeURIComponent(task.id)}/${action}`))
}

function Detail({ task }: { task: TaskRow }) {
  const paused = task.state === 'paused' || task.state === 'broken'
  return (
    <div className="detail">
      <p className="mono">{triggerText(task.trigger)}</p>
      <p className="dim small">
        Made by {task.owner}, {fullTime(task.createdAt)}
        {task.nextDue !== undefined && task.state === 'active' && <>; next {fullTime(task.nextDue)}</>}
      </p>
      {task.problem !== undefined && <p className="notice">{task.problem}</p>}
      <div className="actions">
        <Button size="xs" leftSection={<IconBolt size={16} />} onClick={() => send(task, 'run')}>
          Run now
        </Button>
        {task.state !== 'done' && (
          <Button size="xs" variant="default" onClick={() => send(task, paused ? 'resume' : 'pause')}>
            {paused ? 'Resume' : 'Pause'}
          </Button>
        )}
      </div>
      <h3 className="eyebrow">History</h3>
      <History task={task} />
    </div>
  )
}

function History({ task }: { task: TaskRow }) {
  const runs = useHistory(task)
  const now = useNow()
  if (runs === undefined) return <Empty>Loading</Empty>
  if (runs.length === 0) return <Empty>It has not run yet.</Empty>
  return (
    <ul className="rows">
      {runs.map((run) => (
        <li key={run.id} className="run">
          <LastRun run={run} now={now} />
          <span className="dim small">{runNote(run)}</span>
          {run.error !== undefined && <p className="reason">{run.error}</p>}
        </li>
      ))}
    </ul>
  )
}

function runNote({ source, startedAt, finishedAt, attempt, count }: Run): string {
  const notes = [source === 'schedule' ? '' : source === 'manual' ? 'by hand' : 'made up for']
  if (startedAt !== undefined && finishedAt !== undefined) notes.push(`took ${span(finishedAt - startedAt)}`)
  if (attempt > 1) notes.push(`attempt ${attempt}`)
  if (count > 1) notes.push(`stands for ${count}`)
  return notes.filter(Boolean).join(', ')
}

/** Asked anew whenever the last run changes. */
function useHistory({ id, lastRun }: TaskRow): Run[] | undefined {
  const [runs, setRuns] = useState<Run[]>()
  const mark = `${lastRun?.id} ${lastRun?.status} ${lastRun?.attempt}`
  useEffect(() => {
    let stale = false
    void act('The history could not be read', async () => {
      const answer = await get<{ runs: Run[] }>(`/api/tasks/${encodeURIComponent(id)}/history`)
      if (!stale) setRuns(answer.runs)
    })
    return () => {
      stale = true
    }
  }, [id, mark])
  return runs
}
