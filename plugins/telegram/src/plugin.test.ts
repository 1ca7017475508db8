// The plugin in its isolate, grammY in it, against a Bot API on loopback; sessions is the real plugin, the agent a stand-in that answers.
import { fileURLToPath } from 'node:url'
import { createNetCapability, createStorageCapability } from '@pryx/capabilities'
import { Sessions } from '@pryx/plugin-sessions/service'
import type { PluginId } from '@pryx/sdk'
import { createHarness, type Harness } from '@pryx/sdk/testing'
import { expect, test, vi } from 'vitest'
import own from '../package.json' with { type: 'json' }
import { Telegram } from './service.ts'
import { type BotApi, openBotApi, TOKEN } from './telegram-testing.ts'

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const LONG = { timeout: 120_000 }
const PATIENT = { timeout: 6_000, interval: 20 }

test('B4: without a token it costs nothing and says what to do', LONG, async () => {
  await using bench = await open({ token: '' })

  const status = await (await bench.pryx.use(Telegram)).status()

  expect(status).toMatchObject({
    state: 'unconfigured',
    text: expect.stringContaining('pryx secrets set telegram.token'),
    peers: 0,
  })
  expect(bench.pryx.calls.filter(({ capability }) => capability === 'net')).toEqual([])
  await expect((await bench.pryx.use(Telegram)).link()).rejects.toMatchObject({ code: 'CHANNEL_UNCONFIGURED' })
})

test(
  'B4: a stranger gets one polite no, guesses are bounded, the code links, and words reach the agent once',
  LONG,
  async () => {
    await using bench = await open()
    const { api, started } = bench
    const { code } = await bench.code()
    const wrong = (i: number) => `WRNG${String(2222 + i)}`
    for (let i = 0; i < 8; i++) api.say(wrong(i), { chat: 666 })
    api.say('hello?', { chat: 7 })
    await api.until(/private bot/, 666)
    await api.until(/private bot/, 7)
    api.say(code, { chat: 666 }) // it has used up its guesses: even the right one is no news to it

    api.say(`/start ${code}`)
    await api.until(/^Linked/)
    api.say('What is new?')
    await vi.waitFor(() => expect(started).toHaveLength(1), PATIENT)

    expect(started[0]).toMatchObject({
      text: 'What is new?',
      session: 'main',
      surface: 'telegram:42',
      key: expect.stringMatching(/^tg\.42\.\d+$/),
    })
    expect(api.messages(666)).toHaveLength(1)
    expect((await bench.telegram.links()).map(({ chat }) => chat)).toEqual(['42'])
    api.say(code, { chat: 8 }) // a code is used up
    await api.until(/private bot/, 8)
    expect(await bench.telegram.links()).toHaveLength(1)
  },
)

test(
  'B4: an update that comes again, also after a restart, has its effect once; what came while away is not lost',
  LONG,
  async () => {
    await using bench = await open()
    await bench.link()
    const { api, started } = bench
    api.say('one')
    await vi.waitFor(() => expect(started).toHaveLength(1), PATIENT)

    const reload = bench.pryx.reload()
    api.say('two')
    await reload
    await vi.waitFor(() => expect(started.map(({ text }) => text)).toContain('two'), PATIENT)
    api.push({ ...bench.lastMessage(), update_id: 1_003 }) // as if Telegram had not heard that it was taken
    api.say('three')

    await vi.waitFor(() => expect(started.map(({ text }) => text)).toContain('three'), PATIENT)
    expect(new Set(started.map(({ key }) => key)).size).toBe(3)
  },
)

test('B1: B2: answers are rendered, long ones split, and what other surfaces say is mirrored', LONG, async () => {
  await using bench = await open()
  await bench.link()
  const { api, sessions } = bench

  await sessions.send('main', { surface: 'web', client: 'w1', text: 'Hi from the page' })
  await bench.answer('**Bold** and `code`')
  await bench.answer(`Begin\n\n${'```ts\n'}${'const a = 1 // <b>\n'.repeat(400)}${'```'}\n\nThe end`)

  expect(await api.until('You on web: Hi from the page')).toMatchObject({ html: true })
  await api.until('Bold and code')
  await api.until(/The end$/)
  const texts = api.messages().map(({ text }) => text)
  expect(texts.filter((text) => text.includes('const a = 1')).length).toBeGreaterThanOrEqual(2)
  expect(texts.join('').match(/const a = 1/g)).toHaveLength(400)
})

test('B4: refused markup is sent as plain text; 429 is waited out and nothing is lost', LONG, async () => {
  await using bench = await open()
  await bench.link()
  const { api } = bench
  api.fail('sendMessage', { status: 400, description: "Bad Request: can't parse entities: no" })
  await bench.answer('**one**')
  expect(await api.until('one')).toMatchObject({ html: false })

  api.fail(
    'sendMessage',
    ...Array.from({ length: 3 }, () => ({ status: 429, description: 'Too Many Requests', retry_after: 1 })),
  )
  const before = Date.now()
  await bench.answer('two')
  await bench.answer('three')
  await api.until('three')

  expect(Date.now() - before).toBeGreaterThanOrEqual(2_900)
  const texts = api.messages().map(({ text }) => text)
  expect(texts.filter((text) => ['one', 'two', 'three'].includes(text))).toEqual(['one', 'two', 'three'])
})

test('B1: an answer in the making is one message that grows, and the finished answer takes it over', LONG, async () => {
  await using bench = await open()
  await bench.link()
  const { api, sessions } = bench
  await sessions.append('main', {
    surface: 'web',
    entries: [{ kind: 'run.started', body: { run: 'r1' } }],
    run: 'r1',
    claim: 'take',
  })
  await vi.waitFor(() => expect(api.asked.some(([method]) => method === 'sendChatAction')).toBe(true), PATIENT)

  for (const word of ['Once ', 'upon ', 'a ', 'time']) await sessions.delta('main', 'r1', word)
  const { id } = await api.until('Once upon a time')
  await sessions.delta('main', 'r1', ' there was')
  await api.until('Once upon a time there was')
  await bench.answer('Once upon a time there was a *kernel*.', 'r1')

  expect(await api.until('Once upon a time there was a kernel.')).toMatchObject({ id, edits: 2 })
  expect(api.messages().filter(({ text }) => text.startsWith('Once'))).toHaveLength(1)
})

test(
  'K5: a question comes with buttons; the first answer on any surface wins and closes it everywhere',
  LONG,
  async () => {
    await using bench = await open()
    await bench.link()
    const { api, pryx } = bench
    const ask = (host: string) =>
      pryx.kernel.approvals.ask({
        plugin: 'notes' as PluginId,
        permission: `net:${host}`,
        sentence: `talk to ${host}`,
        risk: 'low',
        trace: 't',
      })

    const here = ask('a.example')
    const { buttons, id } = await api.until('❓ notes wants to talk to a.example.')
    api.press(buttons[0]!.callback_data, id)
    expect(await here).toMatchObject({ answer: 'allow', duration: 'once', by: 'telegram' })
    expect(await api.until(/a\.example\.\n✅ allowed by telegram$/)).toMatchObject({ id, buttons: [] })

    const there = ask('b.example')
    const second = await api.until('❓ notes wants to talk to b.example.')
    const [pending] = pryx.kernel.approvals.pending()
    pryx.kernel.approvals.resolve(pending!.id, { answer: 'deny', duration: 'once', by: 'web' })
    expect(await there).toMatchObject({ answer: 'deny' })
    expect(await api.until(/b\.example\.\n🚫 denied by web$/)).toMatchObject({ id: second.id, buttons: [] })
    api.press(second.buttons[0]!.callback_data, second.id)
    await vi.waitFor(
      () => expect(api.asked.at(-1)).toMatchObject(['answerCallbackQuery', { text: 'This was answered before.' }]),
      PATIENT,
    )
  },
)

test(
  'S3: a notice comes to private chats within 5 s and once, also when Telegram was away; what escalates has a button that ends it',
  LONG,
  async () => {
    await using bench = await open()
    await bench.link()
    const { api, pryx, acknowledged } = bench
    const notice = { at: 1, kind: 'failed', level: 'error', text: 'disk <full>', escalates: false }
    const shown = (title: string) => api.messages().filter(({ text }) => text.includes(title))

    const raisedAt = Date.now()
    for (const _ of [1, 2]) pryx.emit('notice.raised', { ...notice, id: 'failed:1', title: 'Backup failed' })
    await api.until(/Backup failed\n\ndisk <full>/)
    expect(Date.now() - raisedAt).toBeLessThan(5_000)

    api.fail('sendMessage', { status: 500 })
    pryx.emit('notice.raised', { ...notice, id: 'failed:2', title: 'Sync failed' })
    await vi.waitFor(() => expect(pryx.logs.map(({ text }) => text).join()).toContain('a notice waits'), PATIENT)
    await pryx.reload()
    await api.until(/Sync failed/)

    for (const left of [2, 1])
      pryx.emit('notice.raised', { ...notice, id: 'escalated:3', title: 'Door open', escalates: true, left })
    await vi.waitFor(() => expect(shown('Door open')).toHaveLength(2), PATIENT)
    const [first] = shown('Door open')
    api.press(first!.buttons[0]!.callback_data, first!.id)
    await vi.waitFor(() => expect(acknowledged).toEqual(['escalated:3']), PATIENT)
    pryx.emit('notice.acknowledged', { id: 'escalated:3', by: 'telegram' })
    await vi.waitFor(() => expect(shown('Door open').flatMap(({ buttons }) => buttons)).toEqual([]), PATIENT)

    expect([shown('Backup failed'), shown('Sync failed')].map((all) => all.length)).toEqual([1, 1])
    expect(bench.started).toEqual([])
  },
)

test('B4: hostile updates do no harm, and those after them are heard', LONG, async () => {
  await using bench = await open()
  await bench.link()
  const { api, started } = bench
  const hostile: unknown[] = [
    { message: null },
    { message: { message_id: 'x', chat: { id: {} } } },
    { message: { message_id: 1, chat: { id: 42, type: 'private' }, from: { id: 42 }, text: 'x'.repeat(900_000) } },
    { message: { message_id: 1, chat: { id: 42, type: 'private' }, from: { id: 42 }, text: 7 } },
    JSON.parse('{"__proto__":{"message":{"message_id":1}},"constructor":{"prototype":{"x":1}}}'),
    {
      callback_query: {
        id: 'q',
        from: { id: 42 },
        data: 's:__proto__',
        message: { message_id: 1, chat: { id: 42, type: 'private' } },
      },
    },
    {
      callback_query: {
        id: 'q',
        from: { id: 42 },
        data: 'q:once:../../x',
        message: { message_id: 1, chat: { id: 42, type: 'private' } },
      },
    },
    {
      message: {
        message_id: 2,
        chat: { id: 42, type: 'private' },
        from: { id: 42 },
        document: { file_id: '../../etc', file_name: '../../../etc/passwd', file_size: 9e15 },
      },
    },
    { message: { message_id: 3, chat: { id: 42, type: 'private' }, from: { id: 666 }, text: 'I am not the one' } },
    { my_chat_member: { chat: [] } },
  ]
  for (const update of hostile) api.push(update as Record<string, unknown>)

  api.say('still there?')

  await vi.waitFor(() => expect(started.map(({ text }) => text)).toEqual(['still there?']), PATIENT)
  expect(bench.pryx.status).toMatchObject({ stage: 'active', failures: 0 })
})

test('B4: a file that comes in lies in the workspace, one that goes out comes from there', LONG, async () => {
  await using bench = await open()
  await bench.link()
  const { api, started, files } = bench

  api.sendFile('../../notes of mine.txt', new TextEncoder().encode('milk'), 'Read this')
  await vi.waitFor(() => expect(started).toHaveLength(1), PATIENT)
  await bench.telegram.send('42', { text: 'Here', file: 'report.csv', key: 'k1' })
  await bench.telegram.send('42', { text: 'Here', file: 'report.csv', key: 'k1' })

  expect(started[0]!.text).toMatch(/^Read this\n\n\[file: inbox\/telegram\/42-\d+-_.._notes of mine\.txt\]$/)
  expect([...files.values()]).toContain('milk')
  const forms = api.asked.filter(([method]) => method === 'sendDocument').map(([, form]) => Object.values(form))
  expect(forms).toEqual([expect.arrayContaining([{ name: 'report.csv', text: 'a,b' }])])
})

test('B4: commands: a new session, the list of them, another model, and stop', LONG, async () => {
  await using bench = await open()
  await bench.link()
  const { api, started } = bench

  api.say('/new Holidays')
  await api.until(/new conversation/)
  api.say('/model openai/gpt-5')
  await api.until(/From now on/)
  api.say('Where to?')
  await vi.waitFor(() => expect(started).toHaveLength(1), PATIENT)
  expect(started[0]).toMatchObject({ session: expect.stringMatching(/^tg\.42\.\d+$/), model: 'openai/gpt-5' })

  api.say('/sessions')
  const list = await api.until('Which one?')
  expect(list.buttons.map(({ text }) => text)).toContain('• Holidays')
  api.press('s:main', list.id)
  await api.until('This is the conversation main now.')
  api.say('/stop')
  await api.until('Stopped.')
})

test('B4: a broken connection is back by itself, and what was said meanwhile is shown, once', LONG, async () => {
  await using bench = await open()
  await bench.link()
  const { api } = bench
  api.down(true)
  await vi.waitFor(async () => expect((await bench.telegram.status()).state).toBe('waiting'), PATIENT)
  await bench.answer('said while away')

  api.down(false)

  await api.until('said while away')
  await vi.waitFor(async () => expect((await bench.telegram.status()).state).toBe('online'), PATIENT)
  expect(api.messages().filter(({ text }) => text === 'said while away')).toHaveLength(1)
})

test('B4: a refused token is said, never shown: not in logs, audit, status or errors', LONG, async () => {
  const wrong = `${TOKEN.slice(0, -4)}ZZZZ`
  await using bench = await open({ token: wrong })
  await vi.waitFor(async () => expect((await bench.telegram.status()).state).toBe('refused'), PATIENT)

  const all = JSON.stringify([
    bench.pryx.logs,
    bench.pryx.audit,
    bench.pryx.events,
    bench.pryx.facts,
    await bench.telegram.status(),
  ])

  expect(all).not.toContain(wrong.split(':')[1])
  expect(all).toContain('not valid')
})

test('B4: the token is in no record of an ordinary day either', LONG, async () => {
  await using bench = await open()
  await bench.link()
  bench.api.fail('sendMessage', { status: 403, description: 'Forbidden: bot was blocked by the user' })
  await bench.answer('nobody hears')
  await vi.waitFor(async () => expect((await bench.telegram.links())[0]?.paused).toBe(true), PATIENT)

  const all = JSON.stringify([bench.pryx.logs, bench.pryx.audit, bench.pryx.events, bench.pryx.facts])

  expect(all).toContain('net.fetch')
  expect(all).not.toContain(TOKEN.split(':')[1])
})

test('B4: by webhook: only with the secret Telegram was given, and each update once', LONG, async () => {
  await using bench = await open({ config: { mode: 'webhook', publicUrl: 'https://bot.example' } })
  const { api, started, pryx } = bench
  await vi.waitFor(async () => expect((await bench.telegram.status()).state).toBe('online'), PATIENT)
  const [, hook] = api.asked.find(([method]) => method === 'setWebhook')!
  const post = (update: object, secret = String(hook.secret_token)) =>
    pryx.fetch('/telegram', {
      method: 'POST',
      body: JSON.stringify(update),
      headers: { 'content-type': 'application/json', 'x-telegram-bot-api-secret-token': secret },
    })
  const from = { chat: { id: 42, type: 'private' }, from: { id: 42 } }
  const { code } = await bench.code()
  const statuses = [
    await post({ update_id: 5, message: { message_id: 1, text: `/start ${code}`, ...from } }, 'guess'),
    await post({ update_id: 5, message: { message_id: 1, text: `/start ${code}`, ...from } }),
  ].map(({ status }) => status)
  await api.until(/^Linked/)

  for (let i = 0; i < 3; i++) await post({ update_id: 9, message: { message_id: 3, text: 'late but once', ...from } })
  await post({ update_id: 7, message: { message_id: 2, text: 'out of order', ...from } })

  await vi.waitFor(() => expect(started).toHaveLength(2), PATIENT)
  expect(statuses).toEqual([401, 200])
  expect(hook).toMatchObject({
    url: 'https://bot.example/telegram',
    secret_token: expect.stringMatching(/^[0-9a-f]{64}$/),
  })
  expect(started.map(({ text }) => text)).toEqual(['late but once', 'out of order'])
})

interface Bench extends AsyncDisposable {
  api: BotApi
  pryx: Harness
  telegram: Telegram
  sessions: Sessions
  started: { text: string; key: string; session: string; surface: string }[]
  /** Ids of notices. */
  acknowledged: string[]
  /** Texts written into the workspace, by path. */
  files: Map<string, string>
  code(): Promise<{ code: string }>
  /** Links chat 42. */
  link(): Promise<void>
  /** The agent says something in `main`. */
  answer(text: string, run?: string): Promise<void>
  lastMessage(): Record<string, unknown>
}

async function open({ token = TOKEN, config = {} }: { token?: string; config?: object } = {}): Promise<Bench> {
  await using owner = new AsyncDisposableStack()
  const api = owner.use(await openBotApi())
  const storage = createStorageCapability()
  owner.defer(() => storage[Symbol.asyncDispose]?.())
  const started: Bench['started'] = []
  const files = new Map<string, string>()
  const acknowledged: string[] = []
  const secrets = new Map<string, string>()
  if (token) secrets.set('telegram.token', token)
  const pryx = owner.use(
    await createHarness({
      folder: at('..'),
      grant: 'declared',
      ask: 'wait',
      config: { apiRoot: api.url, ...config },
      manifest: { permissions: [...own.pryx.permissions, `net:${new URL(api.url).host}`, 'kernel:control'] },
      capabilities: [storage, createNetCapability()],
      fake: {
        secrets: {
          get: (name: string) => secrets.get(name),
          set: (name: string, value: string) => void secrets.set(name, value),
        },
        agent: {
          start: (request: Bench['started'][number]) => {
            if (!started.some(({ key }) => key === request.key)) started.push(request)
            return { id: request.key, session: request.session, status: 'queued' }
          },
          runs: () => [{ id: 'r1' }],
          stop: () => true,
        },
        scheduler: { acknowledge: (id: string) => acknowledged.push(id) > 0 },
        kernel: {
          answer: (id: string, choice: { answer: 'allow' | 'deny'; duration: 'once' }) =>
            pryx.kernel.approvals.resolve(id, { ...choice, by: 'telegram' }),
        },
        fs: {
          mkdir: () => undefined,
          stat: () => ({ kind: 'file', size: 3 }),
          read: () => new TextEncoder().encode('a,b'),
          write: async (path: string, content: ReadableStream<Uint8Array> | Uint8Array) =>
            void files.set(path, await new Response(content as Uint8Array<ArrayBuffer>).text()),
        },
      },
      beside: [{ folder: at('../../sessions') }],
    }),
  )
  const telegram = await pryx.use(Telegram)
  const sessions = await pryx.use(Sessions)
  const owned = owner.move()
  const code = async () => {
    await vi.waitFor(async () => expect((await telegram.status()).state).toBe('online'), PATIENT)
    return telegram.link()
  }
  return {
    api,
    pryx,
    telegram,
    sessions,
    started,
    acknowledged,
    files,
    code,
    async link() {
      api.say(`/start ${(await code()).code}`)
      await api.until(/^Linked/)
    },
    answer: async (text, run) =>
      void (await sessions.append('main', {
        surface: 'web',
        entries: [{ kind: 'message', body: { role: 'assistant', text } }],
        ...(run && { run }),
      })),
    lastMessage: () => ({ message: { message_id: 1, chat: { id: 42, type: 'private' }, from: { id: 42 } } }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
