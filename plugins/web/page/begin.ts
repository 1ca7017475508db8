// plugins/web/page/begin.ts: runs before the page's own script has come: what the address will need is asked for at once, beside that script
// and not after it.
import { parseRoute, type Section } from './address.ts'
import { askAhead } from './calls.ts'
import { allTasks, pathOf } from './tasks/list-state.ts'

/** The code of the sections that `app.tsx` loads late. */
const CODE: Partial<Record<Section, () => Promise<unknown>>> = {
  chat: () => import('./sections/chat.tsx'),
  resources: () => import('./sections/resources.tsx'),
  tasks: () => import('./sections/tasks.tsx'),
  traces: () => import('./sections/traces.tsx'),
}

const { section, item } = parseRoute(location.hash)
askAhead('/api/state')
if (section === 'tasks' && item === undefined) {
  for (const path of [pathOf(allTasks), '/api/tasks/tally', '/api/tasks/live']) askAhead(path)
}
CODE[section]?.().catch(() => {}) // app.tsx asks again, and says so if it cannot come
