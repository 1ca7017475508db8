// packages/pryx/src/cli/quit.ts: Ctrl-C and its kin: the first asks for an orderly end, the second ends at once.
import { EXIT } from './exit.ts'

export interface Quit {
  /** Resolves with the exit code once an end is asked for. */
  readonly asked: Promise<number>
  ask(code: number): void
}

/** @param atOnce Called before the process exits at the second signal. */
export function listenForQuit(atOnce: () => void): Quit {
  const asked = Promise.withResolvers<number>()
  let once = false
  const ask = (code: number) => {
    if (once) {
      atOnce()
      process.exit(code)
    }
    once = true
    asked.resolve(code)
  }
  process.on('SIGINT', () => ask(EXIT.interrupted))
  process.on('SIGTERM', () => ask(EXIT.ok))
  process.on('SIGHUP', () => ask(EXIT.ok))
  return { asked: asked.promise, ask }
}
