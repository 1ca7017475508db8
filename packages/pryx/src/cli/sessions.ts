// packages/pryx/src/cli/sessions.ts: `pryx sessions`. Sessions are a plugin like any other: it is asked through the service it provides.
import { createTranscript } from '../chat/transcript.ts'
import { type FoundLine, type LogEvent, type SessionLine, wireTo } from '../chat/wire.ts'
import { dateTime, safe, table } from '../terminal/style.ts'
import type { Output } from './output.ts'
import { type CommonOptions, runningHost } from './target.ts'

const PAGE = 200

export async function listSessions(
  output: Output,
  options: CommonOptions & { archived?: boolean; number?: number },
): Promise<void> {
  const { sessions } = await connect(options)
  const { archived = false, number: limit = 20 } = options
  const list = await sessions<SessionLine[]>('list', { archived, limit: Math.min(limit, 200) })
  const { style } = output
  const rows = list.map((one) => [
    style.bold(safe(one.id, 40)),
    safe(one.title, 60),
    style.dim(dateTime(one.updatedAt)),
    `${one.version} entries`,
    one.run === undefined ? '' : style.cyan('runs'),
  ])
  output.result(list, rows.length > 0 ? table(rows) : archived ? 'Nothing is archived.' : 'There are no sessions yet.')
}

export async function showSession(
  output: Output,
  options: CommonOptions & { number?: number },
  id: string,
): Promise<void> {
  const { sessions } = await connect(options)
  const session = await sessions<SessionLine>('get', id)
  const events = await entries(sessions, id, Math.max(0, session.version - (options.number ?? 50)))
  const lines: string[] = []
  const { style } = output
  const view = createTranscript({
    write: (text) => void lines.push(text),
    style,
    colors: style.isColorSupported,
    width: () => process.stdout.columns || 80,
  })
  for (const event of events) view.entry(event, true)
  const head = style.dim(`── ${safe(session.title)} (${safe(id)}) · ${session.version} entries ──`)
  output.result({ session, events }, `${head}\n${lines.join('').trimEnd()}`)
}

export async function searchSessions(
  output: Output,
  options: CommonOptions & { session?: string },
  words: readonly string[],
): Promise<void> {
  const { sessions } = await connect(options)
  const filter = options.session === undefined ? {} : { session: options.session }
  const found = await sessions<FoundLine[]>('search', words.join(' '), filter)
  const { style } = output
  const lines = found.map(
    (one) =>
      `${style.bold(safe(one.session, 40))} ${safe(one.title, 60)} ${style.dim(`${dateTime(one.at)} · entry ${one.version}`)}\n  ${safe(one.snippet).replace(/«(.*?)»/g, (_, hit: string) => style.yellow(hit))}`,
  )
  output.result(found, lines.join('\n') || 'No message has all these words.')
}

export async function exportSession(
  output: Output,
  options: CommonOptions & { format?: 'markdown' | 'json' },
  id: string,
): Promise<void> {
  const { sessions } = await connect(options)
  const format = output.json ? 'json' : (options.format ?? 'markdown')
  for (let after: number | undefined = 0; after !== undefined; ) {
    const page: { text: string; next?: number } = await sessions('exportPage', id, format, after)
    process.stdout.write(page.text)
    after = page.next
  }
}

export async function archiveSession(
  output: Output,
  options: CommonOptions & { undo?: boolean },
  id: string,
): Promise<void> {
  const { sessions } = await connect(options)
  const session = await sessions<SessionLine>('archive', id, options.undo !== true)
  output.result(session, `${safe(session.title)} is ${options.undo ? 'back' : 'archived'}.`)
}

async function connect(options: CommonOptions) {
  return wireTo(await runningHost(options))
}

async function entries(
  sessions: Awaited<ReturnType<typeof connect>>['sessions'],
  id: string,
  after: number,
): Promise<LogEvent[]> {
  const all: LogEvent[] = []
  for (let more = true; more; ) {
    const page: { events: LogEvent[]; more: boolean } = await sessions('events', id, {
      after: all.at(-1)?.version ?? after,
      limit: PAGE,
    })
    all.push(...page.events)
    more = page.more && page.events.length > 0
  }
  return all
}
