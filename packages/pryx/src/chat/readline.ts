// packages/pryx/src/chat/readline.ts: the line that is being typed stays below what is printed.
import { clearScreenDown, createInterface, cursorTo, moveCursor } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import type { Terminal } from './chat.ts'

export interface LineOptions {
  input: Readable
  output: Writable & { columns?: number }
  completions: readonly string[]
  onLine(text: string): void
  /** Ctrl-C. */
  onInterrupt(): void
  /** Ctrl-D. */
  onEnd(): void
}

/** Takes over the terminal until disposed. */
export function openLine({
  input,
  output,
  completions,
  onLine,
  onInterrupt,
  onEnd,
}: LineOptions): Terminal & Disposable {
  const reader = createInterface({
    input,
    output,
    terminal: true,
    historySize: 200,
    completer: (line: string) => [line.startsWith('/') ? completions.filter((one) => one.startsWith(line)) : [], line],
  })
  let over = false
  reader.on('line', onLine)
  reader.on('SIGINT', onInterrupt)
  reader.on('close', () => over || onEnd())
  return {
    print(text) {
      if (over) return void output.write(text)
      const { rows } = reader.getCursorPos()
      moveCursor(output, 0, -rows)
      cursorTo(output, 0)
      clearScreenDown(output)
      output.write(text)
      reader.prompt(true)
    },
    prompt(text) {
      if (over) return
      reader.setPrompt(text)
      const { rows } = reader.getCursorPos()
      moveCursor(output, 0, -rows)
      cursorTo(output, 0)
      clearScreenDown(output)
      reader.prompt(true)
    },
    columns: () => output.columns || 80,
    [Symbol.dispose]() {
      over = true
      reader.close()
      output.write('\n')
    },
  }
}
