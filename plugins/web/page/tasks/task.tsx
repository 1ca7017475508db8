// plugins/web/page/tasks/task.tsx: one task: what it does and when, what works now, its history, figures and books.
import { Button, Menu, Modal, Skeleton, Tabs } from '@mantine/core'
import type { OutlineStep, Plan, Spending, Task } from '@pryx/plugin-scheduler/service'
import { IconBolt, IconChevronDown, IconPencil } from '@tabler/icons-react'
import { lazy, Suspense, useState } from 'react'
import { post } from '../calls.ts'
import { fullTime, span } from '../format.ts'
import { SectionHead } from '../marks.tsx'
import { goTo, hrefOf } from '../route.ts'
import { act } from '../store.ts'
import { taskPath, useAsked, useTaskTick } from './ask.ts'
import { Books } from './books.tsx'
import { Charts } from './charts.tsx'
import { Flow } from './flow.tsx'
import { History } from './history.tsx'
import { LiveRuns } from './live.tsx'
import { Back, Budgets, EDIT } from './places.tsx'
import { ACTIONS, money, StateMark } from './words.tsx'

const Graph = lazy(() => import('./graph.tsx')) // brings a library that lays it out

interface Known {
  task: Task
  plan?: Plan | undefined
  spending: Spending
}

export function TaskPage({ id }: { id: string }) {
  const tick = useTaskTick(id)
  const { data, error } = useAsked<Known>(taskPath(id), tick)
  if (error !== undefined)
    return (
      <>
        <Back />
        <SectionHead title="This task is not there" note={[error.message, error.hint].filter(Boolean).join('. ')} />
      </>
    )
  if (data === undefined) return <Skeleton height={320} radius="lg" aria-label="Loading" />
  const { task, plan, spending } = data
  return (
    <>
      <Back />
      <SectionHead title={task.name} note={<>Made by {task.owner}</>}>
        <Actions task={task} />
      </SectionHead>
      {task.problem !== undefined && (
        <p className="notice" role="alert">
          {task.problem}
        </p>
      )}
      <LiveRuns tick={tick} id={id} />
      <Facts task={task} plan={plan} spending={spending} />
      <Tabs defaultValue="history" keepMounted={false}>
        <Tabs.List>
          <Tabs.Tab value="history">History</Tabs.Tab>
          <Tabs.Tab value="figures">Figures</Tabs.Tab>
          <Tabs.Tab value="books">Books</Tabs.Tab>
          {task.action.kind === 'workflow' && <Tabs.Tab value="flow">Steps</Tabs.Tab>}
        </Tabs.List>
        <Tabs.Panel value="history">
          <History task={task} tick={tick} />
        </Tabs.Panel>
        <Tabs.Panel value="figures">
          <Charts id={id} />
        </Tabs.Panel>
        <Tabs.Panel value="books">
          <Books id={id} tick={tick} />
        </Tabs.Panel>
        {task.action.kind === 'workflow' && (
          <Tabs.Panel value="flow">
            <Drawn id={id} />
            <Flow flow={task.action.flow} />
          </Tabs.Panel>
        )}
      </Tabs>
    </>
  )
}

function Drawn({ id }: { id: string }) {
  const { data } = useAsked<{ steps: OutlineStep[] }>(taskPath(id, '/outline'))
  if (data === undefined || data.steps.length < 2) return null
  return (
    <Suspense>
      <Graph outline={data.steps} />
    </Suspense>
  )
}

function Actions({ task }: { task: Task }) {
  const [asking, setAsking] = useState(false)
  const { id, name, state, action } = task
  const paused = state === 'paused' || state === 'broken'
  const send = (what: string) => act(`${name} was not changed`, () => post(taskPath(id, `/${what}`)))
  const remove = async () => {
    const gone = await act(`${name} was not deleted`, () => post('/api/tasks/bulk', { ids: [id], action: 'remove' }))
    if (gone) goTo('tasks')
  }
  return (
    <div className="tools">
      <Button leftSection={<IconBolt size={17} />} onClick={() => send('run')}>
        Run now
      </Button>
      {state !== 'done' && (
        <Button variant="default" onClick={() => send(paused ? 'resume' : 'pause')}>
          {paused ? 'Resume' : 'Pause'}
        </Button>
      )}
      <Button component="a" variant="default" href={hrefOf('tasks', id, EDIT)} leftSection={<IconPencil size={16} />}>
        Edit
      </Button>
      <Menu position="bottom-end">
        <Menu.Target>
          <Button variant="default" rightSection={<IconChevronDown size={15} />}>
            More
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {action.kind !== 'event' && <Menu.Item onClick={() => send('dry')}>Dry run: show what it would do</Menu.Item>}
          <Menu.Item component="a" href={taskPath(id, '/history.csv')} download>
            History as CSV
          </Menu.Item>
          <Menu.Item color="red" onClick={() => setAsking(true)}>
            Delete
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <Modal opened={asking} onClose={() => setAsking(false)} title={`Delete ${name}?`} centered>
        <p>Its history goes with it, and a run in progress is stopped. This cannot be undone.</p>
        <div className="tools dialog-foot">
          <Button variant="default" onClick={() => setAsking(false)}>
            Keep it
          </Button>
          <Button color="red" onClick={remove}>
            Delete
          </Button>
        </div>
      </Modal>
    </div>
  )
}

function Facts({ task, plan, spending }: Known) {
  const { state, action, overlap, retry, timeoutMs, tags = [], budget } = task
  return (
    <section className="panel task-facts" aria-label="What it is">
      <dl>
        <Fact name="State">
          <StateMark state={state} />
        </Fact>
        <Fact name="When">
          {plan?.words ?? 'cannot be told'}
          {plan?.expression !== undefined && <code> {plan.expression}</code>}
        </Fact>
        {plan !== undefined && plan.nextText.length > 0 && (
          <Fact name="Next runs">
            {state !== 'active' && <span className="dim">if it were active: </span>}
            {plan.nextText.slice(0, 3).join(', ')}
          </Fact>
        )}
        <Fact name="Does">
          {ACTIONS[action.kind] ?? action.kind} <code className="clip2">{deedText(action)}</code>
        </Fact>
        <Fact name="Rules">
          {typeof overlap === 'object'
            ? `${overlap.max} side by side`
            : {
                skip: 'skipped while the run before works',
                queue: 'queued behind the run before',
                'cancel-old': 'a newer run ends the older',
              }[overlap]}
          , {retry.attempts === 0 ? 'no retries' : `${retry.attempts} retries`}, at most {span(timeoutMs)}
        </Fact>
        <Fact name="Spent">
          {money(spending.month.costUsd, spending.month.unpriced) || 'nothing'} this month
          {spending.ever && spending.ever.costUsd > 0 && (
            <>, {money(spending.ever.costUsd, spending.ever.unpriced)} in all</>
          )}
          {budget === undefined && spending.budgets.length === 0 && <span className="dim">, no budget</span>}
          <Budgets lines={spending.budgets} />
        </Fact>
        {tags.length > 0 && (
          <Fact name="Tags">
            {tags.map((tag) => (
              <i key={tag} className="tag">
                {tag}
              </i>
            ))}
          </Fact>
        )}
        {task.action.kind === 'event' && task.owner !== 'web' && (
          <Fact name="Kept since">{fullTime(task.createdAt)}</Fact>
        )}
      </dl>
    </section>
  )
}

function deedText(action: Task['action']): string {
  if (action.kind === 'shell') return [action.command, ...action.args].join(' ')
  if (action.kind === 'http') return `${action.method} ${action.url}`
  if (action.kind === 'tool' || action.kind === 'emit') return action.name
  return action.kind === 'prompt' || action.kind === 'notify' ? action.text : ''
}

function Fact({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}
