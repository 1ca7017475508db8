// plugins/web/page/tasks/words.tsx: states, runs and money of tasks in words. Colour never stands alone.
import type { RunStatus, StepLog, TaskState } from '@pryx/plugin-scheduler/service'
import { ago, fullTime } from '../format.ts'
import { Mark } from '../marks.tsx'

type Tone = 'good' | 'wait' | 'bad' | 'calm'
type Word = { word: string; tone: Tone }

export const STATES: Record<TaskState, Word> = {
  active: { word: 'Active', tone: 'good' },
  paused: { word: 'Paused', tone: 'calm' },
  done: { word: 'Done', tone: 'calm' },
  broken: { word: 'Broken', tone: 'bad' },
}
export const RUNS: Record<RunStatus, Word> = {
  queued: { word: 'Queued', tone: 'wait' },
  running: { word: 'Running', tone: 'wait' },
  ok: { word: 'Fine', tone: 'good' },
  failed: { word: 'Failed', tone: 'bad' },
  skipped: { word: 'Skipped', tone: 'calm' },
  missed: { word: 'Missed', tone: 'wait' },
  interrupted: { word: 'Interrupted', tone: 'wait' },
  cancelled: { word: 'Stopped', tone: 'calm' },
}
export const STEPS: Record<StepLog['status'], Word> = {
  started: { word: 'Working', tone: 'wait' },
  waiting: { word: 'Waiting', tone: 'wait' },
  ok: { word: 'Fine', tone: 'good' },
  failed: { word: 'Failed', tone: 'bad' },
  skipped: { word: 'Left out', tone: 'calm' },
  ambiguous: { word: 'Unclear', tone: 'bad' },
}
export const SOURCES = {
  schedule: 'by the schedule',
  trigger: 'by its trigger',
  manual: 'by hand',
  recovery: 'made up for a run that was cut off',
  fallback: 'after another task failed',
  replay: 'a replay',
  dry: 'a dry run',
} as const
export const ACTIONS: Record<string, string> = {
  event: 'Its plugin does the work',
  tool: 'Calls a tool',
  prompt: 'Asks the agent',
  shell: 'Runs a command',
  http: 'Sends a request',
  emit: 'Publishes an event',
  notify: 'Tells you',
  workflow: 'Workflow',
}

export function StateMark({ state }: { state: TaskState }) {
  return <Mark tone={STATES[state].tone}>{STATES[state].word}</Mark>
}

export function RunMark({ status }: { status: RunStatus }) {
  return <Mark tone={RUNS[status].tone}>{RUNS[status].word}</Mark>
}

export function When({ at, now }: { at: number; now: number }) {
  return (
    <time className="dim small num" title={fullTime(at)} dateTime={new Date(at).toISOString()}>
      {ago(at, now)}
    </time>
  )
}

/** `$0.42`, `≥ $0.42` where the price of some calls is not known; nothing for nothing. */
export function money(usd: number, unpriced = 0): string {
  if (usd === 0 && unpriced === 0) return ''
  const digits = usd === 0 || usd >= 1 ? 2 : usd >= 0.01 ? 3 : 4
  return `${unpriced > 0 ? '≥ ' : ''}$${usd.toFixed(digits)}`
}

/** Of those that ended well or failed; undefined where none did. */
export function successOf({ ok, failed }: { ok: number; failed: number }): number | undefined {
  return ok + failed === 0 ? undefined : ok / (ok + failed)
}

/** `96 %`; never rounded up to all, nor down to none. */
export function share(part: number): string {
  if (part > 0.99 && part < 1) return '> 99 %'
  if (part > 0 && part < 0.01) return '< 1 %'
  return `${Math.round(part * 100)} %`
}
