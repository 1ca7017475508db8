// packages/pryx/src/terminal/conversation.ts: questions to the person at the terminal, one at a time, answered by one key.
//   C1  Questions wait in line. One that is withdrawn (answered elsewhere) leaves without a trace of its prompt.
//   C2  Keys typed before a question stood for a moment are not its answer: nobody grants by a key meant for something else.
//   C3  While the terminal is ours Ctrl-C reaches this process alone, not the plugins' processes with it.
import type { Screen } from './screen.ts'

const DEAF_MS = 150

export interface Question {
  /** Printed once, above the prompt. */
  lines: readonly string[]
  /** One line. */
  prompt: string
  /** Keys that answer, lower case. */
  keys: string
  signal?: AbortSignal | undefined
}

export interface Conversation extends Disposable {
  /** The key that was pressed; undefined if the question was withdrawn or the conversation ended. */
  ask(question: Question): Promise<string | undefined>
}

interface Keyboard {
  isTTY?: boolean
  setRawMode?(raw: boolean): unknown
  on(event: 'data', listener: (chunk: Buffer) => void): unknown
  off(event: 'data', listener: (chunk: Buffer) => void): unknown
  resume(): unknown
  pause(): unknown
}

export interface ConversationOptions {
  screen: Screen
  keyboard: Keyboard
  /** Ctrl-C. */
  onInterrupt(): void
  now?(): number
}

export function createConversation({
  screen,
  keyboard,
  onInterrupt,
  now = Date.now,
}: ConversationOptions): Conversation {
  const ended = new AbortController()
  let line: Promise<unknown> = Promise.resolve()
  let onKey: ((key: string) => void) | undefined
  keyboard.setRawMode?.(true) // C3
  keyboard.on('data', heard)
  keyboard.resume()
  return {
    ask(question) {
      const mine = line.then(() => put(question)) // C1
      line = mine
      return mine
    },
    [Symbol.dispose]() {
      ended.abort()
      keyboard.off('data', heard)
      keyboard.setRawMode?.(false)
      keyboard.pause()
    },
  }

  function heard(chunk: Buffer): void {
    for (const key of chunk.toString('utf8')) {
      if (key === '\u0003' || key === '\u0004') onInterrupt()
      else onKey?.(key.toLowerCase())
    }
  }

  function put({ lines, prompt, keys, signal }: Question): Promise<string | undefined> {
    if (signal?.aborted || ended.signal.aborted) return Promise.resolve(undefined)
    for (const text of lines) screen.print(text)
    screen.prompt(`${prompt} `)
    const stoodAt = now()
    return new Promise((resolve) => {
      const done = (key?: string) => {
        onKey = undefined
        screen.prompt(undefined)
        signal?.removeEventListener('abort', withdrawn)
        ended.signal.removeEventListener('abort', withdrawn)
        resolve(key)
      }
      const withdrawn = () => done()
      signal?.addEventListener('abort', withdrawn, { once: true })
      ended.signal.addEventListener('abort', withdrawn, { once: true })
      onKey = (key) => {
        if (keys.includes(key) && now() - stoodAt >= DEAF_MS) done(key) // C2
      }
    })
  }
}
