// plugins/web/page/tasks/template-fields.ts: the parameters of a template as fields of a form, and back. Pure; the scheduler judges them.

export interface TemplateField {
  name: string
  title: string
  kind: 'text' | 'number' | 'list'
  needed: boolean
  /** What stands in it at first. */
  begin: string
}

interface Property {
  type?: unknown
  default?: unknown
}

/** @param schema JSON Schema of an object. */
export function fieldsOfTemplate(schema: Record<string, unknown>): TemplateField[] {
  const needed = Array.isArray(schema.required) ? schema.required : []
  return Object.entries((schema.properties ?? {}) as Record<string, Property>).map(([name, property]) => ({
    name,
    title: titleOf(name),
    kind:
      property.type === 'array'
        ? 'list'
        : property.type === 'number' || property.type === 'integer'
          ? 'number'
          : 'text',
    needed: needed.includes(name) && property.default === undefined,
    begin: textOf(property.default),
  }))
}

/** What is empty is left out, so that the template's own values stand. */
export function parametersOf(
  fields: readonly TemplateField[],
  texts: Readonly<Record<string, string>>,
): Record<string, unknown> {
  return Object.fromEntries(
    fields.flatMap(({ name, kind, begin }): [string, unknown][] => {
      const text = (texts[name] ?? begin).trim()
      if (text === '') return []
      if (kind === 'list') return [[name, text.split('\n').filter(Boolean)]]
      return [[name, kind === 'number' && Number.isFinite(Number(text)) ? Number(text) : text]]
    }),
  )
}

/** `perRunUsd` becomes “Per run usd”. */
function titleOf(name: string): string {
  const words = name.replace(/([A-Z])/g, ' $1').toLowerCase()
  return words.charAt(0).toUpperCase() + words.slice(1)
}

function textOf(value: unknown): string {
  if (value === undefined) return ''
  return Array.isArray(value) ? value.join('\n') : String(value)
}
