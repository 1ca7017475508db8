// plugins/web/page/sections/tasks.tsx: what runs by itself, when, and how it went. The address says which part is looked at.
import { useRoute } from '../route.ts'
import { Charts } from '../tasks/charts.tsx'
import { Editor } from '../tasks/editor.tsx'
import { TaskList } from '../tasks/list.tsx'
import { CHARTS, EDIT, NEW, TEMPLATES } from '../tasks/places.tsx'
import { RunPage } from '../tasks/run.tsx'
import { TaskPage } from '../tasks/task.tsx'
import { Templates } from '../tasks/templates.tsx'

export function Tasks() {
  const { item, part } = useRoute()
  if (item === undefined) return <TaskList />
  if (item === NEW) return <Editor key="new" />
  if (item === CHARTS) return <Charts />
  if (item === TEMPLATES) return <Templates />
  if (part === EDIT) return <Editor key={item} id={item} />
  return part === undefined ? <TaskPage key={item} id={item} /> : <RunPage key={part} id={item} runId={part} />
}
