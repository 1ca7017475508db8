// packages/pryx/src/chat/transcript.ts: a session's log as lines of a terminal, an answer while it is being made.
//   T1  What others wrote is made safe before it is rendered: it cannot move the cursor or colour what is not its own.
//   T2  An answer is shown once: pieces that came before are its beginning, or are said to be void.
import { createMarkdownStreamer, render } from 'markdansi'
import { type Style, safe, safeLines } from '../terminal/style.ts'
import { type LogEvent, SURFACE } from './wire.ts'

const MAX_TEXT = 200_000 // characters of one message
const MAX_INPUT = 160 // characters of a tool call's input, of its result

export interface TranscriptOptions {
  /** Whole lines. */
  write(text: string): void
  style: Style
  colors: boolean
  /** Columns, asked each time: terminals change. */
  width(): number
}

export interface Transcript {
  /** @param caught It had happened before. */
  entry(event: LogEvent, caught: boolean): void
  piece(piece: { text: string; reset?: boolean }): void
  /** The next user's message with this text was typed here and stands on the screen already. */
  typed(text: string): void
}

export function createTranscript({ write, style, colors, width }: TranscriptOptions): Transcript {
  const renderer = () => {
    const options = { width: Math.max(20, Math.min(width(), 100)), color: colors, hyperlinks: colors }
    return createMarkdownStreamer({ render: (text) => render(text, options), spacing: 'single' })
  }
  const mine: string[] = []
  let stream: { markdown: ReturnType<typeof createMarkdownStreamer>; text: string } | undefined
  return {
    entry: show,
    piece({ text, reset }) {
      if (reset) return startAnew()
      stream ??= { markdown: renderer(), text: '' }
      stream.text += text
      put(stream.markdown.push(safePiece(text)))
    },
    typed: (text) => void mine.push(text),
  }

  function show({ kind, body, surface }: LogEvent, caught: boolean): void {
    if (kind === 'message' && body.role === 'assistant') return answered(body)
    if (kind === 'message') return said(body.text ?? '', body.origin ?? surface)
    if (kind === 'tool.requested') put(style.cyan(`⚙ ${safe(body.name)} ${style.dim(brief(body.input))}`))
    if (kind === 'tool.completed') put(`  ${mark(body.outcome)} ${style.dim(brief(body.output))}`)
    if (kind === 'approval.resolved' && caught)
      put(style.dim(`  → ${body.answer === 'allow' ? 'allowed' : 'denied'} by ${safe(body.by)}`))
    if (kind === 'summary') put(style.dim('(the oldest messages are summed up for the model; here they stay)'))
    if (kind === 'run.finished' && body.status !== 'ok') ended(body)
  }

  function said(text: string, by: string): void {
    const at = mine.indexOf(text)
    if (at >= 0) return void mine.splice(at, 1)
    put(`${style.bold(by === SURFACE ? 'you' : safe(by, 40))} ${style.dim('›')} ${safeLines(text, MAX_TEXT)}`)
  }

  /** T2 */
  function answered({ text = '', model, usd, inputTokens = 0, outputTokens = 0 }: LogEvent['body']): void {
    if (stream && text.startsWith(stream.text)) put(stream.markdown.finish(safePiece(text.slice(stream.text.length))))
    else {
      if (stream) {
        put(stream.markdown.finish())
        put(style.dim('(replaced by:)'))
      }
      if (text !== '') put(renderer().finish(safePiece(text)))
    }
    stream = undefined
    const price = usd === undefined || usd === null ? '' : ` · $${usd.toFixed(usd < 0.01 ? 5 : 3)}`
    if (model !== undefined) put(style.dim(`${safe(model)} · ${inputTokens + outputTokens} tokens${price}`))
  }

  function startAnew(): void {
    if (stream?.text) {
      put(stream.markdown.finish())
      put(style.dim('(it broke off and begins anew)'))
    }
    stream = undefined
  }

  function ended({ status, error }: LogEvent['body']): void {
    if (stream) put(stream.markdown.finish())
    stream = undefined
    put(style.yellow(`■ ${safe(status)}${error ? `: ${safe(error)}` : ''}`))
  }

  function mark(outcome: string | undefined): string {
    if (outcome === 'ok') return style.green('✔')
    return style.red(`✖ ${outcome === 'failed' ? '' : safe(outcome)}`)
  }

  function put(text: string): void {
    const lines = text.replace(/\n+$/, '')
    if (lines !== '') write(`${lines}\n`)
  }
}

/** T1: line breaks stay, and the spaces at both ends of a piece. */
function safePiece(text: string): string {
  return (
    text
      .slice(0, MAX_TEXT)
      .replaceAll('\r\n', '\n')
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
      .replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]+/g, '')
  )
}

function brief(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
  return safe(text, MAX_INPUT)
}
