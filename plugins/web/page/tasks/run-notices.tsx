// plugins/web/page/tasks/run-notices.tsx: says that a run has ended when the user is elsewhere (L1).
//   A run is worth a notice if somebody asked for it or it took long; never twice, and not what ended before the page was opened.
import { notifications } from '@mantine/notifications'
import { useEffect, useRef } from 'react'
import type { Heard } from '../../src/events.ts'
import { span } from '../format.ts'
import { fieldsOf } from '../model.ts'
import { hrefOf, useRoute } from '../route.ts'
import { useModel } from '../store.ts'

const LONG_MS = 10_000
const FAILED_MS = 30_000

export interface Ended {
  task: string
  name: string
  run: string
  ok: boolean
  text: string
}

export function useRunNotices(): void {
  const events = useModel((model) => model.events)
  const { section, item } = useRoute()
  const seen = useRef<number>(undefined)
  useEffect(() => {
    const last = events.at(-1)?.seq
    if (last === undefined) return
    const from = seen.current ?? last
    seen.current = last
    for (const event of events.slice(-200)) {
      const ended = event.seq > from ? endedIn(event) : undefined
      if (ended !== undefined && !(section === 'tasks' && item === ended.task)) show(ended)
    }
  }, [events, section, item])
}

/** The end of a run that is worth a notice. */
export function endedIn({ name, data }: Pick<Heard, 'name' | 'data'>): Ended | undefined {
  if (name !== 'task.finished') return undefined
  const { task, run } = fieldsOf(data)
  const { id, name: title } = fieldsOf(task)
  const { id: runId, status, source, startedAt, finishedAt, error } = fieldsOf(run)
  if (typeof id !== 'string' || typeof runId !== 'string') return undefined
  const took = typeof startedAt === 'number' && typeof finishedAt === 'number' ? finishedAt - startedAt : 0
  const asked = source === 'manual' || source === 'replay' || source === 'dry'
  if (!asked && took < LONG_MS) return undefined
  const how = status === 'ok' ? 'is done' : status === 'cancelled' ? 'was stopped' : `has ${String(status)}`
  const text = [`${String(title)} ${how} after ${span(took)}.`, typeof error === 'string' ? error.slice(0, 200) : '']
  return { task: id, name: String(title), run: runId, ok: status === 'ok', text: text.filter(Boolean).join(' ') }
}

function show({ task, run, ok, text }: Ended): void {
  notifications.show({
    id: `run-${run}`,
    color: ok ? 'teal' : 'red',
    title: ok ? 'A run is done' : 'A run has ended',
    message: (
      <>
        {text}{' '}
        <a className="accent" href={hrefOf('tasks', task, run)}>
          Look at it
        </a>
      </>
    ),
    autoClose: ok ? 10_000 : FAILED_MS,
  })
}
