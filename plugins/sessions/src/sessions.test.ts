import { readFileSync } from 'node:fs'
import { parseManifest } from '@pryx/sdk'
import { expect, test } from 'vitest'
import { type SessionEvent, Sessions, sessionEvents } from './service.ts'
import { createMemorySql, openBench } from './sessions-testing.ts'

const RUN = 'run-1'
const answer = (text: string) => ({ kind: 'message' as const, body: { role: 'assistant' as const, text } })
const started = (run: string) => ({ kind: 'run.started' as const, body: { run } })

test('B3: every event carries session, surface and version; a surface gets what it missed, in order, from its cursor', async () => {
  const { sessions, told } = await openBench()
  await sessions.create({ id: 'main' })
  for (const [i, surface] of ['web', 'telegram:42', 'web'].entries())
    await sessions.send('main', { surface, client: `c${i}`, text: `word ${i}` })
  await sessions.ack('main', 'terminal', 1)

  const missed = await sessions.missed('main', 'terminal')

  expect(missed).toMatchObject({
    more: false,
    events: [
      { version: 2, surface: 'telegram:42' },
      { version: 3, surface: 'web' },
    ],
  })
  expect(told.filter(({ name }) => name === 'session.message').map(({ payload }) => payload.version)).toEqual([1, 2, 3])
  expect(await sessions.unread('terminal')).toEqual([{ session: 'main', version: 3, seen: 1 }])
  expect(await sessions.ack('main', 'terminal', 99)).toBe(3)
  expect(await sessions.ack('main', 'terminal', 1)).toBe(3) // never back
})

test('B1: typing and pieces of answers are told and not kept', async () => {
  const { sessions, told } = await openBench()
  await sessions.create({ id: 'main' })

  await sessions.typing('main', 'web', true)
  await sessions.delta('main', RUN, 'Hel')

  expect(told.map(({ name }) => name)).toEqual(['session.changed', 'session.typing', 'session.delta'])
  expect(await sessions.events('main')).toEqual({ events: [], more: false })
})

test('B1: words sent at once to a session that is not there are all told so, though one of their senders makes it meanwhile', async () => {
  const { sessions } = await openBench()
  const say = (client: string) => sessions.send('new', { surface: 'web', client, text: client })

  const all = ['c1', 'c2', 'c3'].map((client) =>
    say(client).catch(async ({ code }: { code: string }) => {
      await sessions.create({ id: 'new' })
      return { code, again: await say(client) }
    }),
  )

  expect(await Promise.all(all)).toMatchObject(
    ['c1', 'c2', 'c3'].map((client) => ({ code: 'SESSION_UNKNOWN', again: { event: { client } } })),
  )
})

test('B3: a message sent again counts once, also in the same moment; the same id for something else is refused', async () => {
  const { sessions, told } = await openBench()
  await sessions.create({ id: 'main' })
  const message = { surface: 'web', client: 'c1', text: 'hi' }

  const both = await Promise.all([sessions.send('main', message), sessions.send('main', message)])

  expect(both.map(({ duplicate, event }) => [duplicate, event.version])).toEqual([
    [false, 1],
    [true, 1],
  ])
  expect(told.filter(({ name }) => name === 'session.message')).toHaveLength(1)
  await expect(sessions.send('main', { ...message, text: 'other' })).rejects.toMatchObject({
    code: 'SESSION_CLIENT_REUSED',
  })
  expect((await sessions.send('main', { ...message, surface: 'terminal' })).event.version).toBe(2) // another surface's ids are its own
})

test('L7: a run that was superseded or has left can write nothing any more, and its failure harms no other append', async () => {
  const { sessions } = await openBench()
  await sessions.create({ id: 'main' })
  await sessions.append('main', { surface: 'agent', run: RUN, claim: 'take', entries: [started(RUN)] })
  const second = { surface: 'agent', run: 'run-2', entries: [started('run-2')] }
  await expect(sessions.append('main', { ...second, claim: 'take' })).rejects.toMatchObject({ code: 'SESSION_FENCED' })

  await sessions.append('main', { ...second, claim: 'seize' })
  const late = sessions.append('main', { surface: 'agent', run: RUN, entries: [answer('ghost')] })
  const fine = sessions.append('main', { surface: 'agent', run: 'run-2', claim: 'leave', entries: [answer('done')] })

  await expect(late).rejects.toMatchObject({ code: 'SESSION_FENCED' })
  await fine
  await expect(
    sessions.append('main', { surface: 'agent', run: 'run-2', entries: [answer('ghost')] }),
  ).rejects.toMatchObject({
    code: 'SESSION_FENCED',
  })
  expect((await sessions.events('main')).events.map(({ kind, version }) => `${version} ${kind}`)).toEqual([
    '1 run.started',
    '2 run.started',
    '3 message',
  ])
})

test('K4: a plugin that is no agent cannot speak as one', async () => {
  const bench = await openBench()
  await bench.sessions.create({ id: 'main' })
  bench.from = 'weather'

  await bench.sessions.send('main', { surface: 'web', client: 'c', text: 'hi' })

  await expect(
    bench.sessions.append('main', { surface: 'web', entries: [answer('I am the agent')] }),
  ).rejects.toMatchObject({
    code: 'SESSION_REFUSED',
  })
  expect((await bench.sessions.events('main')).events).toMatchObject([{ from: 'weather' }])
})

test('B3: 1,000 sessions are searched in under a second; what looks like a query language is plain words', async () => {
  const { sessions } = await openBench()
  const ids = Array.from({ length: 1_000 }, (_, i) => `s${i}`)
  await Promise.all(ids.map((id) => sessions.create({ id })))
  await Promise.all(
    ids.flatMap((id, i) =>
      Array.from({ length: 4 }, (_, n) =>
        sessions.send(id, {
          surface: 'web',
          client: `c${n}`,
          text: `note ${n} of ${id} about ${i % 7 === 0 ? 'café' : 'tea'} and more`,
        }),
      ),
    ),
  )
  const begun = performance.now()

  const found = await sessions.search('cafe s700')

  expect(performance.now() - begun).toBeLessThan(1_000)
  expect(found).toHaveLength(4)
  expect(found[0]).toMatchObject({ session: 's700', role: 'user' })
  expect(found[0]?.snippet).toContain('«café»')
  for (const odd of ['"', 'a OR', 'NEAR(', 'x*', '-- ;', "'", 'text:tea']) await sessions.search(odd)
  expect((await sessions.list({ limit: 3 })).length).toBe(3)
}, 60_000)

test('B3: a branch holds the log up to its point and then goes its own way', async () => {
  const { sessions } = await openBench()
  await sessions.create({ id: 'main' })
  for (const n of [1, 2, 3]) await sessions.send('main', { surface: 'web', client: `c${n}`, text: `word ${n}` })

  const branch = await sessions.branch('main', 2)
  await sessions.send(branch.id, { surface: 'web', client: 'c3', text: 'another way' })
  await sessions.remove('main')

  const { events } = await sessions.events(branch.id)
  expect(events.map(({ version, body }) => [version, (body as { text: string }).text])).toEqual([
    [1, 'word 1'],
    [2, 'word 2'],
    [3, 'another way'],
  ])
  expect(branch.branchOf).toEqual({ session: 'main', version: 2 })
  await expect(sessions.events('main')).rejects.toMatchObject({ code: 'SESSION_UNKNOWN' })
})

test('B3: an export holds all of the log, over many pages: JSON is whole, Markdown cannot be broken by what was said', async () => {
  const { sessions } = await openBench()
  await sessions.create({ id: 'main', title: 'Plans' })
  for (let n = 0; n < 205; n++) await sessions.send('main', { surface: 'web', client: `c${n}`, text: `word ${n}` })
  await sessions.append('main', {
    surface: 'agent',
    entries: [
      { kind: 'tool.completed', body: { call: 'x', name: 'notes.read', output: '```js\n````', outcome: 'ok' } },
    ],
  })

  const json = JSON.parse(await exported('json')) as { events: SessionEvent[] }
  const markdown = await exported('markdown')

  expect(json.events.map(({ version }) => version)).toEqual(Array.from({ length: 206 }, (_, i) => i + 1))
  expect(markdown).toContain('# Plans')
  expect(markdown).toContain('word 204')
  expect(markdown).toContain('`````\n```js')

  async function exported(format: 'json' | 'markdown'): Promise<string> {
    let text = ''
    for (let after: number | undefined = 0; after !== undefined; ) {
      const page = await sessions.exportPage('main', format, after)
      text += page.text
      after = page.next
    }
    return text
  }
})

test('B1: a page of long messages stays far below what one message on the wire may hold', async () => {
  const { sessions } = await openBench()
  await sessions.create({ id: 'main' })
  for (let n = 0; n < 5; n++) await sessions.send('main', { surface: 'web', client: `c${n}`, text: 'x'.repeat(90_000) })

  const first = await sessions.events('main')
  const rest = await sessions.events('main', { after: first.events.at(-1)?.version })

  expect(first).toMatchObject({ more: true, events: [{ version: 1 }, { version: 2 }] })
  expect(rest.events[0]?.version).toBe(3)
})

test('B1: many sends at once share commits, and keep their order', async () => {
  const sql = createMemorySql()
  const { sessions } = await openBench(sql)
  await sessions.create({ id: 'main' })
  const before = sql.commits

  await Promise.all(
    Array.from({ length: 100 }, (_, n) => sessions.send('main', { surface: 'web', client: `c${n}`, text: `${n}` })),
  )

  expect(sql.commits - before).toBeLessThan(10)
  const { events } = await sessions.events('main', { limit: 200 })
  expect(events.map(({ body }) => (body as { text: string }).text)).toEqual(
    Array.from({ length: 100 }, (_, n) => `${n}`),
  )
})

test('K1: the manifest is valid and promises what the code provides and emits', () => {
  const file = new URL('../package.json', import.meta.url)

  const manifest = parseManifest(JSON.parse(readFileSync(file, 'utf8')), 'package.json')

  expect(manifest.provides).toEqual({ [Sessions.name]: Sessions.version })
  for (const event of Object.values(sessionEvents)) expect(event.name).toMatch(/^session\./)
  expect(manifest.events.emits).toEqual(['session.**'])
})
