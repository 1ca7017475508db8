import type { SessionEvent } from '@pryx/plugin-sessions/service'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { blocksOf } from './blocks.ts'
import { emptyConversation, openTools, withEarlier, withEntries } from './log.ts'
import { price, tokens, usd } from './money.ts'
import type { Outbox } from './outbox.ts'
import { withSaid, withTaken } from './outbox.ts'
import { surfaceName } from './surfaces.ts'

const log = (...entries: Pick<SessionEvent, 'kind' | 'body'>[]): SessionEvent[] =>
  entries.map((entry, i) => ({
    session: 'main',
    version: i + 1,
    at: i,
    surface: 'web',
    from: 'agent',
    ...entry,
  })) as never

const run = log(
  { kind: 'message', body: { role: 'user', text: 'read it' } },
  { kind: 'run.started', body: { run: 'r1' } },
  { kind: 'message', body: { role: 'assistant', text: '', model: 'a/b', inputTokens: 900, outputTokens: 100 } },
  { kind: 'tool.requested', body: { call: 'c1', name: 'fs.read', input: { path: 'a' } } },
  { kind: 'tool.requested', body: { call: 'c2', name: 'fs.read', input: { path: 'b' } } },
  { kind: 'tool.completed', body: { call: 'c2', name: 'fs.read', output: 'B', outcome: 'ok' } },
  { kind: 'run.finished', body: { run: 'r1', status: 'error', error: 'it broke', code: 'MODELS_BROKEN' } },
)

test('B5: a log is a conversation: outcomes stand with their requests, and an end that was none is said', () => {
  const talk = withEntries(emptyConversation(), run)

  expect(talk.items.map(({ kind }) => kind)).toEqual(['said', 'tool', 'tool', 'ended'])
  expect(talk.items[2]).toMatchObject({ call: 'c2', done: { output: 'B', outcome: 'ok' } })
  expect(openTools(talk).map(({ call }) => call)).toEqual(['c1'])
  expect(talk).toMatchObject({ run: undefined, window: { model: 'a/b', tokens: 1_000 } })
})

test('B5: however a log is cut into what comes first and what is loaded later, it is the same conversation', () => {
  const whole = withEntries(emptyConversation(), run)
  fc.assert(
    fc.property(fc.integer({ min: 0, max: run.length }), fc.integer({ min: 0, max: run.length }), (first, pause) => {
      const late = run.slice(first)
      const begun = withEntries(withEntries(emptyConversation(first), late.slice(0, pause)), late.slice(pause))
      const talk = withEarlier(begun, run.slice(0, first), 0)

      expect(talk.items.map(({ version, ...item }) => item)).toEqual(whole.items.map(({ version, ...item }) => item))
    }),
  )
})

test('K5: a question stands until its log says that it was answered; a summary leaves what it stands for', () => {
  const needed = { approval: 'a1', plugin: 'p', permission: 'storage', sentence: 'keep', expiresAt: 9 }
  const entries = log(
    { kind: 'message', body: { role: 'user', text: 'hello' } },
    { kind: 'approval.needed', body: needed },
    { kind: 'summary', body: { text: 'they said hello', upTo: 1, messages: 1 } },
    { kind: 'approval.resolved', body: { approval: 'a1', answer: 'allow', by: 'web' } },
  )

  const asked = withEntries(emptyConversation(), entries.slice(0, 3))
  expect(asked.questions).toEqual(['a1'])
  expect(asked.items.map(({ kind }) => kind)).toEqual(['said', 'summed'])
  expect(withEntries(asked, entries.slice(3)).questions).toEqual([])
})

test('B5: what did not change stays the same object, so that it is not drawn anew', () => {
  const before = withEntries(emptyConversation(), run.slice(0, 5))
  const after = withEntries(before, run.slice(5))

  expect(after.items[0]).toBe(before.items[0])
  expect(after.items[1]).toBe(before.items[1])
})

test('B5: the parts of a growing text are the text, and only the last of them changes as it grows', () => {
  const line = fc.constantFrom('a word', '', '```ts', '```', '~~~', '- item', '  more', '1. one', '# head', '| a | b |')
  fc.assert(
    fc.property(fc.array(line), fc.array(line), (lines, more) => {
      const text = `${lines.join('\n')}\n`
      const longer = `${text}${more.join('\n')}`
      const [blocks, grown] = [blocksOf(text), blocksOf(longer)]

      expect(blocks.join('')).toBe(text)
      expect(grown.slice(0, blocks.length - 1)).toEqual(blocks.slice(0, -1))
    }),
  )
  expect(blocksOf('one\n\n```\na\n\nb\n```\n\ntwo')).toEqual(['one\n\n', '```\na\n\nb\n```\n\n', 'two'])
})

const waiting = (client: string, text: string, more = {}): Outbox[number] => ({
  client,
  session: 'main',
  text,
  at: 0,
  state: 'sending',
  ...more,
})
const said = (text: string, client?: string) =>
  ({ kind: 'said', role: 'user', surface: 'web', version: 1, at: 0, text, client }) as const

test('B5: words on their way leave once, whichever comes first: the log or the answer of the server', () => {
  const outbox = [waiting('c1', 'hello')]

  const logFirst = withSaid(outbox, 'main', [said('hello', 'run:r1')])
  expect(logFirst).toMatchObject([{ seen: true }])
  expect(withTaken(logFirst, 'c1', 'r1', [said('hello', 'run:r1')])).toEqual([])

  const answerFirst = withTaken(outbox, 'c1', 'r1', [])
  expect(answerFirst).toMatchObject([{ state: 'sent', run: 'r1' }])
  expect(withSaid(answerFirst, 'main', [said('hello', 'run:r1')])).toEqual([])
})

test('B5: the same words of somebody else do not take the place of mine', () => {
  const outbox = [waiting('c1', 'hello', { run: 'r1', state: 'sent' })]

  expect(withSaid(outbox, 'main', [said('hello', 'run:other')])).toEqual(outbox)
  expect(withSaid([waiting('c1', 'hello')], 'other', [said('hello', 'run:r1')])).toEqual([waiting('c1', 'hello')])
})

test('B5: unknown prices are said to be unknown, and surfaces are named', () => {
  expect([price({}), price({ input: 0, output: 0 }), price({ input: 0.25 })]).toEqual([
    'price unknown',
    'free',
    '$0.25 in, ? out',
  ])
  expect([usd(0), usd(0.00001), usd(0.0042), usd(1.2)]).toEqual(['$0', '< $0.0001', '$0.0042', '$1.20'])
  expect([tokens(900), tokens(128_000), tokens(1_048_576)]).toEqual(['900', '128k', '1.05M'])
  expect([surfaceName('telegram:42'), surfaceName('terminal'), surfaceName('matrix')]).toEqual([
    'Telegram 42',
    'Terminal',
    'Matrix',
  ])
})
