// packages/pryx/src/cli/task-aids.ts: beside the tasks themselves: templates, notices, and where a webhook is called.
import { UsageError } from '@pryx/kernel/contract'
import { dateTime, safe, table } from '../terminal/style.ts'
import type { Output } from './output.ts'
import type { CommonOptions } from './target.ts'
import { connect, find } from './tasks.ts'

interface Template {
  id: string
  title: string
  description: string
  permissions: string[]
  estimatedCost: string
  parameters: { properties?: Record<string, { description?: string; default?: unknown }>; required?: string[] }
}

interface Notice {
  id: string
  at: number
  level: string
  title: string
  text: string
  escalates: boolean
  acknowledgedBy?: string
}

export async function listTemplates(output: Output, options: CommonOptions): Promise<void> {
  const templates = await (await connect(options))<Template[]>('templates')
  const { style } = output
  const text = templates.map(({ id, description, permissions, estimatedCost, parameters }) =>
    [
      `${style.bold(safe(id))}  ${safe(description)}`,
      `  ${style.dim('needs')}  ${safe(permissions.join('; ') || 'nothing')}`,
      `  ${style.dim('costs')}  ${safe(estimatedCost)}`,
      ...Object.entries(parameters.properties ?? {}).map(([name, { description = '', default: standard }]) => {
        const must = parameters.required?.includes(name) ? ' (must be set)' : ''
        const usual = standard === undefined ? '' : ` Default: ${JSON.stringify(standard)}`
        return `  --set ${safe(name)}=…${must}  ${style.dim(safe(`${description}${usual}`, 120))}`
      }),
    ].join('\n'),
  )
  output.result(templates, text.join('\n\n'))
}

/** @param options `set`: `name=value`; values that are JSON are read as such, others are text. */
export async function useTemplate(
  output: Output,
  options: CommonOptions & { set?: string[] },
  template: string,
  name: string,
): Promise<void> {
  const parameters = Object.fromEntries((options.set ?? []).map(parameter))
  const task = await (await connect(options))<{ id: string }>('fromTemplate', template, name, parameters)
  output.result(
    task,
    `${output.style.green('✔')} ${safe(name)} is kept. \`pryx tasks dry ${safe(name)}\` tries it out.`,
  )
}

export async function listNotices(output: Output, options: CommonOptions): Promise<void> {
  const notices = await (await connect(options))<Notice[]>('notices', 50)
  const { style } = output
  const rows = notices.map(({ id, at, level, title, text, escalates, acknowledgedBy }) => [
    level === 'error' ? style.red('●') : level === 'warning' ? style.yellow('●') : style.dim('●'),
    dateTime(at),
    style.bold(safe(title, 80)),
    safe(text, 100),
    acknowledgedBy !== undefined ? style.dim(`seen by ${safe(acknowledgedBy, 40)}`) : escalates ? 'comes again' : '',
    style.dim(safe(id, 120)),
  ])
  output.result(notices, rows.length === 0 ? 'There was nothing to tell.' : table(rows))
}

export async function acknowledge(output: Output, options: CommonOptions, id: string): Promise<void> {
  const done = await (await connect(options))<boolean>('acknowledge', id)
  output.result(
    { done },
    done ? `${output.style.green('✔')} It does not come again.` : 'It was acknowledged before, or is not there.',
  )
}

export async function showWebhook(output: Output, options: CommonOptions, wanted: string): Promise<void> {
  const ask = await connect(options)
  const { task } = await find(ask, wanted)
  const hook = await ask<{ url: string; secret: string }>('webhook', task.id)
  output.note('Whoever has the secret can start this task: it belongs in the sender’s vault.')
  output.result(hook, `${safe(hook.url)}\n${safe(hook.secret)}`)
}

function parameter(text: string): [string, unknown] {
  const at = text.indexOf('=')
  if (at < 1) throw new UsageError('USAGE_SET', `“${safe(text, 60)}” sets nothing`, { hint: 'Write --set name=value.' })
  const value = text.slice(at + 1)
  try {
    return [text.slice(0, at), JSON.parse(value)]
  } catch {
    return [text.slice(0, at), value]
  }
}
