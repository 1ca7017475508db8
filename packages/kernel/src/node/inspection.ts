// packages/kernel/src/node/inspection.ts: a debugger at one isolate, inside the sandbox process (Chrome DevTools protocol).
//   D1  An inspected isolate runs on the pool only: the thread that carries the debugger's words must never be the one that is paused.
//   D2  One debugger at a time; a new one takes the place of the old. Whoever leaves lets the isolate go on.
import type ivmTypes from 'isolated-vm'

export interface Inspection {
  /** It stands at a breakpoint. */
  readonly paused: boolean
  attach(): void
  detach(): void
  /** A message of the debugger, as JSON text. */
  dispatch(text: string): void
}

/** @param onPause Told when the isolate stands still and when it goes on. */
export function createInspection(
  isolate: ivmTypes.Isolate,
  say: (text: string) => void,
  onPause: (paused: boolean) => void,
): Inspection {
  let session: ivmTypes.InspectorSession | undefined
  let attached = false
  let paused = false
  return {
    get paused() {
      return paused
    },
    attach() {
      detach() // D2
      attached = true
      session ??= open()
    },
    detach,
    dispatch: (text) => session?.dispatchProtocolMessage(text),
  }

  /** One session for as long as the isolate lives: to dispose of one whose isolate stands still ends the process. */
  function open(): ivmTypes.InspectorSession {
    const opened = isolate.createInspectorSession()
    opened.onResponse = (id, text) => {
      if (attached && id < OURS) say(text)
    }
    opened.onNotification = (text) => {
      watchPauses(text)
      if (attached) say(text)
    }
    return opened
  }

  function watchPauses(text: string): void {
    const next = text.startsWith('{"method":"Debugger.paused"')
    if (next || text.startsWith('{"method":"Debugger.resumed"')) setPaused(next)
  }

  function setPaused(next: boolean): void {
    if (paused === next) return
    paused = next
    onPause(paused)
  }

  /** Takes breakpoints and all else away, which also lets the isolate go on. */
  function detach(): void {
    if (!attached) return
    attached = false
    for (const [i, domain] of DOMAINS.entries())
      session?.dispatchProtocolMessage(JSON.stringify({ id: OURS + i, method: `${domain}.disable` }))
    setPaused(false)
  }
}

const OURS = 2_000_000_000 // ids of messages that are not the debugger's
const DOMAINS = ['Debugger', 'Runtime', 'Profiler', 'HeapProfiler']
