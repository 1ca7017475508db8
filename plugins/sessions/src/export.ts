// plugins/sessions/src/export.ts: a log as JSON (all of it) and as Markdown (to read).
//   X1  JSON is one event per line within an array, so that two exports of a growing log differ at the end only.
import type { SessionEvent } from './events.ts'
import type { Session } from './service.ts'

export function asJson(session: Session, events: readonly SessionEvent[], first: boolean, last: boolean): string {
  const { id, title, createdAt, branchOf } = session
  const head = JSON.stringify({ format: 'pryx-session', version: 1, session: { id, title, createdAt, branchOf } })
  const start = first ? `${head.slice(0, -1)},"events":[` : ''
  const lines = events.map((event) => `${event.version === 1 ? '' : ','}\n${JSON.stringify(event)}`)
  return `${start}${lines.join('')}${last ? '\n]}\n' : ''}`
}

export function asMarkdown(session: Session, events: readonly SessionEvent[], first: boolean): string {
  const start = first ? `# ${session.title.replaceAll('\n', ' ')}\n` : ''
  return start + events.map((event) => partOf(event)).join('')
}

function partOf(event: SessionEvent): string {
  const when = new Date(event.at).toISOString().slice(0, 16).replace('T', ' ')
  switch (event.kind) {
    case 'message': {
      const who = event.body.role === 'user' ? (event.body.origin ?? 'You') : (event.body.model ?? 'Agent')
      return `\n## ${who} · ${when} · ${event.surface}\n\n${event.body.text}\n`
    }
    case 'tool.requested':
      return `\n**${event.body.name}**\n\n${fenced(event.body.input)}`
    case 'tool.completed':
      return `\n**${event.body.name}**: ${event.body.outcome}\n\n${fenced(event.body.output)}`
    case 'summary':
      return `\n_Summary of the ${event.body.messages} messages above, for the model:_\n\n> ${event.body.text.replaceAll('\n', '\n> ')}\n`
    case 'run.finished':
      return event.body.status === 'ok' ? '' : `\n_${event.body.status}: ${event.body.error ?? ''}_\n`
    default:
      return ''
  }
}

/** A fence longer than any within. */
function fenced(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value, null, 2)
  const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map((run) => run.length))
  const fence = '`'.repeat(longest + 1)
  return `${fence}\n${text}\n${fence}\n`
}
