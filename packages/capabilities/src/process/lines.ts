// packages/capabilities/src/process/lines.ts: the last lines a process wrote, and those who follow along (L2 of the spec).
//   B1  At most CAPACITY lines of MAX_LINE characters are kept; a longer line is cut into several.
//   B2  A follower that is slow misses lines, which is told as one line of `dropped`; the process is never held up.
import { StringDecoder } from 'node:string_decoder'

const CAPACITY = 500
const MAX_LINE = 2_000 // characters
const FOLLOW = 1_000 // lines that wait for one follower

export interface OutputLine {
  from: 'stdout' | 'stderr'
  text: string
  /** Epoch ms. */
  at: number
  /** Goes up by one from 1. */
  seq: number
  /** Lines left out before this one, as the reader was too slow. */
  dropped?: number
}

export interface Lines {
  /** Takes what one of the outputs wrote. */
  write(from: OutputLine['from'], chunk: Uint8Array): void
  /** The outputs have ended: what is left without a line feed is a line too, and followers end. */
  end(): void
  /** The last `max`, oldest first. */
  last(max: number): OutputLine[]
  /** Lines from now on, those kept first. */
  follow(): ReadableStream<OutputLine>
}

export function createLines(now: () => number): Lines {
  const kept: OutputLine[] = []
  const followers = new Set<(line: OutputLine | undefined) => void>()
  const partial = { stdout: openPartial(), stderr: openPartial() }
  let seq = 0
  let ended = false
  return {
    write(from, chunk) {
      const state = partial[from]
      const pieces = (state.text + state.decoder.write(Buffer.from(chunk))).split('\n')
      state.text = pieces.pop() as string
      for (const piece of pieces) add(from, piece.endsWith('\r') ? piece.slice(0, -1) : piece)
      while (state.text.length > MAX_LINE) {
        add(from, state.text.slice(0, MAX_LINE))
        state.text = state.text.slice(MAX_LINE)
      }
    },
    end() {
      if (ended) return
      for (const from of ['stdout', 'stderr'] as const) {
        const text = partial[from].text + partial[from].decoder.end()
        if (text !== '') add(from, text)
      }
      ended = true
      for (const tell of followers) tell(undefined)
    },
    last: (max) => kept.slice(-max),
    follow,
  }

  function add(from: OutputLine['from'], text: string): void {
    for (let at = 0; at === 0 || at < text.length; at += MAX_LINE) {
      const line: OutputLine = { from, text: text.slice(at, at + MAX_LINE), at: now(), seq: ++seq } // B1
      kept.push(line)
      if (kept.length > CAPACITY) kept.shift()
      for (const tell of followers) tell(line)
    }
  }

  function follow(): ReadableStream<OutputLine> {
    const waiting = [...kept]
    let dropped = 0
    let wake = () => {}
    let over = ended
    const tell = (line: OutputLine | undefined) => {
      if (line === undefined) over = true
      else if (waiting.push(line) > FOLLOW) dropped += waiting.splice(0, 1).length // B2
      wake()
    }
    followers.add(tell)
    return new ReadableStream<OutputLine>(
      {
        async pull(controller) {
          while (waiting.length === 0 && !over) await new Promise<void>((resolve) => (wake = resolve))
          const line = waiting.shift()
          if (line !== undefined) controller.enqueue(dropped > 0 ? { ...line, dropped } : line)
          dropped = 0
          if (line !== undefined) return
          followers.delete(tell)
          controller.close()
        },
        cancel() {
          followers.delete(tell)
          over = true
          wake()
        },
      },
      { highWaterMark: 0 },
    )
  }
}

function openPartial(): { text: string; decoder: StringDecoder } {
  return { text: '', decoder: new StringDecoder('utf8') }
}
