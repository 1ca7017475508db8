// packages/pryx/src/terminal/screen.ts: lines that scroll by, and at most one prompt below them that stays in place.
//   S1  A line printed while a prompt stands appears above it; the prompt is never left behind in the text.

export interface Screen {
  print(line: string): void
  /** Puts the prompt at the bottom, or takes it away. One line, not longer than the terminal is wide. */
  prompt(text: string | undefined): void
}

export function createScreen(stream: { write(text: string): unknown; isTTY?: boolean }): Screen {
  let standing: string | undefined
  return {
    print(line) {
      if (standing === undefined) return void stream.write(`${line}\n`)
      stream.write(`\r\u001b[K${line}\n${standing}`) // S1
    },
    prompt(text) {
      if (standing !== undefined) stream.write('\r\u001b[K')
      standing = text
      if (text !== undefined) stream.write(text)
    },
  }
}
