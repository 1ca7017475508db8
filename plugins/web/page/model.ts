// plugins/web/page/model.ts: what the page knows, and how it changes. Pure: messages in, a new model out.
//   M1  A question stands until it is answered, wherever; an older picture brings no answered question back and takes no new one away.
//   M2  Events are kept once each, in order, at most `MAX_EVENTS`.
import type { Ledger, PendingApproval, PermissionMode } from '@pryx/sdk'
import type { Heard } from '../src/events.ts'
import type { Picture } from '../src/watch.ts'
import { emptyHistory, type History, remember } from './history.ts'

const MAX_EVENTS = 1_000
const MAX_ALERTS = 50
const MAX_ANSWERED = 200
const MAX_SAMPLES = 60 // two minutes

/** `cpu`: share of one processor, 0 to 1. */
export interface Sample {
  cpu: number
  bytes: number
}

export interface Alert {
  seq: number
  at: number
  from: string
  title: string
  text: string
  level: 'info' | 'warning' | 'critical'
}

export interface Model {
  /** `locked`: the page must be opened with a link first. */
  link: 'connecting' | 'live' | 'away' | 'locked'
  picture: Picture | undefined
  approvals: readonly PendingApproval[]
  answered: readonly string[]
  events: readonly Heard[]
  alerts: readonly Alert[]
  /** By plugin; `''` is the whole host. Oldest first. */
  samples: Readonly<Record<string, readonly Sample[]>>
  /** What each plugin used over the last minutes. */
  history: History
}

export type Message =
  | { t: 'link'; link: Model['link'] }
  | { t: 'loaded'; picture: Picture; events: readonly Heard[] }
  | { t: 'picture'; picture: Picture }
  | { t: 'ledger'; ledger: Ledger }
  | { t: 'heard'; event: Heard }
  | { t: 'answered'; id: string }
  | { t: 'permission'; plugin: string; permission: string; mode: PermissionMode }

export const emptyModel: Model = {
  link: 'connecting',
  picture: undefined,
  approvals: [],
  answered: [],
  events: [],
  alerts: [],
  samples: {},
  history: emptyHistory,
}

export function update(model: Model, message: Message): Model {
  switch (message.t) {
    case 'link':
      return model.link === message.link ? model : { ...model, link: message.link }
    case 'loaded': {
      const heard = message.events.reduce(withEvent, { ...model, events: [], alerts: [], approvals: [] } as Model)
      return withPicture(heard, message.picture)
    }
    case 'picture':
      return withPicture(model, message.picture)
    case 'ledger':
      return { ...model, history: remember(model.history, message.ledger) }
    case 'heard':
      return withEvent(model, message.event)
    case 'answered':
      return withoutApproval(model, message.id)
    case 'permission':
      return withPermission(model, message)
  }
}

/** Reads a value of unknown shape; a field that is not there is undefined. */
export function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

function withPicture(model: Model, picture: Picture): Model {
  if (model.picture !== undefined && picture.at < model.picture.at) return model
  const answered = new Set(model.answered)
  const newer = model.approvals.filter((asked) => asked.askedAt >= picture.at)
  const ids = new Set(newer.map((asked) => asked.id))
  const approvals = [...picture.approvals.filter(({ id }) => !answered.has(id) && !ids.has(id)), ...newer] // M1
  const plugins = picture.plugins.map(({ id, usage }) => ({ plugin: id, ...usage }))
  const history = remember(model.history, { at: picture.at, plugins })
  return { ...model, picture, approvals, samples: withSamples(model, picture), history }
}

function withEvent(model: Model, event: Heard): Model {
  const last = model.events.at(-1)
  if (last !== undefined && event.seq <= last.seq) return model // M2
  const events = [...model.events.slice(-(MAX_EVENTS - 1)), event]
  const next = { ...model, events }
  if (event.name === 'approval.needed') return withApproval(next, event)
  if (event.name === 'approval.resolved') return withoutApproval(next, String(fieldsOf(event.data).id))
  if (event.name === 'alert.raised') return { ...next, alerts: [alertOf(event), ...model.alerts].slice(0, MAX_ALERTS) }
  return next
}

function withApproval(model: Model, event: Heard): Model {
  const asked = { askedAt: event.at, ...fieldsOf(event.data) } as PendingApproval
  const known = model.answered.includes(asked.id) || model.approvals.some(({ id }) => id === asked.id)
  return known || typeof asked.id !== 'string' ? model : { ...model, approvals: [...model.approvals, asked] }
}

function withoutApproval(model: Model, id: string): Model {
  const approvals = model.approvals.filter((asked) => asked.id !== id)
  return { ...model, approvals, answered: [...model.answered.slice(-MAX_ANSWERED), id] }
}

function withPermission(model: Model, change: Extract<Message, { t: 'permission' }>): Model {
  if (model.picture === undefined) return model
  const plugins = model.picture.plugins.map((plugin) =>
    plugin.id !== change.plugin
      ? plugin
      : {
          ...plugin,
          permissions: plugin.permissions.map((status) =>
            status.permission === change.permission ? { ...status, mode: change.mode } : status,
          ),
        },
  )
  return { ...model, picture: { ...model.picture, plugins } }
}

function withSamples(model: Model, picture: Picture): Model['samples'] {
  const before = model.picture
  const passedMs = before === undefined ? 0 : picture.at - before.at
  const samples: Record<string, readonly Sample[]> = {}
  let cpu = 0
  for (const { id, usage } of picture.plugins) {
    const earlier = before?.plugins.find((plugin) => plugin.id === id)?.usage.cpuMs ?? usage.cpuMs
    const own = passedMs > 0 ? Math.max(0, usage.cpuMs - earlier) / passedMs : 0
    cpu += own
    samples[id] = appended(model.samples[id], { cpu: own, bytes: usage.heapBytes })
  }
  samples[''] = appended(model.samples[''], { cpu, bytes: memoryOf(picture) })
  return samples
}

/** Resident memory of the kernel and all its processes, bytes. */
export function memoryOf({ host }: Picture): number {
  return host.processes.reduce((sum, { rssBytes }) => sum + rssBytes, host.rssBytes)
}

function appended(samples: readonly Sample[] = [], sample: Sample): readonly Sample[] {
  return [...samples.slice(-(MAX_SAMPLES - 1)), sample]
}

/** Plugins word alerts in their own way: `title` and `text`, or, of a log, `file` and `line`. What is missing is filled in. */
function alertOf({ seq, at, from, data }: Heard): Alert {
  const fields = fieldsOf(data)
  const words = ['title', 'message', 'text', 'detail', 'line'].map((key) => fields[key]).filter(isText)
  const file = isText(fields.file) ? fields.file : undefined
  if (file !== undefined && !isText(fields.title)) words.unshift(`Trouble in ${file.split('/').at(-1)}`)
  const times = Number(fields.count) > 1 ? ` (${String(fields.count)} times)` : ''
  const source = file ?? fields.source
  const grade = String(fields.severity ?? fields.level ?? 'warning')
  return {
    seq,
    at,
    from: isText(source) ? `${from} · ${source}` : from,
    title: words[0] ?? 'Alert',
    text: (words.slice(1).join(' ') || (isText(data) ? data : '')) + times,
    level: /crit|error|high|fatal/.test(grade) ? 'critical' : /info|low|debug/.test(grade) ? 'info' : 'warning',
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}
