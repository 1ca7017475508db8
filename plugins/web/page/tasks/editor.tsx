// plugins/web/page/tasks/editor.tsx: a task is made or changed: judged by the scheduler while it is written, its next runs shown before it is kept.
import { Button, Select, Skeleton } from '@mantine/core'
import type { Plan, Problem, Task } from '@pryx/plugin-scheduler/service'
import { type FormEvent, useEffect, useMemo, useState } from 'react'
import { post } from '../calls.ts'
import { plural } from '../format.ts'
import { SectionHead } from '../marks.tsx'
import { goTo, hrefOf } from '../route.ts'
import { act } from '../store.ts'
import { taskPath, useAsked } from './ask.ts'
import {
  changesOf,
  DEEDS,
  type Draft,
  draftOf,
  emptyDraft,
  problemsElsewhere,
  TRIGGERS,
  valueAt,
  withValue,
} from './draft.ts'
import { Choice, createForm, Field, type Form, Lines, Num, Text } from './fields.tsx'
import { Back } from './places.tsx'
import { AfterFailure, Misfire, Overlaps } from './policies.tsx'

const TYPING_MS = 200

interface Judged {
  problems: Problem[]
  plan?: Plan
}

export function Editor({ id }: { id?: string }) {
  const known = useAsked<{ task: Task }>(id === undefined ? undefined : taskPath(id))
  if (id === undefined) return <Written before={emptyDraft} />
  if (known.error !== undefined) return <SectionHead title="This task is not there" note={known.error.message} />
  if (known.data === undefined) return <Skeleton height={320} radius="lg" aria-label="Loading" />
  return <Written id={id} before={draftOf(known.data.task)} />
}

function Written({ id, before: given }: { id?: string; before: Draft }) {
  const [before] = useState(given) // what it was when the user began
  const [draft, setDraft] = useState(before)
  const [touched, setTouched] = useState<ReadonlySet<string>>(new Set())
  const [saving, setSaving] = useState(false)
  const judged = useJudged(draft, id)
  const form = createForm({
    draft,
    problems: judged?.problems ?? [],
    touched,
    set: (path, value) => setDraft((now) => withValue(now, path, value)),
    touch: (path) => setTouched((now) => new Set(now).add(path)),
  })
  const save = async (event: FormEvent) => {
    event.preventDefault()
    form.showAll(setTouched)
    setSaving(true)
    await act('It was not kept', async () => {
      const task =
        id === undefined
          ? post<Task>('/api/tasks', draft)
          : post<Task>(taskPath(id, '/update'), changesOf(before, draft))
      goTo('tasks', (await task).id)
    })
    setSaving(false)
  }
  const back = id === undefined ? hrefOf('tasks') : hrefOf('tasks', id)
  const left = judged?.problems.length ?? 0
  return (
    <>
      <Back to={back}>{id === undefined ? 'All tasks' : 'The task'}</Back>
      <SectionHead title={id === undefined ? 'New task' : `Change ${String(before.name)}`} />
      <form className="editor" onSubmit={save} noValidate>
        <div className="detail">
          <section className="panel fields" aria-label="What and when">
            <Text form={form} path="name" label="Name" autoFocus={id === undefined} />
            <Kind form={form} path="trigger" label="When" kinds={TRIGGERS} />
            <TriggerFields form={form} />
          </section>
          <section className="panel fields" aria-label="What it does">
            <Kind form={form} path="action" label="What it does" kinds={DEEDS} />
            <DeedFields form={form} />
          </section>
          <Rules form={form} />
        </div>
        <aside className="editor-side">
          <Preview judged={judged} draft={draft} form={form} />
          <div className="tools">
            <Button type="submit" loading={saving} disabled={left > 0 && touched.has('*')}>
              {id === undefined ? 'Keep it' : 'Save'}
            </Button>
            <Button component="a" variant="default" href={back}>
              Cancel
            </Button>
          </div>
        </aside>
      </form>
    </>
  )
}

/** The scheduler's verdict on what is written, a moment after it is. */
function useJudged(draft: Draft, id: string | undefined): Judged | undefined {
  const [judged, setJudged] = useState<Judged>()
  const text = useMemo(() => JSON.stringify(draft), [draft])
  useEffect(() => {
    let stale = false
    const timer = setTimeout(async () => {
      const found = await post<Judged>('/api/tasks/check', { task: draft, ...(id !== undefined && { id }) }).catch(
        () => undefined,
      )
      if (!stale && found !== undefined) setJudged(found)
    }, TYPING_MS)
    return () => {
      stale = true
      clearTimeout(timer)
    }
  }, [text, id])
  return judged
}

function Kind({
  form,
  path,
  label,
  kinds,
}: {
  form: Form
  path: string
  label: string
  kinds: Record<string, { title: string; begin: object }>
}) {
  const kind = String(valueAt(form.draft, `${path}.kind`))
  return (
    <Select
      label={label}
      value={kind}
      allowDeselect={false}
      data={Object.entries(kinds).map(([value, { title }]) => ({ value, label: title }))}
      onChange={(next) => next !== null && next !== kind && form.set(path, { kind: next, ...kinds[next]!.begin })}
    />
  )
}

function TriggerFields({ form }: { form: Form }) {
  const kind = valueAt(form.draft, 'trigger.kind')
  const zone = (
    <Text
      form={form}
      path="trigger.timeZone"
      label="Time zone"
      placeholder="the scheduler’s, such as Europe/Lisbon"
      optional
    />
  )
  switch (kind) {
    case 'phrase':
      return (
        <>
          <Text form={form} path="trigger.text" label="In plain words" placeholder="every weekday at 9am" />
          {zone}
        </>
      )
    case 'cron':
      return (
        <>
          <Text form={form} path="trigger.expression" label="Expression" mono />
          {zone}
        </>
      )
    case 'interval':
      return <Num form={form} path="trigger.everyMs" label="Every so many minutes" unit={60_000} />
    case 'once':
      return <Instant form={form} />
    case 'event':
      return (
        <>
          <Text form={form} path="trigger.pattern" label="Event" placeholder="order.*" mono />
          <Text
            form={form}
            path="trigger.where"
            label="Only where"
            placeholder="event.payload.size > 10"
            mono
            optional
          />
        </>
      )
    case 'file':
      return <Text form={form} path="trigger.path" label="File or folder of the workspace" placeholder="inbox" mono />
    case 'state':
      return (
        <>
          <Choice
            form={form}
            path="trigger.fact"
            label="What"
            data={[
              'cpu.percent',
              'memory.percentUsed',
              'memory.free',
              'disk.percentUsed',
              'disk.free',
              'battery.percent',
            ]}
          />
          <Choice form={form} path="trigger.is" label="Is" data={['above', 'below']} />
          <Num form={form} path="trigger.than" label="Than" />
          <Num form={form} path="trigger.forMs" label="For so many seconds" unit={1_000} />
        </>
      )
    case 'predicate':
      return (
        <Text form={form} path="trigger.expression" label="Condition" placeholder="facts.disk.percentUsed > 90" mono />
      )
    case 'webhook':
      return (
        <p className="dim small">Its address and secret are shown by `pryx tasks` and the service once it is kept.</p>
      )
    default:
      return <p className="dim small">It runs when you say so.</p>
  }
}

/** By the clock of this browser. */
function Instant({ form }: { form: Form }) {
  const at = valueAt(form.draft, 'trigger.at')
  const local =
    typeof at === 'number' ? new Date(at - new Date(at).getTimezoneOffset() * 60_000).toISOString().slice(0, 16) : ''
  return (
    <Field form={form} path="trigger" label="At">
      {(props) => (
        <input
          {...props}
          className="plain-input"
          type="datetime-local"
          value={local}
          onChange={(event) =>
            form.set(
              'trigger.at',
              event.currentTarget.value === '' ? undefined : new Date(event.currentTarget.value).getTime(),
            )
          }
        />
      )}
    </Field>
  )
}

function DeedFields({ form }: { form: Form }) {
  switch (valueAt(form.draft, 'action.kind')) {
    case 'notify':
      return <Lines form={form} path="action.text" label="Message" placeholder="Stand-up in five minutes" />
    case 'prompt':
      return (
        <>
          <Lines form={form} path="action.text" label="What the agent is asked" placeholder="Sum up the week" />
          <Text form={form} path="action.model" label="Model" placeholder="chosen by the router" mono optional />
        </>
      )
    case 'tool':
      return (
        <>
          <Text form={form} path="action.name" label="Tool" placeholder="backup.run" mono />
          <Json form={form} path="action.input" label="Input, as JSON" />
        </>
      )
    case 'shell':
      return (
        <>
          <Text form={form} path="action.command" label="Command" placeholder="rsync" mono />
          <Lines form={form} path="action.args" label="Arguments, one a line" list />
        </>
      )
    case 'http':
      return (
        <>
          <Choice
            form={form}
            path="action.method"
            label="Method"
            data={['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']}
          />
          <Text form={form} path="action.url" label="Address" placeholder="https://example.com/hook" mono />
          <Json form={form} path="action.body" label="Body, as JSON" />
        </>
      )
    case 'emit':
      return (
        <Text form={form} path="action.name" label="Event; flow. is put before it" placeholder="report.ready" mono />
      )
    case 'workflow':
      return typeof valueAt(form.draft, 'action.flow') === 'string' ? (
        <Lines form={form} path="action.flow" label="Steps, as YAML" mono />
      ) : (
        <Json form={form} path="action.flow" label="Steps, as JSON" />
      )
    default:
      return <p className="dim small">The plugin that owns it does the work when it is due.</p>
  }
}

function Json({ form, path, label }: { form: Form; path: string; label: string }) {
  const value = valueAt(form.draft, path)
  const [text, setText] = useState(value === undefined ? '' : JSON.stringify(value, undefined, 2))
  const [wrong, setWrong] = useState<string>()
  const take = (next: string) => {
    setText(next)
    try {
      form.set(path, next.trim() === '' ? undefined : JSON.parse(next))
      setWrong(undefined)
    } catch {
      setWrong('This is no JSON yet; what it was before is kept.')
    }
  }
  return (
    <Field form={form} path={path} label={label} error={wrong}>
      {(props) => (
        <textarea
          {...props}
          className="plain-input mono"
          rows={4}
          value={text}
          onChange={(event) => take(event.currentTarget.value)}
        />
      )}
    </Field>
  )
}

function Rules({ form }: { form: Form }) {
  return (
    <details className="panel rules">
      <summary>Rules: missed times, overlap, failures, retries, budget, tags</summary>
      <div className="fields">
        <Misfire form={form} />
        <Overlaps form={form} />
        <Choice form={form} path="priority" label="Priority" data={['high', 'medium', 'low']} />
        <Num form={form} path="timeoutMs" label="At most so many minutes a try" unit={60_000} />
        <Num form={form} path="retry.attempts" label="Tries after the first" />
        <Num form={form} path="retry.backoffMs" label="Seconds before the next try" unit={1_000} />
        <Num form={form} path="retry.jitter" label="Jitter, 0 to 1" />
        <Num form={form} path="budget.perRunUsd" label="Budget of a run, $" />
        <Num form={form} path="budget.perTaskUsd" label="Budget in all, $" />
        <Num form={form} path="budget.perMonthUsd" label="Budget of a month, $" />
        <Num
          form={form}
          path="expectWithinMs"
          label="Tell me if there is no success for so many hours"
          unit={3_600_000}
        />
        <Text form={form} path="group" label="Group" optional />
        <Lines form={form} path="tags" label="Tags, one a line" list />
        <AfterFailure form={form} />
      </div>
    </details>
  )
}

/** What the user is about to keep. */
function Preview({ judged, draft, form }: { judged: Judged | undefined; draft: Draft; form: Form }) {
  const others = problemsElsewhere(judged?.problems ?? [], form.shown)
  const phrase = valueAt(draft, 'trigger.text')
  const plan = judged?.plan
  return (
    <section className="panel preview" aria-label="Preview" aria-live="polite">
      <h2>Next runs</h2>
      {plan === undefined ? (
        <p className="dim">
          {phrase === '' ? 'Say when, and the next five runs are shown here.' : 'Not known yet: see what is marked.'}
        </p>
      ) : (
        <>
          <p>{plan.words}</p>
          {plan.expression !== undefined && (
            <p>
              <code>{plan.expression}</code>
            </p>
          )}
          {plan.nextText.length > 0 && (
            <ol className="rows num" aria-label="Next runs">
              {plan.nextText.slice(0, 5).map((text) => (
                <li key={text}>{text}</li>
              ))}
            </ol>
          )}
          <p className="dim small">Times of {plan.timeZone}</p>
        </>
      )}
      {others.map(({ path, message, hint }) => (
        <p key={`${path} ${message}`} className="notice" role="alert">
          {path !== '' && <code>{path} </code>}
          {message} {hint}
        </p>
      ))}
      {(judged?.problems.length ?? 0) > 0 && (
        <p className="small wait">{plural(judged!.problems.length, 'field')} to look at before it can be kept.</p>
      )}
    </section>
  )
}
