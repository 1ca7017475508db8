// plugins/web/page/connection.ts: keeps the model up to date over one event stream, and finds its way back after any interruption.
//   N1  One stream at a time. After an error, or silence, it is opened anew from the last event seen.
//   N2  What cannot be caught up is loaded anew; the page never shows a gap as if it were whole.

import type { Heard } from '../src/events.ts'
import type { Picture } from '../src/watch.ts'
import { get } from './calls.ts'
import type { Message } from './model.ts'

const RETRY_MS = [300, 700, 1_500, 3_000, 5_000]
const SILENCE_MS = 10_000 // a picture comes every 2 s

type Loaded = Picture & { events: Heard[]; position: string }

/** Connects and stays connected until the returned function is called. */
export function connect(tell: (message: Message) => void): () => void {
  let source: EventSource | undefined
  let position: string | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  let tries = 0
  let ended = false
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
    } catch {
      retry()
    }
  }

  function open(): void {
    close()
    source = new EventSource(`/api/events?after=${encodeURIComponent(position ?? '')}`)
    source.addEventListener('hello', () => {
      tries = 0
      tell({ t: 'link', link: 'live' })
    })
    source.addEventListener('heard', (message) => {
      position = message.lastEventId
      tell({ t: 'heard', event: JSON.parse(message.data) as Heard })
    })
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

  function retry(): void {
    close()
    if (ended) return
    tell({ t: 'link', link: 'away' })
    timer = setTimeout(position === undefined ? load : open, RETRY_MS[Math.min(tries++, RETRY_MS.length - 1)])
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
