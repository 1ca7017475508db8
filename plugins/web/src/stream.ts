// plugins/web/src/stream.ts: the live stream of one page, as server-sent events.
//   T1  The stream holds a position in the journal and the newest picture, no queue: a slow page costs nothing and misses no event in the ring.
//   T2  What the ring no longer holds is said (`reset`), so that the page loads its state anew.
//   T3  It ends with its reader, and with the plugin.
//   @see https://html.spec.whatwg.org/multipage/server-sent-events.html
import type { Feed, Framer } from './chat/feed.ts'
import type { Heard } from './events.ts'
import type { Journal } from './journal.ts'
import type { Clock, Picture, Watch } from './watch.ts'

const HEARTBEAT_MS = 15_000

export interface StreamOptions {
  journal: Journal
  watch: Watch
  clock: Clock
  /** Ends the stream. */
  signal: AbortSignal
  /** What the page hears of the session it looks at, if it looks at one. */
  feed?: ((wake: () => void, frame: Framer) => Feed) | undefined
}

/** @param position Where the page stands, from `Last-Event-ID`; undefined for "from now on". */
export function openStream(position: string | undefined, options: StreamOptions): ReadableStream<Uint8Array> {
  const { journal, watch, clock, signal, feed: openFeed } = options
  const encoder = new TextEncoder()
  const start = journal.after(position ?? journal.positionOf(journal.last))
  let at = start.missed ? journal.last : (start.events[0]?.seq ?? journal.last + 1) - 1
  let greeting = `retry: 1000\n\n${start.missed ? frame('reset', {}) : ''}${frame('hello', {}, journal.positionOf(at))}`
  let picture: Picture | undefined
  let beat = false
  let feed: Feed | undefined
  let wake = () => {}
  let leave = () => {}

  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        feed = openFeed?.(() => wake(), frame)
        const stops = [journal.listen(() => wake()), watch.join(show), heartbeat(), () => feed?.close()]
        leave = () => {
          for (const stop of stops.splice(0)) stop()
          signal.removeEventListener('abort', end)
        }
        const end = () => {
          leave()
          wake()
          controller.close() // T3
        }
        signal.addEventListener('abort', end, { once: true })
      },
      async pull(controller) {
        let text = next()
        while (text === '') {
          await new Promise<void>((resolve) => {
            wake = resolve
          })
          if (signal.aborted) return
          text = next()
        }
        controller.enqueue(encoder.encode(text))
      },
      cancel: () => {
        leave()
        wake()
      },
    },
    { highWaterMark: 0 },
  )

  function next(): string {
    const { events, missed } = journal.after(journal.positionOf(at))
    at = journal.last
    const text =
      greeting +
      (missed ? frame('reset', {}) : '') +
      events.map(eventFrame).join('') +
      (feed?.take() ?? '') +
      pictureFrame() +
      (beat ? ':\n\n' : '')
    greeting = ''
    beat = false
    return text
  }

  function eventFrame(event: Heard): string {
    return frame('heard', event, journal.positionOf(event.seq))
  }

  function pictureFrame(): string {
    const text = picture === undefined ? '' : frame('picture', picture)
    picture = undefined
    return text
  }

  function show(latest: Picture): void {
    picture = latest
    wake()
  }

  function heartbeat(): () => void {
    let stop = clock.after(HEARTBEAT_MS, ring)
    return () => stop()

    function ring(): void {
      beat = true
      stop = clock.after(HEARTBEAT_MS, ring)
      wake()
    }
  }
}

/** JSON has no raw line breaks, so one `data:` line is enough. */
function frame(event: string, data: unknown, id?: string): string {
  return `event: ${event}\n${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`
}
