// plugins/web/page/tasks/policies.tsx: fields of the editor for what happens when a time was missed, when a run meets the one before, and when it fails for good.
import { Button, CloseButton, Menu, Select, TextInput } from '@mantine/core'
import { kindOf, valueAt } from './draft.ts'
import type { Form } from './fields.tsx'

type Step = Record<string, unknown> & { kind: string }

/** A policy that is a word, or an object with a `kind` and one number. */
interface Policy {
  label: string
  /** What it begins with when it is chosen. */
  begin: string | Step
  /** Its number: which key, and what it says. */
  number?: readonly [key: string, label: string]
}

const MISFIRES: Record<string, Policy> = {
  'run-once': { label: 'run once for all of them', begin: 'run-once' },
  'run-all': {
    label: 'run each of them',
    begin: { kind: 'run-all', limit: 10 },
    number: ['limit', 'At most so many'],
  },
  skip: { label: 'leave it, and say so', begin: 'skip' },
}

const OVERLAPS: Record<string, Policy> = {
  skip: { label: 'skip this one', begin: 'skip' },
  queue: { label: 'wait behind it', begin: 'queue' },
  'cancel-old': { label: 'end the older', begin: 'cancel-old' },
  allow: {
    label: 'run side by side',
    begin: { kind: 'allow', max: 2 },
    number: ['max', 'At most so many side by side'],
  },
}

const FAILURES: Record<string, { label: string; begin: Step }> = {
  notify: { label: 'Tell me', begin: { kind: 'notify' } },
  pause: { label: 'Pause the task', begin: { kind: 'pause', after: 3 } },
  task: { label: 'Run another task', begin: { kind: 'task', name: '' } },
  escalate: { label: 'Tell me until I acknowledge', begin: { kind: 'escalate', everyMs: 900_000, times: 4 } },
}

export function Misfire({ form }: { form: Form }) {
  return <PolicyField form={form} path="misfire" label="If its time was missed" policies={MISFIRES} />
}

export function Overlaps({ form }: { form: Form }) {
  return <PolicyField form={form} path="overlap" label="If the run before still works" policies={OVERLAPS} />
}

interface PolicyProps {
  form: Form
  path: string
  label: string
  policies: Record<string, Policy>
}

function PolicyField({ form, path, label, policies }: PolicyProps) {
  const value = valueAt(form.draft, path)
  const kind = kindOf(value)
  const number = kind === undefined ? undefined : policies[kind]?.number
  return (
    <>
      <Select
        label={label}
        placeholder="as usual"
        clearable
        value={kind ?? null}
        data={Object.entries(policies).map(([value, { label }]) => ({ value, label }))}
        error={number === undefined && form.problem(path)}
        onChange={(next) => next !== kind && form.set(path, next === null ? undefined : policies[next]!.begin)}
      />
      {number !== undefined && (
        <Count
          label={number[1]}
          value={(value as Step)[number[0]]}
          error={form.problem(path)}
          onChange={(n) => form.set(`${path}.${number[0]}`, n)}
        />
      )}
    </>
  )
}

/** What follows the last failed attempt, in order. */
export function AfterFailure({ form }: { form: Form }) {
  const value = valueAt(form.draft, 'onFailure')
  const steps = Array.isArray(value) ? (value as Step[]) : []
  const set = (next: readonly Step[]) => form.set('onFailure', next.length === 0 ? undefined : next)
  const change = (at: number, key: string, to: unknown) =>
    set(steps.map((step, i) => (i === at ? { ...step, [key]: to } : step)))
  const wrong = form.problem('onFailure')
  return (
    <fieldset className="after-failure">
      <legend>When the last try has failed, in this order</legend>
      {steps.length === 0 && <p className="dim small">You are told.</p>}
      <ol className="bare">
        {steps.map((step, i) => (
          <li key={i}>
            <span>{FAILURES[step.kind]?.label ?? step.kind}</span>
            {step.kind === 'pause' && (
              <Count label="after so many failed runs" value={step.after} onChange={(n) => change(i, 'after', n)} />
            )}
            {step.kind === 'task' && (
              <TextInput
                aria-label="Its name"
                placeholder="its name"
                value={String(step.name)}
                onChange={({ currentTarget }) => change(i, 'name', currentTarget.value)}
              />
            )}
            {step.kind === 'escalate' && (
              <>
                <Count
                  label="every so many minutes"
                  value={step.everyMs}
                  unit={60_000}
                  onChange={(n) => change(i, 'everyMs', n)}
                />
                <Count label="so many times" value={step.times} onChange={(n) => change(i, 'times', n)} />
              </>
            )}
            <CloseButton
              aria-label={`Leave out: ${FAILURES[step.kind]?.label}`}
              onClick={() => set(steps.filter((_, at) => at !== i))}
            />
          </li>
        ))}
      </ol>
      {wrong !== undefined && (
        <p className="small reason" role="alert">
          {wrong}
        </p>
      )}
      <Menu>
        <Menu.Target>
          <Button variant="default" size="xs">
            Add
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {Object.entries(FAILURES).map(([kind, { label, begin }]) => (
            <Menu.Item key={kind} onClick={() => set([...steps, begin])}>
              {label}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
    </fieldset>
  )
}

interface CountProps {
  label: string
  value: unknown
  /** The field counts in so many of what is kept. */
  unit?: number
  error?: string | undefined
  onChange(value: unknown): void
}

/** What is no number is kept as it is written: the scheduler says what is wrong with it. */
function Count({ label, value, unit = 1, error, onChange }: CountProps) {
  return (
    <TextInput
      label={label}
      inputMode="numeric"
      value={typeof value === 'number' ? String(value / unit) : String(value ?? '')}
      error={error}
      onChange={({ currentTarget }) => {
        const n = Number(currentTarget.value)
        onChange(currentTarget.value.trim() === '' || !Number.isFinite(n) ? currentTarget.value : n * unit)
      }}
    />
  )
}
