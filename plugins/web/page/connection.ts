// plugins/web/page/connection.ts: keeps the model up to date over one event stream, and finds its way back after any interruption.
//   N1  One stream at a time. After an error, or silence, it is opened anew from the last event seen.
//   N2  What cannot be caught up is loaded anew; the page never shows a gap as if it were whole.

import type { Heard } from '../src/events.ts'
import type { Picture } from '../src/watch.ts'
import { get, Refusal } from './calls.ts'
import * as chat from './chat/chat-store.ts'
import type { Message } from './model.ts'

const RETRY_MS = [300, 700, 1_500, 3_000, 5_000]
/** After these the list of sessions may be another. */
const CONVERSED = /^session\.(changed|message)$/
const SILENCE_MS = 10_000 // a picture comes every 2 s

type Loaded = Picture & { events: Heard[]; position: string }

/** Connects and stays connected until the returned function is called. */
export function connect(tell: (message: Message) => void): () => void {
  let source: EventSource | undefined
  let position: string | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  let tries = 0
  let ended = false
  const followed = chat.followedSession(() => position !== undefined && open())
  void load()
  return () => {
    ended = true
    close()
  }

  async function load(): Promise<void> {
    try {
      const { events, position: at, ...picture } = await get<Loaded>('/api/state')
      if (ended) return
      position = at
      tell({ t: 'loaded', picture, events })
      open()
    } catch (error) {
      if (error instanceof Refusal && error.code === 'HTTP_LOGIN') return tell({ t: 'link', link: 'locked' })
      retry()
    }
  }

  function open(): void {
    close()
    const looked = followed()
    const query = new URLSearchParams({
      after: position ?? '',
      ...(looked && { session: looked.session, version: String(looked.version) }),
    })
    source = new EventSource(`/api/events?${query}`)
    source.addEventListener('hello', () => {
      tries = 0
      tell({ t: 'link', link: 'live' })
      chat.backAgain()
    })
    source.addEventListener('heard', (message) => {
      position = message.lastEventId
      const event = JSON.parse(message.data) as Heard
      tell({ t: 'heard', event })
      if (CONVERSED.test(event.name)) chat.heardChange(event.data)
    })
    hear('entry', chat.heardEntry)
    hear('delta', chat.heardDelta)
    hear('making', chat.heardMaking)
    hear('typing', chat.heardTyping)
    hear('behind', chat.heardBehind)
    source.addEventListener('picture', (message) => {
      listenForSilence()
      tell({ t: 'picture', picture: JSON.parse(message.data) as Picture })
    })
    source.addEventListener('reset', () => {
      close()
      void load() // N2
    })
    source.addEventListener('error', retry)
    listenForSilence()
  }

  function hear<T>(event: string, take: (data: T) => void): void {
    source?.addEventListener(event, (message) => take(JSON.parse(message.data) as T))
  }

  function retry(): void {
    close()
    if (ended) return
    tell({ t: 'link', link: 'away' })
    void lookAtDoor()
    timer = setTimeout(position === undefined ? load : open, RETRY_MS[Math.min(tries++, RETRY_MS.length - 1)])
  }

  /** A stream says nothing of why it was refused: the door does. */
  async function lookAtDoor(): Promise<void> {
    const answer = await fetch('/login/state').catch(() => undefined)
    if (answer?.status !== 401 || ended) return
    close()
    tell({ t: 'link', link: 'locked' })
  }

  function listenForSilence(): void {
    clearTimeout(timer)
    timer = setTimeout(retry, SILENCE_MS)
  }

  function close(): void {
    clearTimeout(timer)
    source?.close() // N1
    source = undefined
  }
}
