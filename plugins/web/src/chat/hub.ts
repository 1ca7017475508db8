// plugins/web/src/chat/hub.ts: what is told of sessions on the bus, checked, and handed to the pages that look at that session.
//   U1  Only what the sessions plugin itself says counts: an event of the same name from elsewhere never stands in a conversation.
import { type SessionEvent, sessionEvents } from '@pryx/plugin-sessions/service'
import type { EventInfo, EventToken } from '@pryx/sdk'
import { createLiveAnswers, type Delta, type InTheMaking } from './live.ts'

/** What a page is told of the session it looks at. */
export type Told =
  | { t: 'entry'; entry: SessionEvent }
  | { t: 'delta'; delta: Delta }
  | { t: 'typing'; surface: string; on: boolean }

export interface ChatHub {
  /** Takes note of a `session.*` event. @returns Whether it passes by and is kept nowhere. */
  heard(name: string, data: unknown, info: Pick<EventInfo, 'from'>): boolean
  listen(session: string, hear: (told: Told) => void): () => void
  inTheMaking(session: string): InTheMaking | undefined
}

/** @param owner Id of the plugin that provides sessions. */
export function createChatHub(owner = 'sessions'): ChatHub {
  const listeners = new Map<string, Set<(told: Told) => void>>()
  const live = createLiveAnswers()
  return {
    heard(name, data, { from }) {
      if (from === owner) take(name, data) // U1
      return name === 'session.delta' || name === 'session.typing'
    },
    listen(session, hear) {
      const hearers = listeners.get(session) ?? new Set()
      listeners.set(session, hearers.add(hear))
      return () => {
        hearers.delete(hear)
        if (hearers.size === 0 && listeners.get(session) === hearers) listeners.delete(session)
      }
    },
    inTheMaking: (session) => live.of(session),
  }

  function take(name: string, data: unknown): void {
    if (name === 'session.delta') {
      const delta = parsed<Delta>(sessionEvents.delta, data)
      if (delta === undefined) return
      live.piece(delta)
      return tell(delta.session, { t: 'delta', delta })
    }
    if (name === 'session.typing') {
      const typing = parsed<{ session: string; surface: string; on: boolean }>(sessionEvents.typing, data)
      return typing && tell(typing.session, { t: 'typing', surface: typing.surface, on: typing.on })
    }
    const entry = asEntry(name, data)
    if (entry === undefined) return
    if (isAnswer(entry)) live.end(entry.session)
    tell(entry.session, { t: 'entry', entry })
  }

  function tell(session: string, told: Told): void {
    for (const hear of [...(listeners.get(session) ?? [])]) hear(told)
  }
}

function parsed<T>({ schema }: Pick<EventToken<unknown>, 'schema'>, data: unknown): T | undefined {
  return schema.safeParse(data).data as T | undefined
}

function asEntry(name: string, data: unknown): SessionEvent | undefined {
  const token = name.startsWith('session.') && sessionEvents[name.slice(8) as keyof typeof sessionEvents]
  if (!token || name === 'session.changed') return undefined
  return parsed<SessionEvent>(token, data)
}

/** After it, what was in the making is in the log. */
export function isAnswer({ kind, body }: SessionEvent): boolean {
  return kind === 'run.finished' || (kind === 'message' && (body as { role: string }).role === 'assistant')
}
