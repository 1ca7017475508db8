// plugins/log-monitor/src/lines.ts: text as it arrives, piece by piece, into whole lines. Pure.
//   L1  Cutting the text anywhere gives the same lines.
//   L2  A line is at most MAX_LINE characters; what is beyond is dropped, so a file without line ends costs no memory.

export const MAX_LINE = 8_192 // characters

/** The line that has begun and not ended. `full`: it has reached MAX_LINE, or was given out early; the rest of it is dropped. */
export interface Carry {
  readonly text: string
  readonly full: boolean
}

export const NOTHING: Carry = { text: '', full: false }

export function splitLines(carry: Carry, text: string): { lines: string[]; carry: Carry } {
  const lines: string[] = []
  let { text: open, full } = carry
  let from = 0
  for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', from)) {
    append(from, end)
    if (!full || open !== '') lines.push(trimEnd(open))
    open = ''
    full = false
    from = end + 1
  }
  append(from, text.length)
  return { lines, carry: { text: open, full } }

  function append(start: number, end: number): void {
    if (full) return
    const room = MAX_LINE + 1 - open.length // one more, for the \r that does not count
    open += text.slice(start, Math.min(end, start + room))
    if (open.length > MAX_LINE && !(open.length === MAX_LINE + 1 && open.endsWith('\r'))) {
      open = open.slice(0, MAX_LINE)
      full = true
    }
  }
}

/** Gives the begun line out before its end came; what still comes of it is dropped. */
export function flushCarry(carry: Carry): { lines: string[]; carry: Carry } {
  if (carry.text === '') return { lines: [], carry }
  return { lines: [trimEnd(carry.text)], carry: { text: '', full: true } }
}

function trimEnd(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line
}
