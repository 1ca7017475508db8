// plugins/web/page/tasks/list.tsx: all tasks: found, sorted, paged; what works now above them; what is chosen is ruled together.
import { ActionIcon, Button, Checkbox, Menu, Select, TextInput } from '@mantine/core'
import type { Found, FoundTask, Tally } from '@pryx/plugin-scheduler/service'
import {
  IconBolt,
  IconChartLine,
  IconChevronLeft,
  IconChevronRight,
  IconDownload,
  IconLayoutGrid,
  IconPlayerPause,
  IconPlayerPlay,
  IconPlus,
  IconSearch,
} from '@tabler/icons-react'
import { useEffect, useState } from 'react'
import { post } from '../calls.ts'
import { count, fullTime, plural, relative, triggerText } from '../format.ts'
import { Empty, SectionHead } from '../marks.tsx'
import { hrefOf } from '../route.ts'
import { act, useNow } from '../store.ts'
import { taskPath, useAsked, useTaskTick } from './ask.ts'
import { Bulk } from './bulk.tsx'
import {
  allTasks,
  asked,
  isNarrowed,
  lastPage,
  PAGE,
  pathOf,
  type Query,
  type Sort,
  type StateFilter,
  sortedBy,
} from './list-state.ts'
import { LiveRuns } from './live.tsx'
import { CHARTS, NEW, TEMPLATES } from './places.tsx'
import { money, RunMark, StateMark, share, successOf, When } from './words.tsx'

const TYPING_MS = 150
const FILTERS: readonly [StateFilter, string][] = [
  ['active', 'Active'],
  ['running', 'Running now'],
  ['failing', 'Failing'],
  ['paused', 'Paused'],
  ['broken', 'Broken'],
  ['done', 'Done'],
]
const COLUMNS: readonly [Sort, string][] = [
  ['name', 'Task'],
  ['state', 'State'],
  ['next', 'Next run'],
  ['last', 'Last run'],
  ['success', 'Success'],
  ['cost', 'This month'],
]

let kept = allTasks // where the user was, when they come back from a task

export function TaskList() {
  const [query, setQuery] = useState(kept)
  kept = query
  const tick = useTaskTick()
  const found = useAsked<Found>(pathOf(query), tick)
  const tally = useAsked<Tally>('/api/tasks/tally', tick)
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set())
  const { total = 0, tasks } = found.data ?? {}
  const page = Math.min(query.page, lastPage(total))
  useEffect(() => {
    if (found.data !== undefined && page < query.page) setQuery({ ...query, page }) // the last task of a page went
  }, [found.data])
  const choose = (ids: readonly string[], on: boolean) => {
    const next = new Set(chosen)
    for (const id of ids) on ? next.add(id) : next.delete(id)
    setChosen(next)
  }
  const none = found.error?.code === 'WEB_NO_SCHEDULER'
  if (none)
    return (
      <>
        <SectionHead title="Tasks" />
        <div className="panel">
          <Empty>No scheduler is installed, so nothing is planned. `pryx add @pryx/plugin-scheduler` brings it.</Empty>
        </div>
      </>
    )
  return (
    <>
      <SectionHead title="Tasks" note={tally.data && noteOf(tally.data)}>
        <Tools />
      </SectionHead>
      <LiveRuns tick={tick} />
      <Filters query={query} tally={tally.data} onChange={setQuery} />
      {chosen.size > 0 && (
        <Bulk ids={[...chosen]} onClear={() => setChosen(new Set())} onGone={(ids) => choose(ids, false)} />
      )}
      <div className="panel flush tasks" aria-busy={tasks === undefined}>
        <Head query={query} tasks={tasks ?? []} chosen={chosen} onSort={setQuery} onChoose={choose} />
        <ul className="bare" aria-label="Tasks">
          {tasks?.map((task) => (
            <Row key={task.task.id} found={task} chosen={chosen.has(task.task.id)} onChoose={choose} />
          ))}
        </ul>
        {!tasks?.length && (
          <Nothing loaded={tasks !== undefined} narrowed={isNarrowed(query)} problem={found.error?.message} />
        )}
        {total > PAGE && <Pager page={page} total={total} onPage={(to) => setQuery({ ...query, page: to })} />}
      </div>
    </>
  )
}

function noteOf({ total, states, failing, running }: Tally): string {
  if (total === 0) return 'What runs by itself'
  return [
    plural(total, 'task'),
    `${count(states.active)} active`,
    ...(running > 0 ? [`${running} running`] : []),
    ...(failing > 0 ? [`${failing} failing`] : []),
  ].join(', ')
}

function Tools() {
  return (
    <div className="tools">
      <Button component="a" href={hrefOf('tasks', CHARTS)} variant="default" leftSection={<IconChartLine size={17} />}>
        Charts
      </Button>
      <Button
        component="a"
        href={hrefOf('tasks', TEMPLATES)}
        variant="default"
        leftSection={<IconLayoutGrid size={17} />}
      >
        Templates
      </Button>
      <Menu position="bottom-end">
        <Menu.Target>
          <Button variant="default" leftSection={<IconDownload size={17} />}>
            Export
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {(['json', 'yaml'] as const).map((format) => (
            <Menu.Item
              key={format}
              component="a"
              href={`/api/tasks/export?format=${format}`}
              download={`pryx-tasks.${format}`}
            >
              As {format.toUpperCase()}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
      <Button component="a" href={hrefOf('tasks', NEW)} leftSection={<IconPlus size={17} />}>
        New task
      </Button>
    </div>
  )
}

interface FiltersProps {
  query: Query
  tally: Tally | undefined
  onChange(query: Query): void
}

function Filters({ query, tally, onChange }: FiltersProps) {
  const [text, setText] = useState(query.text)
  useEffect(() => {
    if (text === query.text) return
    const timer = setTimeout(() => onChange(asked(query, { text })), TYPING_MS)
    return () => clearTimeout(timer)
  }, [text])
  const tags = tally?.tags.map(({ tag, tasks }) => ({ value: tag, label: `${tag} (${tasks})` })) ?? []
  return (
    <search className="task-filters">
      <TextInput
        className="grow"
        aria-label="Find tasks"
        placeholder="Name, owner or tag"
        leftSection={<IconSearch size={16} />}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
      />
      <Select
        aria-label="State"
        placeholder="Any state"
        clearable
        value={query.state ?? null}
        data={FILTERS.map(([value, label]) => ({ value, label }))}
        onChange={(value) => onChange(asked(query, { state: (value as StateFilter | null) ?? undefined }))}
      />
      {tags.length > 0 && (
        <Select
          aria-label="Tag"
          placeholder="Any tag"
          clearable
          searchable
          value={query.tag ?? null}
          data={tags}
          onChange={(value) => onChange(asked(query, { tag: value ?? undefined }))}
        />
      )}
    </search>
  )
}

interface HeadProps {
  query: Query
  tasks: readonly FoundTask[]
  chosen: ReadonlySet<string>
  onSort(query: Query): void
  onChoose(ids: readonly string[], on: boolean): void
}

function Head({ query, tasks, chosen, onSort, onChoose }: HeadProps) {
  const ids = tasks.map(({ task }) => task.id)
  const all = ids.length > 0 && ids.every((id) => chosen.has(id))
  return (
    <div className="task-line table-head">
      <Checkbox
        size="xs"
        aria-label="Choose all on this page"
        checked={all}
        indeterminate={!all && ids.some((id) => chosen.has(id))}
        onChange={(event) => onChoose(ids, event.currentTarget.checked)}
      />
      {COLUMNS.map(([sort, title]) => (
        <button
          key={sort}
          type="button"
          className="sort"
          aria-label={`Sort by ${title.toLowerCase()}${query.sort === sort ? (query.down ? ', falling' : ', rising') : ''}`}
          aria-pressed={query.sort === sort}
          onClick={() => onSort(sortedBy(query, sort))}
        >
          {title} <span aria-hidden>{query.sort === sort ? (query.down ? '↓' : '↑') : ''}</span>
        </button>
      ))}
      <span />
    </div>
  )
}

interface RowProps {
  found: FoundTask
  chosen: boolean
  onChoose(ids: readonly string[], on: boolean): void
}

function Row({ found, chosen, onChoose }: RowProps) {
  const now = useNow()
  const { task, lastRun, monthUsd, monthUnpriced, failures } = found
  const { id, name, owner, state, nextDue, problem, tags = [] } = task
  const success = successOf(found)
  const at = lastRun && (lastRun.finishedAt ?? lastRun.startedAt ?? lastRun.occurrence)
  return (
    <li className="task-line" data-chosen={chosen || undefined}>
      <input
        type="checkbox"
        className="tick-box"
        aria-label={`Choose ${name}`}
        checked={chosen}
        onChange={(event) => onChoose([id], event.currentTarget.checked)}
      />
      <span className="task-name">
        <a href={hrefOf('tasks', id)}>
          <b>{name}</b>
        </a>
        <span className="dim small clip" title={`${triggerText(task.trigger)}, made by ${owner}`}>
          {triggerText(task.trigger)} · {owner}
          {tags.map((tag) => (
            <i key={tag} className="tag">
              {tag}
            </i>
          ))}
        </span>
        {problem !== undefined && <span className="reason">{problem}</span>}
      </span>
      <span className="cell" data-label="State">
        <StateMark state={state} />
      </span>
      <span className="cell" data-label="Next run" data-empty={nextDue === undefined || undefined}>
        {nextDue === undefined || state !== 'active' ? (
          <span className="dim">–</span>
        ) : (
          <time className="num" title={fullTime(nextDue)}>
            {relative(nextDue, now)}
          </time>
        )}
      </span>
      <span className="cell" data-label="Last run">
        {lastRun === undefined || at === undefined ? (
          <span className="dim">never</span>
        ) : (
          <a className="last" href={hrefOf('tasks', id, lastRun.id)} title={lastRun.error}>
            <RunMark status={lastRun.status} /> <When at={at} now={now} />
          </a>
        )}
      </span>
      <span className="cell num" data-label="Success" data-empty={success === undefined || undefined}>
        {success === undefined ? <span className="dim">–</span> : share(success)}
        {failures > 1 && <small className="bad"> {failures} failed in a row</small>}
      </span>
      <span
        className="cell num"
        data-label="This month"
        data-empty={money(monthUsd, monthUnpriced) === '' || undefined}
      >
        {money(monthUsd, monthUnpriced) || <span className="dim">–</span>}
      </span>
      <Buttons task={task} />
    </li>
  )
}

/** Plain elements, here and in the row: fifty rows of Mantine's, with their tooltips, cost more than all else of the section. */
function Buttons({ task: { id, name, state } }: { task: FoundTask['task'] }) {
  const paused = state === 'paused' || state === 'broken'
  const Icon = paused ? IconPlayerPlay : IconPlayerPause
  const ruled = paused ? 'Resume' : 'Pause'
  const send = (action: 'pause' | 'resume' | 'run') =>
    void act(`${name} was not changed`, () => post(taskPath(id, `/${action}`)))
  return (
    <span className="task-buttons">
      {state !== 'done' && (
        <button
          type="button"
          className="row-button dim"
          title={ruled}
          aria-label={`${ruled} ${name}`}
          onClick={() => send(paused ? 'resume' : 'pause')}
        >
          <Icon size={18} stroke={1.7} />
        </button>
      )}
      <button
        type="button"
        className="row-button"
        title="Run now"
        aria-label={`Run ${name} now`}
        onClick={() => send('run')}
      >
        <IconBolt size={18} stroke={1.7} />
      </button>
    </span>
  )
}

function Nothing({ loaded, narrowed, problem }: { loaded: boolean; narrowed: boolean; problem: string | undefined }) {
  if (problem !== undefined) return <Empty>{problem}</Empty>
  if (!loaded) return <Empty>Loading</Empty>
  if (narrowed) return <Empty>No task is like that.</Empty>
  return (
    <div className="welcome">
      <p>Nothing runs by itself yet.</p>
      <p className="dim">Say what shall happen and when, in plain words, or begin with a template.</p>
      <div className="tools">
        <Button component="a" href={hrefOf('tasks', NEW)}>
          Make a task
        </Button>
        <Button component="a" variant="default" href={hrefOf('tasks', TEMPLATES)}>
          See templates
        </Button>
      </div>
    </div>
  )
}

function Pager({ page, total, onPage }: { page: number; total: number; onPage(page: number): void }) {
  const last = lastPage(total)
  return (
    <nav className="pager" aria-label="Pages">
      <ActionIcon variant="default" aria-label="Page before" disabled={page === 0} onClick={() => onPage(page - 1)}>
        <IconChevronLeft size={18} />
      </ActionIcon>
      <span className="num small" role="status">
        {count(page * PAGE + 1)} to {count(Math.min(total, (page + 1) * PAGE))} of {count(total)}
      </span>
      <ActionIcon variant="default" aria-label="Next page" disabled={page === last} onClick={() => onPage(page + 1)}>
        <IconChevronRight size={18} />
      </ActionIcon>
    </nav>
  )
}
