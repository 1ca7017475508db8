import { PassThrough } from 'node:stream'
import { LifecycleError } from '@pryx/kernel/contract'
import { expect, test } from 'vitest'
import type { JournalEvent } from '../host/journal.ts'
import { styleFor } from '../terminal/style.ts'
import { openChat } from './chat.ts'
import { openLine } from './readline.ts'
import { createTranscript } from './transcript.ts'
import type { Host, LogEvent } from './wire.ts'

const style = styleFor({}, { NO_COLOR: '1' })

test('B1: what is typed is sent once, though the host goes away in between; what others say appears', async () => {
  const world = createWorld()
  await using chat = await openIn(world)

  world.away = true
  const sent = chat.line('hello')
  await until(() => world.starts.length === 2)
  world.away = false
  world.cut()
  await sent
  world.say({ kind: 'message', surface: 'telegram:42', body: { role: 'user', text: 'from the phone\u001b[2J' } })

  await until(() => world.printed().includes('telegram:42 › from the phone'))
  expect(new Set(world.starts.map(({ key }) => key)).size).toBe(1)
  expect(world.starts.at(-1)).toMatchObject({ text: 'hello', session: 'main', surface: 'terminal' })
  expect(world.printed()).not.toContain('\u001b') // what others wrote cannot rule the terminal
  expect(world.printed()).toContain('the host is back')
}, 20_000)

test('K5: a question stands in the conversation; y allows it, an answer from elsewhere takes it away', async () => {
  const world = createWorld()
  await using chat = await openIn(world)
  const question = { plugin: 'weather', permission: 'net:api.example.com', sentence: 'reach it', risk: 'medium' }

  world.tell('approval.needed', { ...question, id: 'q1' })
  await until(() => world.prompts.at(-1)?.includes('Allow?') === true)
  await chat.line('y') // typed before the question could be read
  expect(world.starts).toMatchObject([{ text: 'y' }])
  await new Promise((resolve) => setTimeout(resolve, 320))
  await chat.line('y')
  expect(world.answers).toEqual([['q1', 'allow', 'once']])

  world.tell('approval.needed', { ...question, id: 'q2' })
  await until(() => world.prompts.at(-1)?.includes('Allow?') === true)
  world.tell('approval.resolved', { id: 'q2', answer: 'deny', by: 'web' })
  await until(() => world.printed().includes('denied by web'))
  await chat.line('n')
  expect(world.answers).toHaveLength(1)
  expect(world.starts).toHaveLength(2)
})

test('B1: Ctrl-C stops the run, once more quits; commands switch, list and name what they cannot do', async () => {
  const world = createWorld()
  const quits: number[] = []
  await using chat = await openIn(world, () => void quits.push(1))
  world.say({ kind: 'run.started', body: { run: 'run-7' } })
  await until(() => world.prompts.at(-1)?.includes('…') === true)

  chat.interrupt()
  await until(() => world.stopped.length === 1)
  expect([world.stopped, quits]).toEqual([['run-7'], []])
  chat.interrupt()
  expect(quits).toEqual([1])

  await chat.line('/sessions')
  await chat.line('/switch 2')
  await chat.line('to the other')
  expect(world.starts.at(-1)).toMatchObject({ session: 'trip' })
  await chat.line('/model none/such')
  expect(world.printed()).toContain('MODELS_UNKNOWN')
  await chat.line('/dance')
  expect(world.printed()).toContain('there is no /dance')
})

test('B1: an answer is shown once, whether its pieces came whole, broke off, or never came', () => {
  const lines: string[] = []
  const view = createTranscript({ write: (text) => void lines.push(text), style, colors: false, width: () => 80 })
  const answer = (text: string) =>
    view.entry({ kind: 'message', body: { role: 'assistant', text } } as unknown as LogEvent, false)

  view.piece({ text: 'One **two**\nthr' })
  view.piece({ text: 'ee' })
  answer('One **two**\nthree four')
  view.piece({ text: 'half an ans' })
  view.piece({ text: '', reset: true })
  answer('another')
  answer('# Late')

  const text = lines.join('')
  expect(text).toContain('One two\nthree four')
  expect(text.match(/three/g)).toHaveLength(1)
  expect(text).toContain('half an ans\n(it broke off and begins anew)\nanother')
  expect(text).toContain('Late')
})

test('B1: what is printed appears above the line that is being typed, and leaves it whole', async () => {
  const input = new PassThrough()
  const output = new PassThrough()
  const lines: string[] = []
  using terminal = openLine({
    input,
    output,
    completions: ['/help'],
    onLine: (text) => void lines.push(text),
    onInterrupt: () => {},
    onEnd: () => {},
  })
  terminal.prompt('› ')
  input.write('half a li')
  await new Promise((resolve) => setImmediate(resolve))
  output.read()

  terminal.print('someone speaks\n')
  const redrawn = String(output.read())
  input.write('ne\r')
  await until(() => lines.length === 1)

  expect(redrawn).toMatch(/someone speaks\n[\s\S]*› half a li/)
  expect(lines).toEqual(['half a line'])
})

async function openIn(world: ReturnType<typeof createWorld>, onQuit = () => {}) {
  const chat = await openChat({
    host: world.host,
    terminal: world.terminal,
    style,
    colors: false,
    session: 'main',
    onQuit,
  })
  await until(() => world.listening)
  return chat
}

async function until(done: () => boolean): Promise<void> {
  const late = Date.now() + 10_000
  while (!done() && Date.now() < late) await new Promise((resolve) => setTimeout(resolve, 5))
}

/** A host in memory: one log, one stream, and what was asked of it. */
function createWorld() {
  const printed: string[] = []
  const log: LogEvent[] = []
  let wake = () => {}
  let waiting: JournalEvent[] = []
  let over = false
  const world = {
    away: false,
    listening: false,
    starts: [] as Record<string, string>[],
    stopped: [] as unknown[],
    answers: [] as unknown[][],
    prompts: [] as string[],
    printed: () => printed.join(''),
    terminal: {
      print: (text: string) => void printed.push(text),
      prompt: (text: string) => void world.prompts.push(text),
      columns: () => 80,
    },
    host: { call, follow, approvals: async () => [], answer } as unknown as Host,
    tell(event: string, data: unknown) {
      waiting.push({ at: 0, event, from: event.startsWith('approval') ? 'kernel' : 'sessions', data })
      wake()
    },
    say(entry: object) {
      const whole = { session: 'main', version: log.length + 1, at: 0, surface: 'agent', from: 'agent', ...entry }
      log.push(whole as LogEvent)
      world.tell(`session.${(whole as unknown as LogEvent).kind}`, whole)
    },
    cut() {
      over = true
      wake()
    },
  }
  return world

  async function call(_service: string, _version: string, method: string, args: unknown[]): Promise<unknown> {
    if (method === 'start') world.starts.push(args[0] as Record<string, string>)
    if (world.away) throw new LifecycleError('HOST_DOWN', 'no host is running here', {})
    if (method === 'create') return { id: (args[0] as { id: string }).id, title: 'T', version: 0 }
    if (method === 'events') {
      const { after } = args[1] as { after: number }
      return { events: args[0] === 'main' ? log.slice(after) : [], more: false }
    }
    if (method === 'list')
      return [
        { id: 'main', title: 'Main', version: 1 },
        { id: 'trip', title: 'Trip', version: 0 },
      ]
    if (method === 'show') throw new LifecycleError('MODELS_UNKNOWN', 'there is no such model', {})
    if (method === 'stop') world.stopped.push(args[0])
    return { id: `run-${world.starts.length}` }
  }

  async function answer(...args: unknown[]): Promise<void> {
    world.answers.push(args)
  }

  async function* follow(_signal: AbortSignal, opened: () => void): AsyncGenerator<JournalEvent> {
    if (world.away) throw new LifecycleError('HOST_DOWN', 'no host is running here', {})
    waiting = []
    over = false
    opened()
    world.listening = true
    for (;;) {
      const event = waiting.shift()
      if (event) yield event
      else if (over) return
      else
        await new Promise<void>((resolve) => {
          wake = resolve
        })
    }
  }
}
