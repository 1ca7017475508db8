// plugins/web/page/tasks/templates.tsx: tasks that are nearly ready, and documents of tasks taken in and given out (S6 S12).
import { Button, FileButton, Textarea, TextInput } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import type { ImportResult, Task, TemplateView } from '@pryx/plugin-scheduler/service'
import { useState } from 'react'
import { post, type Refusal } from '../calls.ts'
import { plural } from '../format.ts'
import { Empty, SectionHead } from '../marks.tsx'
import { goTo } from '../route.ts'
import { act } from '../store.ts'
import { useAsked } from './ask.ts'
import { Back } from './places.tsx'
import { fieldsOfTemplate, parametersOf, type TemplateField } from './template-fields.ts'

export function Templates() {
  const { data, error } = useAsked<{ templates: TemplateView[] }>('/api/tasks/templates')
  return (
    <>
      <Back />
      <SectionHead title="Templates" note="Fill in what is yours; everything can be changed afterwards">
        <Import />
      </SectionHead>
      {error !== undefined && <Empty>{error.message}</Empty>}
      <div className="gallery">
        {data?.templates.map((template) => (
          <Card key={template.id} template={template} />
        ))}
      </div>
    </>
  )
}

function Card({ template }: { template: TemplateView }) {
  const { id, title, description, permissions, estimatedCost } = template
  const [open, setOpen] = useState(false)
  return (
    <section className="panel card" aria-label={title}>
      <h2>{title}</h2>
      <p>{description}</p>
      <dl className="small">
        <dt className="dim">Needs</dt>
        <dd>{permissions.join('; ')}</dd>
        <dt className="dim">Costs</dt>
        <dd>{estimatedCost}</dd>
      </dl>
      {open ? (
        <Fill template={template} onClose={() => setOpen(false)} />
      ) : (
        <Button variant="default" onClick={() => setOpen(true)} aria-label={`Use ${title}`} data-template={id}>
          Use it
        </Button>
      )}
    </section>
  )
}

function Fill({ template, onClose }: { template: TemplateView; onClose(): void }) {
  const fields = fieldsOfTemplate(template.parameters)
  const [name, setName] = useState(template.title)
  const [texts, setTexts] = useState<Record<string, string>>({})
  const [wrong, setWrong] = useState<string>()
  const make = async () => {
    try {
      const task = await post<Task>(`/api/tasks/templates/${template.id}`, {
        name,
        parameters: parametersOf(fields, texts),
      })
      goTo('tasks', task.id)
    } catch (error) {
      const { message, hint } = error as Refusal
      setWrong([message, hint].filter(Boolean).join('. '))
    }
  }
  return (
    <form
      className="fields"
      noValidate
      onSubmit={(event) => {
        event.preventDefault()
        void make()
      }}
    >
      <TextInput size="xs" label="Name" value={name} onChange={(event) => setName(event.currentTarget.value)} />
      {fields.map((field) => (
        <Parameter
          key={field.name}
          field={field}
          value={texts[field.name]}
          onChange={(text) => setTexts({ ...texts, [field.name]: text })}
        />
      ))}
      {wrong !== undefined && (
        <p className="notice" role="alert">
          {wrong}
        </p>
      )}
      <div className="tools">
        <Button size="xs" type="submit">
          Make the task
        </Button>
        <Button size="xs" variant="default" onClick={onClose}>
          Cancel
        </Button>
      </div>
    </form>
  )
}

function Parameter({
  field,
  value,
  onChange,
}: {
  field: TemplateField
  value: string | undefined
  onChange(text: string): void
}) {
  const { title, needed, begin, kind } = field
  const common = { size: 'xs', label: title, withAsterisk: needed, value: value ?? begin } as const
  return kind === 'list' ? (
    <Textarea {...common} description="One a line" rows={2} onChange={(event) => onChange(event.currentTarget.value)} />
  ) : (
    <TextInput {...common} onChange={(event) => onChange(event.currentTarget.value)} />
  )
}

function Import() {
  const take = (file: File | null) => {
    if (file === null) return
    void act('Nothing was taken in', async () => {
      const { created, updated, unchanged } = await post<ImportResult>('/api/tasks/import', { text: await file.text() })
      const text = `${plural(created.length, 'task')} made, ${updated.length} updated, ${unchanged.length} as they were.`
      notifications.show({ color: 'teal', title: file.name, message: text })
      goTo('tasks')
    })
  }
  return (
    <FileButton onChange={take} accept=".json,.yaml,.yml,application/json">
      {(props) => (
        <Button {...props} variant="default">
          Import a file
        </Button>
      )}
    </FileButton>
  )
}
