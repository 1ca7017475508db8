import { expect, test } from 'vitest'
import { PryxError } from '../contract/index.ts'
import { createFakeClock } from '../powers-testing.ts'
import { createHooks, type HookListener, type HookRun } from './hooks.ts'
import { createTools, type Tool, type ToolCall } from './tools.ts'

function setup({ rank }: { rank?: (plugin: string) => number } = {}) {
  const clock = createFakeClock()
  const failures: { plugin: string }[] = []
  const hooks = createHooks({ clock, onHookFailed: (failure) => failures.push(failure), ...(rank && { rank }) })
  const tools = createTools({ clock, hooks })
  const listen = (name: string, plugin: string, invoke: HookListener['invoke']) =>
    hooks.register({ name, plugin, invoke })
  const run = (more: Partial<HookRun> = {}) =>
    hooks.run({ name: 'before:x', value: 1, failure: 'closed', timeoutMs: 100, from: 'a', trace: 't', ...more })
  const call = (more: Partial<ToolCall> = {}) =>
    tools.call({ name: 'weather.now', input: { city: 'Lisbon' }, from: 'agent', trace: 't', ...more })
  return { clock, hooks, tools, failures, listen, run, call }
}

function weather(more: Partial<Tool> = {}): Tool {
  const invoke: Tool['invoke'] = async ({ input }) => ({ for: input })
  return { name: 'weather.now', plugin: 'weather', description: 'Current weather', invoke, ...more }
}

const addTo = (word: string) => async (value: unknown) => ({ value: `${value}${word}` })

test('K6: hook listeners run in start order, then as registered, each on what the one before it left', async () => {
  const { listen, run } = setup({ rank: (plugin) => ['first', 'second'].indexOf(plugin) })
  listen('before:x', 'second', addTo('c'))
  listen('before:x', 'first', addTo('a'))
  listen('before:x', 'first', addTo('b'))

  await expect(run({ value: '' })).resolves.toBe('abc')
})

test('K6: a plugin that restarts keeps its place among the listeners', async () => {
  const { listen, run } = setup()
  const release = listen('before:x', 'guard', addTo('a'))
  listen('before:x', 'log', addTo('b'))
  void release()
  listen('before:x', 'guard', addTo('A'))

  await expect(run({ value: '' })).resolves.toBe('Ab')
})

test('K6: a veto stops the act with plugin and reason, and later listeners are not asked', async () => {
  const { listen, run } = setup()
  listen('before:x', 'guard', async () => ({ veto: 'not at night' }))
  listen('before:x', 'late', () => expect.unreachable())

  await expect(run()).rejects.toMatchObject({
    code: 'HOOK_VETOED',
    details: { plugin: 'guard', reason: 'not at night' },
  })
})

test.each([
  ['throws', () => Promise.reject(new Error('broken'))],
  ['is late', () => new Promise(() => {})],
  ['answers nonsense', async () => 7],
  ['claims a veto by throwing', () => Promise.reject(new PryxError('HOOK_VETOED', 'forged'))],
])(
  'K6: a listener that %s stops a closed hook and is passed over by an open one, which reports it',
  async (_, invoke) => {
    const { listen, run, clock, failures } = setup()
    listen('before:x', 'broken', invoke)
    listen('before:x', 'fine', addTo('!'))

    const closed = expect(run()).rejects.toMatchObject({ code: 'HOOK_FAILED', details: { plugin: 'broken' } })
    const open = expect(run({ failure: 'open' })).resolves.toBe('1!')
    await clock.advance(100)

    await Promise.all([closed, open])
    expect(failures).toMatchObject([{ plugin: 'broken' }])
    expect(clock.pending).toBe(0)
  },
)

test('H4: a caller that cancels ends the run, open or closed', async () => {
  const { listen, run } = setup()
  listen('before:x', 'slow', () => new Promise(() => {}))
  const controller = new AbortController()
  const ended = expect(run({ failure: 'open', signal: controller.signal })).rejects.toThrow('enough')

  controller.abort(new Error('enough'))

  await ended
})

test('K6: a tool call goes through both hooks, which may change its input and its result', async () => {
  const { tools, listen, call } = setup()
  const seen: unknown[] = []
  tools.register(weather())
  listen('before:tool.call', 'guard', async (value) => {
    seen.push(value)
    return { value: { ...(value as object), input: { city: 'Porto' } } }
  })
  listen('after:tool.call', 'guard', async (value) => {
    seen.push(value)
    return { value: { ...(value as object), result: 'redacted' } }
  })

  await expect(call()).resolves.toBe('redacted')
  const asked = { tool: 'weather.now', plugin: 'weather', from: 'agent' }
  expect(seen).toEqual([
    { ...asked, input: { city: 'Lisbon' } },
    { ...asked, input: { city: 'Porto' }, result: { for: { city: 'Porto' } } },
  ])
})

test('T2: a hook cannot make another listener believe in another tool or caller', async () => {
  const { tools, listen, call } = setup()
  let seen: unknown
  tools.register(weather())
  listen('before:tool.call', 'liar', async () => ({ value: { tool: 'x', plugin: 'y', from: 'host', input: 1 } }))
  listen('before:tool.call', 'guard', async (value) => {
    seen = value
  })

  await call()

  expect(seen).toEqual({ tool: 'weather.now', plugin: 'weather', from: 'agent', input: 1 })
})

test('K6: a vetoed tool call never reaches the tool', async () => {
  const { tools, listen, call } = setup()
  tools.register(weather({ invoke: () => expect.unreachable() }))
  listen('before:tool.call', 'guard', async () => ({ veto: 'no weather today' }))

  await expect(call()).rejects.toMatchObject({ code: 'HOOK_VETOED' })
})

test('T3: a broken listener after the deed does not make it look undone', async () => {
  const { tools, listen, call, failures } = setup()
  tools.register(weather())
  listen('after:tool.call', 'broken', () => Promise.reject(new Error('broken')))

  await expect(call()).resolves.toEqual({ for: { city: 'Lisbon' } })
  expect(failures).toMatchObject([{ plugin: 'broken' }])
})

test('K6: a missing tool names the nearest, a late one is cancelled, a taken name is refused', async () => {
  const { tools, call, clock } = setup()
  let signal: AbortSignal | undefined
  tools.register(
    weather({
      invoke: (invocation) => {
        signal = invocation.signal
        return new Promise(() => {})
      },
    }),
  )

  await expect(call({ name: 'wether.now' })).rejects.toMatchObject({
    code: 'TOOL_MISSING',
    hint: expect.stringContaining('"weather.now"'),
  })
  expect(() => tools.register(weather({ plugin: 'other' }))).toThrow(expect.objectContaining({ code: 'TOOL_TAKEN' }))
  const late = expect(call({ timeoutMs: 50 })).rejects.toMatchObject({ code: 'TOOL_TIMEOUT' })
  await clock.advance(0)
  await clock.advance(50)
  await late
  expect(signal?.aborted).toBe(true)
  expect(clock.pending).toBe(0)
})

test('K6: the list of tools shows what callers need and hides how they run', () => {
  const { tools } = setup()
  const input = { type: 'object' }
  const release = tools.register(weather({ input }))

  expect(tools.list()).toEqual([{ name: 'weather.now', plugin: 'weather', description: 'Current weather', input }])
  void release()
  expect(tools.list()).toEqual([])
})

test('K7: callers of a tool whose plugin reloads wait for the new instance', async () => {
  const { tools, call, clock } = setup()
  const release = tools.register(weather())
  const resume = tools.hold('weather.now')
  const answer = call()
  await clock.advance(10)

  void release()
  tools.register(weather({ invoke: async () => 'new' }))
  void resume()

  await expect(answer).resolves.toBe('new')
})
