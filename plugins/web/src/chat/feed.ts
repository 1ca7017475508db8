// plugins/web/src/chat/feed.ts: what one page hears of the session it looks at, as frames of its event stream.
//   F1  Entries of the log come in order, each once, from the version the page has: a mirror sees to it.
//   F2  Pieces of an answer that come close together are one frame; a slow page gets fewer and larger ones.
//   F3  What waits is bounded: the mirror waits for room, and a text in the making is told anew instead of piling up.
//   F4  Pieces on the bus can come after their answer was read from the log. Once the bus tells of that answer too, they are taken back.
import { createMirror, type SessionEvent, type Sessions } from '@pryx/plugin-sessions/service'
import type { Clock } from '../watch.ts'
import { type ChatHub, isAnswer, type Told } from './hub.ts'
import type { Delta } from './live.ts'

const GATHER_MS = 25
const MAX_WAITING = 200 // entries
const PAGE = 200 // entries asked for at once

export interface FeedOptions {
  session: string
  /** Version of the last entry the page has. */
  after: number
  hub: ChatHub
  sessions(): Promise<Pick<Sessions, 'events'>>
  clock: Clock
  /** Called when `take` has something new. */
  wake(): void
}

export interface Feed {
  /** The frames that wait; empty if there are none. */
  take(): string
  close(): void
}

export type Framer = (event: string, data: unknown) => string

export function openFeed({ session, after, hub, sessions, clock, wake }: FeedOptions, frame: Framer): Feed {
  let waiting: string[] = []
  let pieces: Delta | undefined
  let gathering: (() => void) | undefined
  let pending = false // the page shows a text in the making
  let closed = false
  let room = () => {}
  const mirror = createMirror({ fetch, show }, after)
  const leave = hub.listen(session, hear)
  const known = hub.inTheMaking(session)
  if (known !== undefined) tellMaking()
  void follow(mirror.catchUp())
  return {
    take() {
      const text = waiting.join('')
      waiting = []
      room()
      return text
    },
    close() {
      closed = true
      leave()
      gathering?.()
      room()
    },
  }

  function hear(told: Told): void {
    if (told.t === 'delta') return gather(told.delta)
    if (told.t === 'typing') return push(frame('typing', { session, surface: told.surface, on: told.on }))
    void follow(mirror.hear(told.entry)).then(() => isAnswer(told.entry) && pending && tellMaking()) // F4
  }

  /** F1 */
  async function fetch(from: number): Promise<SessionEvent[]> {
    return (await (await sessions()).events(session, { after: from, limit: PAGE })).events
  }

  /** F3 */
  async function show(entry: SessionEvent): Promise<void> {
    if (closed) throw new Error('the page has left')
    flush()
    push(frame('entry', entry))
    if (isAnswer(entry)) pending = false
    if (waiting.length < MAX_WAITING) return
    await new Promise<void>((resolve) => {
      room = resolve
    })
  }

  /** The log cannot be read for now: the page is told, and asks again when it comes back. */
  async function follow(work: Promise<void>): Promise<void> {
    try {
      await work
    } catch {
      if (!closed) push(frame('behind', { session, version: mirror.version }))
    }
  }

  /** F2 */
  function gather(delta: Delta): void {
    const goesOn = pieces?.run === delta.run && delta.reset !== true
    if (!goesOn) flush()
    pieces = goesOn ? { ...pieces!, text: pieces!.text + delta.text } : { ...delta }
    if (gathering !== undefined) return
    flush() // the first piece is seen at once
    gathering = clock.after(GATHER_MS, () => {
      gathering = undefined
      flush()
    })
  }

  function flush(): void {
    if (pieces === undefined) return
    const told = pieces
    pieces = undefined
    if (waiting.length >= MAX_WAITING) {
      waiting = waiting.filter((text) => !text.startsWith('event: delta'))
      return tellMaking() // F3
    }
    pending = true
    push(frame('delta', told))
  }

  /** The text so far, whole; empty if there is none. */
  function tellMaking(): void {
    if (closed) return
    pieces = undefined
    const whole = hub.inTheMaking(session)
    pending = whole !== undefined
    push(frame('making', { session, ...(whole ?? { run: '', text: '' }) }))
  }

  function push(text: string): void {
    waiting.push(text)
    wake()
  }
}
