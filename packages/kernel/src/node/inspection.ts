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
  let paused = false
  return {
    get paused() {
      return paused
    },
    attach() {
      detach() // D2
      session = isolate.createInspectorSession()
      session.onResponse = (_id, text) => say(text)
      session.onNotification = (text) => {
        watchPauses(text)
        say(text)
      }
    },
    detach,
    dispatch: (text) => session?.dispatchProtocolMessage(text),
  }

  function watchPauses(text: string): void {
    if (text.startsWith('{"method":"Debugger.paused"')) setPaused(true)
    else if (text.startsWith('{"method":"Debugger.resumed"')) setPaused(false)
  }

  function setPaused(next: boolean): void {
    if (paused === next) return
    paused = next
    onPause(paused)
  }

  function detach(): void {
    const old = session
    session = undefined
    if (old === undefined) return
    old.onResponse = () => {}
    old.onNotification = () => {}
    old.dispatchProtocolMessage('{"id":2147483646,"method":"Debugger.disable"}') // also lets a paused isolate go on
    old.dispose()
    setPaused(false)
  }
}
