import { PryxError, UsageError } from '@pryx/sdk'
import { expect, test, vi } from 'vitest'
import { createApi } from '../api.ts'
import { createJournal } from '../journal.ts'
import { createChatHub } from './hub.ts'
import { createChatServices } from './services.ts'

const model = (slug: string, more = {}) => ({
  ...{ slug, name: slug, provider: slug.split('/')[0], local: false, status: 'stable', output: ['text'], prices: {} },
  ...{ tools: true, vision: false, reasoning: false },
  ...more,
})

/** The API on chat services that note what they are asked. */
function setUp({ absent = false } = {}) {
  const sessions = {
    list: vi.fn(async () => [{ id: 'main' }]),
    get: vi.fn(async (id: string) => ({ id, title: 'Plans: <b>a/b</b>\r\nx' })),
    create: vi.fn(async (options: object) => ({ id: 'new', ...options })),
    export: vi.fn(async () => '<script>no page</script>'),
    branch: vi.fn(async (id: string, version: number) => ({ id: `${id}-${version}` })),
  }
  const agent = {
    start: vi.fn(async () => ({ id: 'r1', status: 'queued' })),
    stop: vi.fn(async (_run: string): Promise<boolean> => true),
  }
  const models = {
    providers: async () => [
      { id: 'echo', name: 'Echo', state: 'ready', local: true },
      { id: 'openai', name: 'OpenAI', state: 'needs-key', local: false },
    ],
    list: vi.fn(async () => [model('echo/echo', { prices: { input: 0, output: 0 }, context: 1_000 }), model('a/odd')]),
    usage: async () => [{ key: 'main', calls: 2, inputTokens: 10, outputTokens: 5, usd: 0.5, unpriced: 1 }],
    show: async (slug: string) => {
      if (slug === 'a/gone') throw new UsageError('MODELS_UNKNOWN', 'no such model')
      return model(slug, { context: 1_000 })
    },
  }
  const provided: Record<string, unknown> = absent ? {} : { sessions, agent, models }
  const chat = createChatServices({ tryUse: async ({ name }) => provided[name] as never })
  const rest = { kernel: {}, tasks: {}, watch: { nudge() {} }, clock: {}, signal: new AbortController().signal }
  const api = createApi({ ...rest, chat, hub: createChatHub(), journal: createJournal('t') } as never)
  const get = async (path: string) => api(new Request(`http://127.0.0.1/api/chat${path}`))
  const post = async (path: string, body: unknown = {}) =>
    api(new Request(`http://127.0.0.1/api/chat${path}`, { method: 'POST', body: JSON.stringify(body) }))
  return { sessions, agent, models, get, post }
}

test('B1: a message goes to the agent under the id of the page, as said on this surface', async () => {
  const { agent, post } = setUp()

  const answer = await post('/sessions/main/messages', { client: 'page-0001', text: 'hello', model: 'a/b' })

  expect(await answer.json()).toEqual({ run: 'r1', status: 'queued' })
  expect(agent.start).toHaveBeenCalledWith({
    session: 'main',
    surface: 'web',
    key: 'page-0001',
    text: 'hello',
    model: 'a/b',
  })
})

test.each([
  { client: 'page-0001', text: '' },
  { client: 'short', text: 'hello' },
  { client: 'page-0001', text: 'hello', origin: 'a stranger' },
  { client: 'page-0001', text: 'hello', surface: 'terminal' },
  { client: 'page-0001', text: 'hello', role: 'assistant' },
])('B1: the page says what a user said, and nothing else: %j is refused', async (body) => {
  const { agent, post } = setUp()

  const answer = await post('/sessions/main/messages', body)

  expect(answer.status).toBe(400)
  expect(agent.start).not.toHaveBeenCalled()
})

test('B5: an export is a file to be saved, never a page', async () => {
  const { get } = setUp()

  const { headers } = await get('/sessions/main/export')

  expect(headers.get('content-type')).toBe('text/plain; charset=utf-8')
  expect(headers.get('content-disposition')).toBe('attachment; filename="Plans babbx.md"')
  expect(headers.get('x-content-type-options')).toBe('nosniff')
})

test('B5: prices and windows that are not known are left out, and nobody but the echo is said to be nobody', async () => {
  const { models, get } = setUp()

  expect(await (await get('/models')).json()).toMatchObject({
    models: [{ slug: 'echo/echo', input: 0, output: 0, context: 1_000 }, { slug: 'a/odd' }],
    missing: [{ id: 'openai', name: 'OpenAI' }],
    echoOnly: false,
  })
  models.list.mockResolvedValueOnce([model('echo/echo')])
  const { models: known, echoOnly } = (await (await get('/models')).json()) as { models: object[]; echoOnly: boolean }
  expect([Object.keys(known[0]!).includes('input'), echoOnly]).toEqual([false, true])
})

test('M1: the cost of a chat comes with the window of the model that answered, if it is known', async () => {
  const { get } = setUp()
  const cost = { usd: 0.5, unpriced: 1, inputTokens: 10, outputTokens: 5, calls: 2 }

  expect(await (await get('/sessions/main/cost?model=a/b')).json()).toEqual({ ...cost, context: 1_000 })
  expect(await (await get('/sessions/main/cost?model=a/gone')).json()).toEqual(cost)
})

test('L7: a run that has ended is no error to stop', async () => {
  const { agent, post } = setUp()

  expect(await (await post('/runs/r1/stop')).json()).toEqual({ stopped: true })
  agent.stop.mockRejectedValueOnce(new PryxError('RUN_UNKNOWN', 'no such run'))
  expect(await (await post('/runs/r1/stop')).json()).toEqual({ stopped: false })
})

test('B5: without its plugins the chat says which to install', async () => {
  const { get, post } = setUp({ absent: true })

  const answers = [await get('/sessions'), await get('/models'), await post('/runs/r1/stop')]

  expect(answers.map(({ status }) => status)).toEqual([503, 503, 503])
  expect(await answers[0]!.json()).toMatchObject({ error: { code: 'WEB_NO_SESSIONS', hint: /plugin-sessions/ } })
})
