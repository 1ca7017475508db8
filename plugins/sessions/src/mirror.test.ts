import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createMirror, type Mirror } from './mirror.ts'
import type { SessionEvent } from './service.ts'
import { createMemorySql, openBench } from './sessions-testing.ts'

const SURFACES = ['web', 'terminal', 'telegram:42', 'webhook', 'desktop']

type Step =
  | { do: 'send' | 'again' | 'cut' | 'back' | 'reload' | 'echo' | 'late'; who: number }
  | { do: 'restart' | 'answer'; who: number }

const step: fc.Arbitrary<Step> = fc.record({
  do: fc.constantFrom('send', 'send', 'again', 'cut', 'back', 'reload', 'echo', 'late', 'restart', 'answer'),
  who: fc.nat(SURFACES.length - 1),
})

test('B3: any interleaving of sends, reconnects, restarts and duplicates on 5 surfaces ends with one ordered log everywhere, exactly once', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const world = await createWorld()

      for (const one of steps) await world.act(one)
      await world.settle()

      const log = await world.log()
      expect(log.map(({ version }) => version)).toEqual(log.map((_, i) => i + 1))
      expect(log.map(({ body }) => (body as { text: string }).text)).toEqual(world.said)
      for (const surface of world.surfaces) expect(surface.shown).toEqual(log)
    }),
    { numRuns: process.env.PRYX_DEEP ? 2_000 : 100 },
  )
}, 120_000)

test('B3: a surface that fails to show an event shows it when it tries again, before all others', async () => {
  const log = [1, 2, 3].map((version) => ({ version }) as SessionEvent)
  const shown: number[] = []
  let failures = 1
  const mirror = createMirror({
    fetch: async (after) => log.filter(({ version }) => version > after),
    show: ({ version }) => {
      if (version === 2 && failures-- > 0) throw new Error('no connection')
      shown.push(version)
    },
  })

  await expect(mirror.catchUp()).rejects.toThrow('no connection')
  await mirror.hear(log[2]!)

  expect(shown).toEqual([1, 2, 3])
})

/** Five surfaces over one service, whose wires can be cut, doubled and delayed. */
async function createWorld() {
  const sql = createMemorySql()
  let bench = await openBench(sql)
  let lives = 1
  let heard = 0
  await bench.sessions.create({ id: 'main' })
  bench.told.length = 0
  const said: string[] = []
  const past: SessionEvent[] = []
  const surfaces = SURFACES.map((name) => openSurface(name))
  return { said, surfaces, act, settle, log }

  function openSurface(name: string) {
    const surface = {
      name,
      connected: true,
      shown: [] as SessionEvent[],
      sent: [] as { client: string; text: string }[],
      mirror: undefined as never as Mirror,
    }
    surface.mirror = mirrorOf(surface)
    return surface
  }

  function mirrorOf(surface: { shown: SessionEvent[] }): Mirror {
    return createMirror({
      fetch: async (after) => (await bench.sessions.events('main', { after, limit: 3 })).events,
      show: (event) => void surface.shown.push(event),
    })
  }

  async function act({ do: what, who }: Step): Promise<void> {
    const surface = surfaces[who]!
    if (what === 'send')
      await send(surface, { client: `c${surface.sent.length}`, text: `${surface.name} says ${surface.sent.length}` })
    if (what === 'again' && surface.sent.length > 0) await send(surface, surface.sent.at(-1)!)
    if (what === 'answer') await answer()
    if (what === 'cut') surface.connected = false
    if (what === 'back') await reconnect(surface)
    if (what === 'reload') {
      surface.shown = []
      surface.mirror = mirrorOf(surface)
      await reconnect(surface)
    }
    if (what === 'echo' && past.length > 0) await surface.mirror.hear(past[past.length >> 1]!) // doubled on the way
    if (what === 'late' && past.length > 0)
      for (const event of past.slice(-3).reverse()) await surface.mirror.hear(event)
    if (what === 'restart') {
      bench = await openBench(sql, ++lives * 1_000)
      heard = 0
    }
    await deliver()
  }

  async function send(surface: (typeof surfaces)[number], message: { client: string; text: string }): Promise<void> {
    const { duplicate } = await bench.sessions.send('main', { surface: surface.name, ...message })
    if (duplicate) return
    surface.sent.push(message)
    said.push(message.text)
  }

  async function answer(): Promise<void> {
    const text = `answer ${said.length}`
    await bench.sessions.append('main', {
      surface: 'agent',
      entries: [{ kind: 'message', body: { role: 'assistant', text } }],
    })
    said.push(text)
  }

  async function deliver(): Promise<void> {
    const news = bench.told.slice(heard).map(({ payload }) => payload as unknown as SessionEvent)
    heard = bench.told.length
    past.push(...news)
    await Promise.all(
      surfaces.flatMap(({ connected, mirror }) => (connected ? news.map((event) => mirror.hear(event)) : [])),
    )
  }

  async function reconnect(surface: (typeof surfaces)[number]): Promise<void> {
    surface.connected = true
    await surface.mirror.catchUp()
  }

  async function settle(): Promise<void> {
    for (const surface of surfaces) await reconnect(surface)
  }

  async function log(): Promise<SessionEvent[]> {
    return (await bench.sessions.events('main', { limit: 200 })).events
  }
}
