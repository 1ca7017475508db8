// packages/pryx/src/cli/chat.ts: `pryx chat`: a conversation at the terminal, or one question and its answer.
import { fstatSync } from 'node:fs'
import { text as readAll } from 'node:stream/consumers'
import { PryxError, UsageError } from '@pryx/kernel/contract'
import { openChat } from '../chat/chat.ts'
import { COMMANDS } from '../chat/commands.ts'
import { askOnce } from '../chat/once.ts'
import { createQuestions } from '../chat/questions.ts'
import { openLine } from '../chat/readline.ts'
import { createTranscript } from '../chat/transcript.ts'
import { type Host, MAIN, type RunLine } from '../chat/wire.ts'
import { styleFor } from '../terminal/style.ts'
import type { Output } from './output.ts'
import { type CommonOptions, runningHost } from './target.ts'

export interface ChatFlags extends CommonOptions {
  session?: string
  model?: string
}

export async function chat(output: Output, options: ChatFlags, words: readonly string[]): Promise<void> {
  const host = await runningHost(options)
  const question = await questionOf(words)
  if (question === undefined && output.json)
    throw new UsageError('USAGE_CHAT', '--json needs a question', { hint: 'pryx chat "…" --json, or pipe it in.' })
  await (question === undefined ? converse(host, options) : once(host, output, options, question))
}

/** The words, what is piped in, or the one below the other. */
async function questionOf(words: readonly string[]): Promise<string | undefined> {
  const asked = words.join(' ').trim()
  const piped = process.stdin.isTTY || (asked !== '' && !isPiped()) ? '' : (await readAll(process.stdin)).trim()
  const question = [asked, piped].filter(Boolean).join('\n\n')
  if (question !== '' || process.stdin.isTTY) return question || undefined
  throw new UsageError('USAGE_CHAT', 'nothing was asked', { hint: 'pryx chat "…", or pipe a question in.' })
}

/** By the shell: a program that starts this one may leave a stdin of its own open for ever. */
function isPiped(): boolean {
  const stdin = fstatSync(0)
  return stdin.isFIFO() || stdin.isFile()
}

async function converse(host: Host, { session = MAIN, model }: ChatFlags): Promise<void> {
  const style = styleFor(process.stdout)
  const quit = Promise.withResolvers<void>()
  let line = (_text: string): void => {}
  let interrupt = quit.resolve
  using terminal = openLine({
    input: process.stdin,
    output: process.stdout,
    completions: COMMANDS,
    onLine: (text) => line(text),
    onInterrupt: () => interrupt(),
    onEnd: quit.resolve,
  })
  const colors = style.isColorSupported
  await using chat = await openChat({ host, terminal, style, colors, session, model, onQuit: quit.resolve })
  line = (text) => void chat.line(text)
  interrupt = chat.interrupt
  await quit.promise
}

async function once(host: Host, output: Output, { session = MAIN, model }: ChatFlags, text: string): Promise<void> {
  const stopped = new AbortController()
  const stop = () => stopped.abort()
  process.on('SIGINT', stop).on('SIGTERM', stop)
  const live = !output.json && process.stdout.isTTY
  const view = createTranscript({
    write: (lines) => void process.stdout.write(lines),
    style: output.style,
    colors: output.style.isColorSupported,
    width: () => process.stdout.columns || 80,
  })
  view.typed(text)
  const questions = createQuestions({
    host,
    print: output.note,
    onChange: () => {
      if (questions.prompt) output.note('  answer with `pryx approvals`, or on any other surface')
    },
    style: styleFor(process.stderr),
    now: Date.now,
  })
  const run = await askOnce({
    host,
    session,
    text,
    model,
    signal: stopped.signal,
    onEntry(event, caught) {
      if (output.json) output.line(event, '')
      else if (live) view.entry(event, caught)
    },
    onPiece: (piece) => live && view.piece(piece),
    onOther: questions.heard,
    onConnected: questions.look,
  }).finally(() => process.off('SIGINT', stop).off('SIGTERM', stop))
  if (run.status !== 'ok') throw failed(run)
  if (output.json) output.line({ kind: 'run', run }, '')
  else if (!live) process.stdout.write(`${run.text ?? ''}\n`)
}

function failed({ status, error, code }: RunLine): PryxError {
  return new PryxError(code ?? 'RUN_FAILED', error ?? `the run ended as ${status}`)
}
