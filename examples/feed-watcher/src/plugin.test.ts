import { createHarness } from '@pryx/sdk/testing'
import { expect, test } from 'vitest'
import { feedEvents } from './events.ts'
import { taskEvents } from './scheduler.ts'

const folder = `${import.meta.dirname}/..`
const feed = 'http://localhost:8787/news.xml'

const rss = (...titles: string[]): string =>
  `<rss version="2.0"><channel>${titles
    .map(
      (title) => `<item><guid>${title}</guid><title>${title}</title><link>https://example.com/${title}</link></item>`,
    )
    .join('')}</channel></rss>`

/** A scheduler that the test rings, and a server of feeds whose answer the test sets. */
async function createWorld(config: object = {}) {
  const ended: unknown[] = []
  const tasks: unknown[] = []
  const asked: { url: string; authorization: string | null }[] = []
  const world = { ended, tasks, asked, answer: async (): Promise<Response> => new Response(rss('one')) }
  const fetch = ({ url, headers }: Request): Promise<Response> => {
    asked.push({ url, authorization: headers.get('authorization') })
    return world.answer()
  }
  const pryx = await createHarness({
    folder,
    config: { feeds: [feed], withToken: [feed], everyMinutes: 5, ...config },
    grant: 'declared',
    clock: 'fake',
    fake: {
      net: { fetch },
      secrets: { get: async (name: string) => (name === 'feeds.token' ? 'open sesame' : undefined) },
      scheduler: {
        createOrUpdate: async (task: object) => {
          tasks.push(task)
          return { ...task, id: 'task-1' }
        },
        attend: async () => {},
        complete: async (runId: string, outcome: object) => ended.push({ runId, ...outcome }) > 0,
      },
    },
  })
  let runs = 0
  async function round(): Promise<unknown> {
    const runId = `run-${++runs}`
    pryx.emit(taskEvents.due, { taskId: 'task-1', runId, attempt: 1 })
    await expect.poll(() => ended.length).toBe(runs)
    return ended.at(-1)
  }
  return Object.assign(world, { pryx, round, [Symbol.asyncDispose]: () => pryx[Symbol.asyncDispose]() })
}

const published = ({ events }: { events: readonly { name: string; payload: unknown }[] }) =>
  events.filter(({ name }) => name === feedEvents.published.name).map(({ payload }) => payload)

test('the scheduler rings every five minutes, and the secret goes along', async () => {
  await using world = await createWorld()
  await world.round()

  expect(world.tasks).toEqual([{ name: 'feed-watcher', trigger: { kind: 'interval', everyMs: 300_000 } }])
  expect(world.asked).toEqual([{ url: feed, authorization: 'Bearer open sesame' }])
})

test('F4: a feed that is not named for the secret does not get it', async () => {
  await using world = await createWorld({ withToken: ['http://localhost:8787/private.xml'] })
  await world.round()

  expect(world.asked).toEqual([{ url: feed, authorization: null }])
})

test('F1 F2: what is new is announced once, what was there at first is not', async () => {
  await using world = await createWorld()
  await world.round()
  expect(published(world.pryx)).toEqual([])

  world.answer = async () => new Response(rss('two', 'one'))
  expect(await world.round()).toMatchObject({ ok: true, result: 1 })
  expect(await world.round()).toMatchObject({ ok: true, result: 0 })

  expect(published(world.pryx)).toEqual([{ feed, id: 'two', title: 'two', link: 'https://example.com/two' }])
  expect(await world.pryx.tool('feeds.latest', { count: 1 })).toMatchObject([{ title: 'two' }])
})

test('F1: what was seen is known to the code that comes after', async () => {
  await using world = await createWorld()
  await world.round()
  await world.pryx.reload()

  expect(await world.round()).toMatchObject({ ok: true, result: 0 })
  expect(await world.pryx.tool('feeds.latest', {})).toHaveLength(1)
})

test('F3: a feed that answers nonsense or an error fails the round, by its name', async () => {
  await using world = await createWorld()
  world.answer = async () => new Response('<html>Log in</html>')
  expect(await world.round()).toMatchObject({ ok: false, error: expect.stringContaining(`${feed}: `) })
  world.answer = async () => new Response('gone', { status: 410 })
  expect(await world.round()).toMatchObject({ ok: false, error: expect.stringContaining('HTTP 410') })
})

test('without the permission to reach the feed nothing is asked of it', async () => {
  await using world = await createWorld()
  await world.pryx.revoke('net:localhost:8787')

  expect(await world.round()).toMatchObject({ ok: false, error: expect.stringContaining('net:localhost:8787') })
  expect(world.asked).toEqual([])
})
