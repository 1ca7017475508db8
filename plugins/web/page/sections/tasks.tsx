// plugins/web/page/sections/tasks.tsx: what runs by itself, when, and how it went. The address says which part is looked at.
// The list is what most visits open: the parts with charts, graphs and forms are loaded when they are opened.
import { lazy } from 'react'
import { Later } from '../later.tsx'
import { useRoute } from '../route.ts'
import { TaskList } from '../tasks/list.tsx'
import { CHARTS, EDIT, NEW, TEMPLATES } from '../tasks/places.tsx'

const Charts = lazy(() => import('../tasks/charts.tsx').then(({ Charts }) => ({ default: Charts })))
const Editor = lazy(() => import('../tasks/editor.tsx').then(({ Editor }) => ({ default: Editor })))
const RunPage = lazy(() => import('../tasks/run.tsx').then(({ RunPage }) => ({ default: RunPage })))
const TaskPage = lazy(() => import('../tasks/task.tsx').then(({ TaskPage }) => ({ default: TaskPage })))
const Templates = lazy(() => import('../tasks/templates.tsx').then(({ Templates }) => ({ default: Templates })))

export function Tasks() {
  const { item, part } = useRoute()
  if (item === undefined) return <TaskList />
  return <Later>{viewOf(item, part)}</Later>
}

function viewOf(item: string, part: string | undefined) {
  if (item === NEW) return <Editor key="new" />
  if (item === CHARTS) return <Charts />
  if (item === TEMPLATES) return <Templates />
  if (part === EDIT) return <Editor key={item} id={item} />
  return part === undefined ? <TaskPage key={item} id={item} /> : <RunPage key={part} id={item} runId={part} />
}
