// plugins/web/page/tasks/fields.tsx: fields of the editor: each shows the scheduler's own words where it is wrong, once the user has been there.
import { Input, Select, Textarea, TextInput } from '@mantine/core'
import type { Problem } from '@pryx/plugin-scheduler/service'
import { type ReactNode, useId, useState } from 'react'
import { type Draft, problemAt, valueAt } from './draft.ts'

/** All fields are shown as looked at once it was tried to save. */
const ALL = '*'

export interface Form {
  draft: Draft
  set(path: string, value: unknown): void
  touch(path: string): void
  /** What is wrong in the field, if the user has been there or something stands in it. */
  problem(path: string): string | undefined
  /** Paths that have a field. */
  shown: string[]
  showAll(set: (touched: ReadonlySet<string>) => void): void
}

export interface FormState extends Pick<Form, 'draft' | 'set' | 'touch'> {
  problems: readonly Problem[]
  touched: ReadonlySet<string>
}

export function createForm({ draft, set, touch, problems, touched }: FormState): Form {
  return {
    ...{ draft, set, touch },
    problem(path) {
      const value = valueAt(draft, path)
      const begun = value !== undefined && value !== ''
      return begun || touched.has(path) || touched.has(ALL) ? problemAt(problems, path) : undefined
    },
    shown: SHOWN,
    showAll: (set) => set(new Set([...touched, ALL])),
  }
}

/** What the form has fields for; a problem of another place is shown beside the preview. */
const SHOWN = [
  ...[
    'name',
    'trigger',
    'action',
    'misfire',
    'overlap',
    'onFailure',
    'priority',
    'timeoutMs',
    'retry',
    'budget',
    'expectWithinMs',
    'group',
    'tags',
  ],
]

interface FieldProps {
  form: Form
  path: string
  label: string
}

interface TextProps extends FieldProps {
  placeholder?: string
  mono?: boolean
  autoFocus?: boolean
  /** Empty takes it away. */
  optional?: boolean
}

export function Text({ form, path, label, placeholder, mono, autoFocus = false, optional = false }: TextProps) {
  const value = valueAt(form.draft, path)
  return (
    <TextInput
      label={label}
      placeholder={placeholder ?? ''}
      {...(mono && { className: 'mono' })}
      data-autofocus={autoFocus || undefined}
      value={typeof value === 'string' ? value : ''}
      error={form.problem(path)}
      onBlur={() => form.touch(path)}
      onChange={({ currentTarget: { value } }) => form.set(path, optional && value === '' ? undefined : value)}
    />
  )
}

/** @param list Lines are the items of a list. */
export function Lines({ form, path, label, placeholder, mono, list = false }: TextProps & { list?: boolean }) {
  const value = valueAt(form.draft, path)
  const [text, setText] = useState(Array.isArray(value) ? value.join('\n') : typeof value === 'string' ? value : '')
  const shown = list ? text : typeof value === 'string' ? value : ''
  return (
    <Textarea
      label={label}
      placeholder={placeholder ?? ''}
      rows={list ? 3 : mono ? 10 : 3}
      {...(mono && { className: 'mono' })}
      value={shown}
      error={form.problem(path)}
      onBlur={() => form.touch(path)}
      onChange={({ currentTarget: { value } }) => {
        setText(value)
        const items = value.split('\n').filter((line) => line !== '')
        form.set(path, list ? (items.length === 0 && path === 'tags' ? undefined : items) : value)
      }}
    />
  )
}

/** @param unit The field counts in so many of what is kept. */
export function Num({ form, path, label, unit = 1 }: FieldProps & { unit?: number }) {
  const value = valueAt(form.draft, path)
  const [text, setText] = useState(typeof value === 'number' ? String(value / unit) : '')
  return (
    <TextInput
      label={label}
      inputMode="decimal"
      value={text}
      error={form.problem(path)}
      onBlur={() => form.touch(path)}
      onChange={({ currentTarget: { value } }) => {
        setText(value)
        const n = Number(value)
        form.set(
          path,
          value.trim() === '' ? undefined : Number.isFinite(n) ? (unit === 1 ? n : Math.round(n * unit)) : value,
        )
      }}
    />
  )
}

type Data = readonly (string | { value: string; label: string })[]

export function Choice({ form, path, label, data }: FieldProps & { data: Data }) {
  const value = valueAt(form.draft, path)
  return (
    <Select
      label={label}
      placeholder="as usual"
      clearable
      value={typeof value === 'string' ? value : null}
      data={[...data]}
      error={form.problem(path)}
      onChange={(next) => form.set(path, next ?? undefined)}
    />
  )
}

/** Around an input of the browser's own. */
export function Field({
  form,
  path,
  label,
  error,
  children,
}: FieldProps & { error?: string | undefined; children(props: object): ReactNode }) {
  const id = useId()
  const wrong = error ?? form.problem(path)
  return (
    <Input.Wrapper id={id} label={label} error={wrong}>
      {children({ id, 'aria-invalid': wrong !== undefined, onBlur: () => form.touch(path) })}
    </Input.Wrapper>
  )
}
