// plugins/web/src/watch.ts: one picture of the host for all open pages, however many there are.
//   O1  Nobody watches, nothing is asked: the first viewer starts the clock, the last one stops it.
//   O2  At most one question to the kernel runs at a time; what changed meanwhile is asked once more after it.
//   O3  A kernel that does not answer leaves the last picture standing; the next round tries again.
import type { Kernel } from '@pryx/sdk'
import type { Tasks } from './tasks.ts'

const EVERY_MS = 2_000
const SOON_MS = 80 // gathers the events of one change, such as a reload

export interface Picture {
  /** Epoch ms at which it was taken. */
  at: number
  host: Awaited<ReturnType<Kernel['host']>>
  plugins: Awaited<ReturnType<Kernel['plugins']>>
  approvals: Awaited<ReturnType<Kernel['approvals']>>
  /** Undefined where no scheduler is installed. */
  tasks: Awaited<ReturnType<Tasks['list']>>
}

export interface Clock {
  now(): number
  after(ms: number, run: () => void): () => void
}

export interface Watch {
  readonly viewers: number
  /** Takes a picture now. */
  look(): Promise<Picture>
  /** Something changed: take a picture soon, if anyone looks. */
  nudge(): void
  /** Joins; `show` gets each new picture until the returned function is called. */
  join(show: (picture: Picture) => void): () => void
}

export function createWatch(kernel: Kernel, tasks: Tasks, clock: Clock): Watch {
  const viewers = new Set<(picture: Picture) => void>()
  let stopTimer: (() => void) | undefined
  let nudged = false
  let busy = false

  return {
    get viewers() {
      return viewers.size
    },
    look,
    nudge() {
      if (viewers.size === 0 || nudged) return
      nudged = true
      schedule(SOON_MS)
    },
    join(show) {
      viewers.add(show)
      if (viewers.size === 1) schedule(0)
      return () => {
        if (viewers.delete(show) && viewers.size === 0) stop() // O1
      }
    },
  }

  async function look(): Promise<Picture> {
    const [host, plugins, approvals, list] = await Promise.all([
      kernel.host(),
      kernel.plugins(),
      kernel.approvals(),
      tasks.list(),
    ])
    return { at: clock.now(), host, plugins, approvals, tasks: list }
  }

  async function round(): Promise<void> {
    if (busy) return // O2: the round that runs schedules the next
    busy = true
    nudged = false
    try {
      const picture = await look()
      for (const show of [...viewers]) show(picture)
    } catch {
      // O3
    } finally {
      busy = false
      if (viewers.size > 0) schedule(nudged ? SOON_MS : EVERY_MS)
    }
  }

  function schedule(ms: number): void {
    stopTimer?.()
    stopTimer = clock.after(ms, () => void round())
  }

  function stop(): void {
    stopTimer?.()
    stopTimer = undefined
    nudged = false
  }
}
