// plugins/web/page/tasks/run.tsx: one run: how it went step by step, with the source of every value; what it asks; once more, or dry.
import { Button, Skeleton, TextInput } from '@mantine/core'
import type { OutlineStep, Run, StepLog } from '@pryx/plugin-scheduler/service'
import { IconRefresh } from '@tabler/icons-react'
import { lazy, type ReactNode, Suspense, useState } from 'react'
import { post } from '../calls.ts'
import { fullTime, span } from '../format.ts'
import { SectionHead } from '../marks.tsx'
import { goTo, hrefOf } from '../route.ts'
import { act, useNow } from '../store.ts'
import { runPath, taskPath, useAsked, useTaskTick } from './ask.ts'
import { valueText } from './compare.tsx'
import { Gantt } from './gantt.tsx'
import { noteOf, tokensOf } from './history.tsx'
import { LiveRuns } from './live.tsx'
import { Back } from './places.tsx'
import { money, RunMark, STEPS } from './words.tsx'

interface Known {
  run: Run
  steps: StepLog[]
}

const Graph = lazy(() => import('./graph.tsx')) // brings a library that lays it out
const LOOK_EVERY_MS = 1_000

export function RunPage({ id, runId }: { id: string; runId: string }) {
  const now = useNow(LOOK_EVERY_MS)
  const tick = useTaskTick(id)
  const [over, setOver] = useState(false)
  // Steps are not told one by one on the bus: while it works they are looked at.
  const { data, error } = useAsked<Known>(runPath(runId), over ? tick : tick + Math.floor(now / LOOK_EVERY_MS))
  const back = <Back to={hrefOf('tasks', id)}>The task</Back>
  if (error !== undefined)
    return (
      <>
        {back}
        <SectionHead title="This run is not kept any more" note="The last 100 of each task are." />
      </>
    )
  if (data === undefined) return <Skeleton height={320} radius="lg" aria-label="Loading" />
  const { run, steps } = data
  const open = run.status === 'running' || run.status === 'queued'
  if (open === over) setOver(!open)
  return (
    <>
      {back}
      <SectionHead title={`Run of ${fullTime(run.startedAt ?? run.occurrence)}`} note={noteOf(run)}>
        <Actions run={run} open={open} replayable={steps.length > 0} />
      </SectionHead>
      {open && <LiveRuns tick={tick} id={id} />}
      <Summary run={run} />
      {steps.length > 0 && <Steps run={run} steps={steps} now={now} />}
      <Value title={run.source === 'dry' ? 'What would have been done' : 'Result'} value={run.result} />
      <Value title="Input" value={run.input} />
      {run.log !== undefined && <Value title="Log" value={run.log} />}
    </>
  )
}

function Actions({ run, open, replayable }: { run: Run; open: boolean; replayable: boolean }) {
  const again = () =>
    act('It was not repeated', async () => {
      const { id } = await post<Run>(runPath(run.id, '/replay'))
      goTo('tasks', run.taskId, id)
    })
  return (
    <div className="tools">
      {!open && replayable && (
        <Button
          variant="default"
          leftSection={<IconRefresh size={16} />}
          onClick={again}
          title="With its recorded input and outcomes; nothing is done again"
        >
          Replay
        </Button>
      )}
    </div>
  )
}

function Summary({ run }: { run: Run }) {
  const { status, error, usage, startedAt, finishedAt, attempt, recovers } = run
  return (
    <section className="panel task-facts" aria-label="How it went">
      <dl>
        <div>
          <dt>State</dt>
          <dd>
            <RunMark status={status} />
          </dd>
        </div>
        {startedAt !== undefined && (
          <div>
            <dt>{finishedAt === undefined ? 'Began' : 'Took'}</dt>
            <dd className="num">{finishedAt === undefined ? fullTime(startedAt) : span(finishedAt - startedAt)}</dd>
          </div>
        )}
        <div>
          <dt>Attempts</dt>
          <dd>{attempt}</dd>
        </div>
        {usage !== undefined && (
          <div>
            <dt>Cost</dt>
            <dd>
              {money(usage.costUsd, usage.unpriced) || '$0.00'} <span className="dim">{tokensOf(usage)}</span>
            </dd>
          </div>
        )}
        {recovers !== undefined && (
          <div>
            <dt>{run.source === 'replay' ? 'Repeats' : 'Makes up for'}</dt>
            <dd>
              <a className="accent" href={hrefOf('tasks', run.taskId, recovers)}>
                an earlier run
              </a>
            </dd>
          </div>
        )}
      </dl>
      {run.source === 'dry' && <p className="dim">A dry run: what would change anything was shown, not done.</p>}
      {error !== undefined && <p className="notice">{error}</p>}
    </section>
  )
}

function Steps({ run, steps, now }: Known & { now: number }) {
  const [chosen, setChosen] = useState<string>()
  const outline = useAsked<{ steps: OutlineStep[] }>(taskPath(run.taskId, '/outline')).data?.steps ?? []
  const choose = (path: string) => setChosen(path === chosen ? undefined : path)
  const step = steps.find(({ path }) => path === chosen)
  const asking = steps.filter(
    ({ status, input }) => status === 'ambiguous' || (status === 'waiting' && questionIn(input)),
  )
  return (
    <section className="panel" aria-label="Steps">
      <h2>Steps</h2>
      {run.status === 'running' && asking.map((each) => <Question key={each.path} run={run} step={each} />)}
      {outline.length > 1 && (
        <Suspense>
          <Graph outline={outline} steps={steps} chosen={chosen} onChoose={choose} />
        </Suspense>
      )}
      <Gantt steps={steps} now={now} chosen={chosen} onChoose={choose} />
      {step === undefined ? (
        <p className="dim small">Choose a step to see what went in and what came out.</p>
      ) : (
        <Step step={step} />
      )}
    </section>
  )
}

function questionIn(input: unknown): string | undefined {
  const { approval } = (typeof input === 'object' && input !== null ? input : {}) as { approval?: unknown }
  return typeof approval === 'string' ? approval : undefined
}

/** A step that waits for the user: yes or no; or, where it was cut off, whether it happened. */
function Question({ run, step: { path, status, input } }: { run: Run; step: StepLog }) {
  const [note, setNote] = useState('')
  const answer = (given: object) =>
    act('The answer was not taken', () => post(runPath(run.id, '/answer'), { path, answer: given }))
  const said = note.trim() === '' ? {} : { note: note.trim() }
  if (status === 'ambiguous')
    return (
      <fieldset className="step-question" aria-label={`About ${path}`}>
        <p>
          <b>{path}</b> was cut off, and whether it took effect cannot be known.
        </p>
        <div className="tools">
          <Button size="xs" onClick={() => answer({ again: true })}>
            It did not: do it again
          </Button>
          <Button size="xs" variant="default" onClick={() => answer({ output: null })}>
            It did: go on
          </Button>
        </div>
      </fieldset>
    )
  return (
    <fieldset className="step-question" aria-label={`Question of ${path}`}>
      <p>
        <b>{questionIn(input)}</b>
      </p>
      <TextInput
        size="xs"
        aria-label="Note"
        placeholder="A note, if you like"
        value={note}
        onChange={(event) => setNote(event.currentTarget.value)}
      />
      <div className="tools">
        <Button size="xs" onClick={() => answer({ approved: true, ...said })}>
          Yes
        </Button>
        <Button size="xs" variant="default" onClick={() => answer({ approved: false, ...said })}>
          No
        </Button>
      </div>
    </fieldset>
  )
}

function Step({ step }: { step: StepLog }) {
  const { path, status, attempt, startedAt, finishedAt, error, input, output, sources = [] } = step
  return (
    <div className="step-detail" aria-live="polite">
      <h3>
        <code>{path}</code> {STEPS[status].word.toLowerCase()}
        {attempt > 1 && `, attempt ${attempt}`}
        {startedAt !== undefined && finishedAt !== undefined && `, ${span(finishedAt - startedAt)}`}
      </h3>
      {error !== undefined && <p className="reason">{error}</p>}
      {blockedIn(output) ? (
        <Value title="Would have done" value={blockedIn(output)} />
      ) : (
        <Value title="Came out" value={output} />
      )}
      <Value title="Went in" value={input} />
      {sources.length > 0 && (
        <>
          <h4 className="eyebrow">Where its values came from</h4>
          <ul className="rows small">
            {sources.map((source, i) => (
              <li key={`${i} ${JSON.stringify(source)}`} className="source">
                <SourceLine source={source} />
              </li>
            ))}
          </ul>
        </>
      )}
    </div>
  )
}

function blockedIn(output: unknown): unknown {
  const { blocked, would } = (typeof output === 'object' && output !== null ? output : {}) as {
    blocked?: unknown
    would?: unknown
  }
  return blocked === true ? would : undefined
}

function SourceLine({ source }: { source: NonNullable<StepLog['sources']>[number] }): ReactNode {
  return Object.entries(source).map(([key, value]) => (
    <span key={key}>
      <span className="dim">{key}</span> <code>{valueText(value)}</code>{' '}
    </span>
  ))
}

export function Value({ title, value }: { title: string; value: unknown }) {
  if (value === undefined || value === null) return null
  return (
    <section className="value" aria-label={title}>
      <h4 className="eyebrow">{title}</h4>
      <pre>{valueText(value)}</pre>
    </section>
  )
}
