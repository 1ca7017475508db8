// packages/pryx/src/chat/chat.ts: a conversation at the terminal: what is typed goes to the agent, what happens in the session is shown.
//   C1  A message is sent under a key of its own until the host has it: a host that goes away in between never makes two of one.
//   C2  The first Ctrl-C stops the run in progress, the next one quits.
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { PryxError, UsageError } from '@pryx/kernel/contract'
import type { JournalEvent } from '../host/journal.ts'
import { errorText } from '../terminal/error-text.ts'
import { type Style, safe } from '../terminal/style.ts'
import { commandIn, HELP } from './commands.ts'
import { followSession } from './mirror.ts'
import { createQuestions } from './questions.ts'
import { createTranscript } from './transcript.ts'
import { type Host, isAway, type LogEvent, type RunLine, type SessionLine, SURFACE, wireTo } from './wire.ts'

const RETRY_MS = 500
const RECALL = 20 // entries shown of a session that is entered

export interface Terminal {
  /** Whole lines, above the prompt. */
  print(text: string): void
  prompt(text: string): void
  columns(): number
}

export interface ChatOptions {
  host: Host
  terminal: Terminal
  style: Style
  colors: boolean
  session: string
  model?: string | undefined
  onQuit(): void
}

export interface Chat extends AsyncDisposable {
  /** A line was typed. Resolves once the host has it. */
  line(text: string): Promise<void>
  interrupt(): void
}

/** Enters `session`, made if it is not there. @throws what sessions answer */
export async function openChat({ host, terminal, style, colors, onQuit, ...start }: ChatOptions): Promise<Chat> {
  const { sessions, agent, models } = wireTo(host)
  const print = (text: string) => terminal.print(`${text}\n`)
  const questions = createQuestions({ host, print, onChange: prompt, style, now: Date.now })
  let session = start.session
  let model = start.model
  let run: string | undefined
  let connected = true
  let following: { stop: AbortController; done: Promise<void> } | undefined
  let listed: SessionLine[] = []
  let typed: (text: string) => void = () => {}
  await enter(session)
  return { line, interrupt, [Symbol.asyncDispose]: leave }

  async function enter(id: string): Promise<void> {
    const { title, version, run: writer } = await sessions<SessionLine>('create', { id })
    await leave()
    session = id
    run = writer?.replace(/\.\d+$/, '')
    print(style.dim(`── ${safe(title)} (${safe(id)}) · ${version} entries · /help ──`))
    const transcript = createTranscript({ write: terminal.print, style, colors, width: terminal.columns })
    typed = transcript.typed
    const stop = new AbortController()
    const { signal } = stop
    const done = followSession({
      host,
      session,
      after: Math.max(0, version - RECALL),
      signal,
      onEntry(event, caught) {
        track(event)
        transcript.entry(event, caught)
      },
      onPiece: transcript.piece,
      onOther(event) {
        questions.heard(event)
        if (event.from === 'agent') note(event)
      },
      onConnected: meet,
    }).catch((error: unknown) => {
      print(errorText(error, style))
      onQuit()
    })
    following = { stop, done }
  }

  /** M1 M6 */
  function note({ event, data }: JournalEvent): void {
    const facts = data as { session?: string; model?: string; tokens?: number; usd?: number | null; percent?: number }
    if (facts?.session !== session) return
    if (event === 'agent.window-filling')
      print(style.yellow(`▲ ${facts.percent} % of the window of ${safe(facts.model)} is full; /new starts afresh`))
    if (event === 'agent.estimated')
      print(
        style.dim(
          `about ${facts.tokens} tokens to ${safe(facts.model)}, ${facts.usd == null ? 'price unknown' : `$${facts.usd.toFixed(3)}`}; /stop stops it`,
        ),
      )
  }

  async function leave(): Promise<void> {
    following?.stop.abort()
    await following?.done
    following = undefined
  }

  function track({ kind, body }: LogEvent): void {
    if (kind === 'run.started') run = body.run
    if (kind === 'run.finished' && body.run === run) run = undefined
    prompt()
  }

  async function meet(now: boolean): Promise<void> {
    if (connected !== now) print(style.yellow(now ? '● the host is back' : '○ the host is away; waiting for it'))
    connected = now
    if (now) await questions.look()
    prompt()
  }

  function prompt(): void {
    const name = session === 'main' ? '' : `${style.dim(safe(session, 12))} `
    terminal.prompt(`${questions.prompt ?? `${name}${run === undefined ? '›' : style.cyan('…')}`} `)
  }

  async function line(text: string): Promise<void> {
    try {
      if (text.trim() === '' || questions.take(text)) return prompt()
      const command = commandIn(text)
      await (command ? obey(command.name, command.rest) : say(text))
    } catch (error) {
      print(errorText(error, style))
    }
    prompt()
  }

  /** C1 */
  async function say(text: string): Promise<void> {
    const request = { text, session, surface: SURFACE, key: randomUUID(), ...(model !== undefined && { model }) }
    typed(text)
    for (;;) {
      try {
        const { id } = await agent<RunLine>('start', request)
        run ??= id
        return
      } catch (error) {
        if (!isAway(error)) throw error
        await sleep(RETRY_MS)
      }
    }
  }

  async function obey(name: string, rest: string): Promise<void> {
    if (name === 'help') return print(HELP)
    if (name === 'quit' || name === 'exit') return onQuit()
    if (name === 'stop') return stop()
    if (name === 'sessions') return list()
    if (name === 'new') return enter((await sessions<SessionLine>('create', rest ? { title: rest } : {})).id)
    if (name === 'switch') return enter(chosen(rest))
    if (name === 'model') return take(rest)
    throw new UsageError('USAGE_CHAT', `there is no /${safe(name, 40)}`, {
      hint: 'See /help. A message that begins with a slash is sent as //….',
    })
  }

  async function list(): Promise<void> {
    listed = await sessions<SessionLine[]>('list', { limit: 20 })
    print(
      listed
        .map(
          (one, i) =>
            `${style.bold(String(i + 1).padStart(2))}  ${one.id === session ? style.cyan('●') : ' '} ${safe(one.title, 60)}  ${style.dim(`${safe(one.id)} · ${one.version}`)}`,
        )
        .join('\n') || 'There are no sessions yet.',
    )
  }

  function chosen(word: string): string {
    if (word === '') throw new UsageError('USAGE_CHAT', 'which session?', { hint: '/sessions numbers them: /switch 2' })
    const found = listed[Number(word) - 1] ?? listed.find(({ id, title }) => id === word || title === word)
    return found?.id ?? word
  }

  async function take(slug: string): Promise<void> {
    if (slug === '') return print(`Model: ${model === undefined ? 'chosen for each message' : safe(model)}`)
    if (slug !== 'auto') await models('show', slug)
    model = slug === 'auto' ? undefined : slug
    print(style.dim(`From now on: ${model === undefined ? 'chosen for each message' : safe(model)}`))
  }

  async function stop(): Promise<void> {
    const going = run
    if (going === undefined) return print(style.dim('Nothing runs.'))
    run = undefined
    await agent('stop', going).catch((error: unknown) => {
      if (!PryxError.is(error, 'RUN_UNKNOWN')) throw error
    })
  }

  /** C2 */
  function interrupt(): void {
    if (run === undefined) return onQuit()
    stop().catch((error: unknown) => print(errorText(error, style)))
  }
}
