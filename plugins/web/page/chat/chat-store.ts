// plugins/web/page/chat/chat-store.ts: the conversation the page looks at: what it holds, how it is kept up to date, what the user does to it.
//   S1  Entries pass a mirror: in order, nothing twice, gaps fetched first, however the stream broke.
//   S2  A piece of an answer changes `making` alone, so that only what shows it is drawn anew; entries that come together are drawn together.
//   S3  What the user wrote is kept until the log holds it (outbox.ts), and what he has not sent until he has (drafts).
import { createMirror, type Mirror } from '@pryx/plugin-sessions/mirror'
import type { Session, SessionEvent } from '@pryx/plugin-sessions/service'
import { useSyncExternalStore } from 'react'
import { get, post, Refusal } from '../calls.ts'
import { act } from '../store.ts'
import { type Conversation, emptyConversation, type Item, type Said, withEarlier, withEntries } from './log.ts'
import {
  keep,
  keepOutbox,
  keptAt,
  keptOutbox,
  type Outbox,
  type Waiting,
  withChange,
  withSaid,
  withTaken,
} from './outbox.ts'

const SHOWN_AT_FIRST = 200 // entries
const TYPING_MS = 6_000
const AGAIN_MS = 2_500

export interface ChatState {
  session: string | undefined
  /** Undefined until it was loaded. */
  facts: Session | undefined
  trouble: { code: string; message: string; hint?: string | undefined } | undefined
  talk: Conversation
  /** An answer in the making. */
  making: { run: string; text: string } | undefined
  /** Surfaces where somebody writes, and until when that counts. */
  typing: Readonly<Record<string, number>>
  outbox: Outbox
  /** Goes up when lists of sessions may have changed. */
  changes: number
}

let state: ChatState = {
  session: undefined,
  facts: undefined,
  trouble: undefined,
  talk: emptyConversation(),
  making: undefined,
  typing: {},
  outbox: keptOutbox(),
  changes: 0,
}
let mirror: Mirror | undefined
let fresh: SessionEvent[] = []
let drawing = false
let reopen = () => {}
const listeners = new Set<() => void>()

export function useChat<T>(select: (state: ChatState) => T): T {
  return useSyncExternalStore(subscribe, () => select(state))
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

function set(change: Partial<ChatState>): void {
  state = { ...state, ...change }
  for (const listener of [...listeners]) listener()
}

/** What the stream is asked for beside the host's events. @param again Opens the stream anew. */
export function followedSession(again: () => void): () => { session: string; version: number } | undefined {
  reopen = again
  return () =>
    mirror === undefined || state.session === undefined
      ? undefined
      : { session: state.session, version: mirror.version }
}

/** Looks at another session. */
export async function openSession(id: string): Promise<void> {
  if (state.session === id && state.trouble === undefined) return
  mirror = undefined
  fresh = []
  set({ session: id, facts: undefined, trouble: undefined, talk: emptyConversation(), making: undefined, typing: {} })
  try {
    const facts = id === 'main' ? await post<Session>('/api/chat/sessions', { id }) : await get<Session>(pathOf(id))
    if (state.session !== id) return
    const first = Math.max(0, facts.version - SHOWN_AT_FIRST)
    mirror = createMirror({ fetch: (after) => entriesAfter(id, after), show: (entry) => show(id, entry) }, first)
    set({ facts, talk: emptyConversation(first) })
    reopen()
    void sendWaiting()
  } catch (error) {
    if (state.session === id) set({ trouble: asTrouble(error) })
  }
}

export function heardEntry(entry: SessionEvent): void {
  if (entry.session !== state.session || mirror === undefined) return
  // Its answer was fetched before, so what came of it in pieces since then is old.
  if (entry.version <= mirror.version && endsMaking(entry)) set({ making: undefined })
  void mirror.hear(entry).catch(() => {})
}

export function heardDelta(delta: { session: string; run: string; text: string; reset?: boolean }): void {
  if (delta.session !== state.session) return
  const before = state.making?.run === delta.run && delta.reset !== true ? state.making.text : ''
  set({ making: { run: delta.run, text: before + delta.text } }) // S2
}

export function heardMaking(making: { session: string; run: string; text: string }): void {
  if (making.session === state.session) set({ making: { run: making.run, text: making.text } })
}

export function heardTyping({ session, surface, on }: { session: string; surface: string; on: boolean }): void {
  if (session !== state.session || surface === 'web') return
  const { [surface]: _before, ...others } = state.typing
  set({ typing: on ? { ...others, [surface]: Date.now() + TYPING_MS } : others })
}

/** The stream could not read the log for a moment. */
export function heardBehind(): void {
  const behind = mirror
  setTimeout(() => void behind?.catchUp().catch(() => {}), AGAIN_MS)
}

/** Sessions were made, renamed, spoken in. */
export function heardChange(data: unknown): void {
  const { session, what } = (data ?? {}) as { session?: string; what?: string }
  set({ changes: state.changes + 1 })
  if (session === undefined || session !== state.session) return
  if (what !== undefined || state.facts?.preview === '') void refresh(session)
}

/** The connection is there again. */
export function backAgain(): void {
  if (state.trouble !== undefined && state.session !== undefined) void openSession(state.session)
  void sendWaiting()
}

async function refresh(id: string): Promise<void> {
  const facts = await get<Session>(pathOf(id)).catch(() => undefined)
  if (facts !== undefined && state.session === id) set({ facts })
}

async function entriesAfter(id: string, after: number): Promise<SessionEvent[]> {
  return (await get<{ events: SessionEvent[] }>(`${pathOf(id)}/entries?after=${after}`)).events
}

/** S1, S2 */
function show(id: string, entry: SessionEvent): void {
  if (id !== state.session) return
  fresh.push(entry)
  if (drawing) return
  drawing = true
  if (document.hidden) setTimeout(draw, 0)
  else requestAnimationFrame(draw)
}

function draw(): void {
  drawing = false
  const entries = fresh.filter(({ session }) => session === state.session)
  fresh = []
  if (entries.length === 0) return
  const talk = withEntries(state.talk, entries)
  const said = saidIn(talk.items.slice(-entries.length - 1))
  const outbox = withSaid(state.outbox, state.session!, said)
  const over = entries.some(endsMaking)
  keepOutbox(outbox)
  set({ talk, outbox, ...(over && { making: undefined }) })
}

function endsMaking({ kind, body }: SessionEvent): boolean {
  return kind === 'run.finished' || (kind === 'message' && body.role === 'assistant')
}

/** Loads what stands before the first entry. */
export async function loadEarlier(): Promise<void> {
  const { session, talk } = state
  if (session === undefined || talk.first === 0) return
  const from = Math.max(0, talk.first - SHOWN_AT_FIRST)
  const entries: SessionEvent[] = []
  await act('Earlier messages could not be loaded', async () => {
    for (let after = from; after < talk.first; ) {
      const page = await entriesAfter(session, after)
      if (page.length === 0) break
      entries.push(...page.filter(({ version }) => version <= talk.first))
      after = page.at(-1)!.version
    }
    if (state.session === session) set({ talk: withEarlier(state.talk, entries, from) })
  })
}

/** Sends what the user wrote in the session that is open (S3). */
export function say(text: string, model: string | undefined): void {
  if (state.session === undefined || text.trim() === '') return
  const one: Waiting = { client: newId(), session: state.session, text, model, at: Date.now(), state: 'sending' }
  setOutbox([...state.outbox, one])
  void deliver(one)
}

export function sayAgain(client: string): void {
  const one = state.outbox.find((waiting) => waiting.client === client)
  if (one === undefined) return
  setOutbox(withChange(state.outbox, client, { state: 'sending', error: undefined }))
  void deliver(one)
}

export function takeBack(client: string): void {
  setOutbox(state.outbox.filter((one) => one.client !== client))
}

async function sendWaiting(): Promise<void> {
  for (const one of state.outbox) if (one.state === 'away') sayAgain(one.client)
}

async function deliver({ client, session, text, model }: Waiting): Promise<void> {
  try {
    const { run } = await post<{ run: string }>(`${pathOf(session)}/messages`, {
      client,
      text,
      ...(model && { model }),
    })
    const said = session === state.session ? saidIn(state.talk.items) : []
    setOutbox(withTaken(state.outbox, client, run, said))
  } catch (error) {
    const { code, message, hint } = asTrouble(error)
    const away = code === 'WEB_AWAY' || code === 'WEB_RESTARTING'
    const words = [message, hint].filter(Boolean).join(' ')
    setOutbox(withChange(state.outbox, client, { state: away ? 'away' : 'refused', error: words }))
    if (away) setTimeout(() => void sendWaiting(), AGAIN_MS)
  }
}

function setOutbox(outbox: Outbox): void {
  keepOutbox(outbox)
  set({ outbox })
}

/** Stops what runs in the session, or waits to. */
export async function stopRun(): Promise<void> {
  const { session, talk, outbox } = state
  const waits = outbox.some((one) => one.session === session && one.state === 'sent')
  if (session === undefined || (talk.run === undefined && !waits)) return
  await act('The run could not be stopped', async () => {
    const runs =
      talk.run === undefined
        ? (await get<{ runs: { id: string }[] }>(`${pathOf(session)}/runs`)).runs
        : [{ id: talk.run }]
    for (const { id } of runs) await post(`/api/chat/runs/${encodeURIComponent(id)}/stop`)
  })
}

let toldTypingAt = 0
const TELL_TYPING_MS = 3_000

/** Other surfaces see that somebody writes here. */
export function tellTyping(on: boolean): void {
  const now = Date.now()
  if (state.session === undefined || (on && now - toldTypingAt < TELL_TYPING_MS) || (!on && toldTypingAt === 0)) return
  toldTypingAt = on ? now : 0
  post(`${pathOf(state.session)}/typing`, { on }).catch(() => {})
}

export function draftOf(session: string): string {
  return keptAt(`pryx.draft.${session}`) ?? ''
}

/** S3 */
export function keepDraft(session: string, text: string): void {
  keep(`pryx.draft.${session}`, text === '' ? undefined : text)
}

export function pathOf(session: string): string {
  return `/api/chat/sessions/${encodeURIComponent(session)}`
}

function saidIn(items: readonly Item[]): Said[] {
  return items.filter((item): item is Said => item.kind === 'said')
}

function asTrouble(error: unknown): NonNullable<ChatState['trouble']> {
  if (error instanceof Refusal) return { code: error.code, message: error.message, hint: error.hint }
  return { code: 'WEB_FAILED', message: String(error) }
}

/** `randomUUID` is there on secure origins only; a page reached by a name of the house is none. */
function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return `web-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`
}
