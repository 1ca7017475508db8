// plugins/sessions/src/mirror.ts: one surface's copy of a session, right whatever is lost, doubled or late on the way (B3).
//   M1  Events are shown in order of their versions, each once.
//   M2  A gap is never shown over: what is missing is fetched from the log first.
//   M3  Work is one at a time; what comes meanwhile only raises the mark up to which is fetched.
import type { SessionEvent } from './events.ts'

export interface MirrorPorts {
  /** The log after a version, in order; may be cut short. */
  fetch(after: number): Promise<SessionEvent[]>
  /** Shows one event. If it fails, the mirror stays before it, and the next `hear` or `catchUp` tries again. */
  show(event: SessionEvent): void | Promise<void>
}

export interface Mirror {
  /** Version of the last event shown. */
  readonly version: number
  /** An event came on the bus. */
  hear(event: SessionEvent): Promise<void>
  /** Fetches whatever there is: at the start, and after a connection was lost. */
  catchUp(): Promise<void>
}

/** @param version The last event this surface has shown already. */
export function createMirror({ fetch, show }: MirrorPorts, version = 0): Mirror {
  let shown = version
  let wanted = version
  let queue: Promise<void> = Promise.resolve()
  return {
    get version() {
      return shown
    },
    hear(event) {
      return next(async () => {
        if (event.version <= shown) return // M1
        wanted = Math.max(wanted, event.version)
        if (event.version === shown + 1) await advance(event)
        else await fill() // M2
      })
    },
    catchUp: () =>
      next(async () => {
        wanted = Number.POSITIVE_INFINITY
        await fill()
      }),
  }

  /** M3 */
  function next(work: () => Promise<void>): Promise<void> {
    const done = queue.then(work)
    queue = done.catch(() => {})
    return done
  }

  async function fill(): Promise<void> {
    while (shown < wanted) {
      const page = await fetch(shown)
      if (page.length === 0) break
      for (const event of page) if (event.version === shown + 1) await advance(event)
    }
    wanted = shown
  }

  async function advance(event: SessionEvent): Promise<void> {
    await show(event)
    shown = event.version
  }
}
