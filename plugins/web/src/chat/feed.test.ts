import type { SessionEvent } from '@pryx/plugin-sessions/service'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Feed, openFeed } from './feed.ts'
import { createChatHub } from './hub.ts'

const OWNER = { from: 'sessions' }

function entry(version: number, role: 'user' | 'assistant' = 'user'): SessionEvent {
  const about = { session: 'main', version, at: version, surface: 'web', from: 'agent' }
  return { ...about, kind: 'message', body: { role, text: `text ${version}` } }
}

/** A feed on a log in memory and a clock in the hand. */
function setUp(log: SessionEvent[], after = 0) {
  const hub = createChatHub()
  const timers: (() => void)[] = []
  const clock = {
    now: () => 0,
    after: (_ms: number, run: () => void) => {
      timers.push(run)
      return () => {}
    },
  }
  const events = async (_id: string, { after: from = 0, limit = 200 } = {}) => {
    const left = log.filter(({ version }) => version > from)
    return { events: left.slice(0, Math.min(limit, 3)), more: left.length > 3 }
  }
  const frames: { event: string; data: Record<string, unknown> }[] = []
  const feed: Feed = openFeed(
    { session: 'main', after, hub, sessions: async () => ({ events }), clock, wake: () => {} },
    (event, data) => {
      frames.push({ event, data: data as Record<string, unknown> })
      return `${event}\n`
    },
  )
  const settle = async () => {
    for (let i = 0; i < 40; i++) await new Promise((resolve) => setImmediate(resolve))
  }
  const versions = () => frames.flatMap(({ event, data }) => (event === 'entry' ? [data.version] : []))
  const ring = () => {
    for (const run of timers.splice(0)) run()
  }
  return { hub, feed, frames, versions, settle, ring }
}

test('B3: whatever is lost, doubled or late on the bus, a page hears each entry once and in order', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 4 }),
      fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 30 }),
      async (after, heard) => {
        const log = [1, 2, 3, 4].map((version) => entry(version))
        const { hub, versions, settle } = setUp(log, after)
        for (const version of heard) {
          for (let next = log.length + 1; next <= version; next++) log.push(entry(next))
          hub.heard('session.message', entry(version), OWNER)
        }
        await settle()

        expect(versions()).toEqual(log.map(({ version }) => version).filter((version) => version > after))
      },
    ),
    { numRuns: 40 },
  )
})

test('B1: an entry that another plugin makes up never reaches a page', async () => {
  const { hub, versions, settle } = setUp([])
  await settle()

  hub.heard('session.message', entry(1), { from: 'stranger' })
  hub.heard('session.message', { session: 'main', version: 1, kind: 'message', body: 'odd' }, OWNER)
  await settle()

  expect(versions()).toEqual([])
})

test('B1: pieces of an answer come at once, then gathered; who joins late gets the text so far', async () => {
  const { hub, frames, settle, ring } = setUp([])
  await settle()
  const piece = (text: string, reset?: boolean) =>
    hub.heard('session.delta', { session: 'main', run: 'r1', text, ...(reset && { reset }) }, OWNER)

  expect([piece('a'), piece('b'), piece('c')]).toEqual([true, true, true]) // kept in no journal
  expect(frames.map(({ data }) => data.text)).toEqual(['a'])
  ring()
  expect(frames.map(({ data }) => data.text)).toEqual(['a', 'bc'])

  expect(hub.inTheMaking('main')).toEqual({ run: 'r1', text: 'abc' })
  piece('new', true)
  expect(hub.inTheMaking('main')).toEqual({ run: 'r1', text: 'new' })
  hub.heard('session.message', entry(1, 'assistant'), OWNER)
  expect(hub.inTheMaking('main')).toBeUndefined()
})

test('B3: pieces that come after their answer was read from the log are taken back once the bus tells of it', async () => {
  const { hub, frames, settle } = setUp([entry(1), entry(2, 'assistant')])
  await settle()
  hub.heard('session.delta', { session: 'main', run: 'r1', text: 'late' }, OWNER)
  hub.heard('session.message', entry(2, 'assistant'), OWNER)
  await settle()

  expect(frames.map(({ event, data }) => data.version ?? `${event}: ${data.text}`)).toEqual([
    1,
    2,
    'delta: late',
    'making: ',
  ])
})

test('B3: a page that reads slowly holds the log back instead of having it pile up', async () => {
  const log = Array.from({ length: 500 }, (_, i) => entry(i + 1))
  const { feed, versions, settle } = setUp(log)
  for (let i = 0; i < 5; i++) await settle()

  expect(versions().length).toBeLessThanOrEqual(200)
  for (let i = 0; i < 20 && versions().length < 500; i++) {
    feed.take()
    await settle()
    await settle()
  }
  expect(versions()).toEqual(log.map(({ version }) => version))
})
