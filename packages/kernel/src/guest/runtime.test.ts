import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { definePlugin, type PluginContext, type PluginDefinition } from '../contract/plugin.ts'
import { defineEvents, defineHook, defineService, type ServiceToken } from '../contract/tokens.ts'
import type { ManifestTool } from '../contract/wire.ts'
import { openGuest } from './guest-testing.ts'

const Notes = defineService<{ save(text: string): Promise<string> }>('notes', '1.2.0', {
  methods: { save: { input: z.tuple([z.string().max(5)]) } },
})
const note = defineEvents('note', { saved: z.object({ id: z.string() }) })

describe('life', () => {
  test('K1: a config its schema refuses fails the activation and names the path', async () => {
    const guest = openGuest(definePlugin({ config: z.object({ city: z.string() }), activate() {} }))

    await guest.activate({ config: { city: 7 } })

    expect(guest.sent).toMatchObject([{ t: 'failed', error: { code: 'CONFIG_INVALID', details: { path: 'city' } } }])
  })

  test('K1: a tool needs no code beyond the handler its manifest names', async () => {
    const tools: ManifestTool[] = [
      {
        name: 'echo',
        description: 'Says it again',
        input: { type: 'object', properties: { text: { type: 'string' } }, required: ['text'] },
        handler: 'echo',
      },
    ]
    const guest = openGuest(undefined, {
      echo: ({ text }: { text: string }, call: { from: string }) => `${call.from}: ${text}`,
    })
    await guest.activate({ tools })
    expect(guest.take()).toMatchObject([
      { t: 'provide', kind: 'tool', name: 'echo', description: 'Says it again', input: { type: 'object' } },
      { t: 'active' },
    ])

    await guest.deliver(call(1, 'tool', 'echo', { text: 'hi' }), call(2, 'tool', 'echo', { text: 1 }))

    expect(guest.take()).toMatchObject([
      { t: 'reply', id: 1, value: 'ada: hi' },
      { t: 'reply', id: 2, error: { code: 'TOOL_INPUT', details: { path: 'text' } } },
    ])
  })

  test('K1: a missing default export, or a handler that is not exported, fails with what to write', async () => {
    for (const tools of [[], [{ name: 'x', description: 'x', handler: 'nope' }]]) {
      const guest = openGuest(undefined)
      await guest.activate({ tools })
      expect(guest.sent).toMatchObject([{ t: 'failed', error: { name: 'ManifestError', hint: expect.any(String) } }])
    }
  })

  test('K2: the end undoes effects newest first, after the plugin’s own deactivate, then aborts ctx.signal', async () => {
    const order: string[] = []
    const guest = openGuest({
      activate(ctx) {
        ctx.signal.addEventListener('abort', () => order.push('signal'))
        ctx.effect(() => () => void order.push('first'))
        ctx.effect(() => () => void order.push('second'))
        return { deactivate: () => void order.push('own') }
      },
    })
    await guest.activate()

    await guest.deliver({ t: 'deactivate', reason: 'test' }, { t: 'deactivate', reason: 'again' })

    expect(order).toEqual(['own', 'second', 'first', 'signal'])
    expect(guest.sent.filter(({ t }) => t === 'stopped')).toEqual([{ t: 'stopped' }])
  })

  test('K2: effects that fail to end are reported together and do not stop the end', async () => {
    const guest = openGuest({
      activate(ctx) {
        for (const name of ['a', 'b']) ctx.effect(() => () => Promise.reject(new Error(name)))
      },
    })
    await guest.activate()

    await guest.deliver({ t: 'deactivate', reason: 'test' })

    expect(guest.sent.at(-1)).toMatchObject({
      t: 'stopped',
      error: { code: 'PLUGIN_STOP_FAILED', message: expect.stringContaining('b; a') },
    })
  })

  test('K7: handover answers the state and the plugin goes on working; a failing one is reported and answered as none', async () => {
    let broken = false
    const handOver = () => {
      if (broken) throw new Error('no state')
      return { at: new Date(5) }
    }
    const guest = openGuest({ activate: () => ({ handOver }) })
    await guest.activate()
    guest.take()

    await guest.deliver({ t: 'handover' })
    broken = true
    await guest.deliver({ t: 'handover' })

    expect(guest.take()).toMatchObject([
      { t: 'state', has: true, state: { at: { $: 'date', v: 5 } } },
      { t: 'uncaught' },
      { t: 'state', has: false },
    ])
  })

  test('K7: the next instance finds the decoded state in ctx.previous', async () => {
    let previous: unknown
    const guest = openGuest({
      activate(ctx) {
        previous = ctx.previous
      },
    })

    await guest.activate({ previous: { at: { $: 'date', v: 5 } } })

    expect(previous).toEqual({ at: new Date(5) })
  })
})

describe('calls in', () => {
  const save = vi.fn((text: string) => text.length)
  async function provider(implementation: object = { save }) {
    const guest = openGuest({ activate: (ctx) => void ctx.provide(Notes, implementation as never) })
    await guest.activate()
    return guest
  }

  test('K6: provide names own and inherited methods, none with an underscore, and only those can be called', async () => {
    class Impl {
      save = () => 'saved'
      read() {}
      _secret() {}
    }
    const guest = await provider(new Impl())
    expect(guest.take()[0]).toEqual({
      t: 'provide',
      kind: 'service',
      name: 'notes',
      version: '1.2.0',
      methods: ['save', 'read'],
    })

    const names = ['_secret', 'constructor', '__proto__', 'toString', 'hasOwnProperty']
    await guest.deliver(...names.map((method, id) => call(id, 'service', 'notes', [], method)))

    expect(guest.take().map((message) => (message as { error?: { code: string } }).error?.code)).toEqual(
      names.map(() => 'SERVICE_METHOD'),
    )
  })

  test('K6: arguments the token refuses never reach the provider, and the error names the path', async () => {
    save.mockClear()
    const guest = await provider()
    guest.take()

    await guest.deliver(call(1, 'service', 'notes', ['too long'], 'save'), call(2, 'service', 'notes', ['ok'], 'save'))

    expect(guest.take()).toMatchObject([
      { id: 1, error: { code: 'SERVICE_ARGUMENTS', details: { path: '[0]' } } },
      { id: 2, value: 2 },
    ])
    expect(save).toHaveBeenCalledTimes(1)
  })

  test('K6: a cancelled call is answered once, its signal aborts, and its late result is dropped', async () => {
    let finish: (value: string) => void = () => {}
    let signal: AbortSignal | undefined
    const guest = openGuest({
      activate(ctx) {
        const run = (_input: unknown, given: { signal: AbortSignal }) => {
          ;({ signal } = given)
          return new Promise<string>((resolve) => {
            finish = resolve
          })
        }
        ctx.tools.provide({ name: 'slow', run })
      },
    })
    await guest.activate()
    guest.take()
    await guest.deliver(call(4, 'tool', 'slow', {}))

    await guest.deliver({ t: 'cancel', id: 4 }, { t: 'cancel', id: 4 })
    finish('late')
    await guest.settle()

    expect(guest.take()).toMatchObject([{ t: 'reply', id: 4, error: { code: 'SERVICE_CANCELLED' } }])
    expect(signal?.aborted).toBe(true)
  })

  test('K6: ctx.caller says who calls while a method runs, and nothing afterwards', async () => {
    let ctx: PluginContext | undefined
    const guest = openGuest({
      activate(given) {
        ctx = given
        given.provide(Notes, { save: async () => given.caller?.from ?? 'nobody' })
      },
    })
    await guest.activate()
    guest.take()

    await guest.deliver(call(1, 'service', 'notes', ['x'], 'save'))

    expect(guest.take()).toMatchObject([{ id: 1, value: 'ada' }])
    expect(ctx?.caller).toBeUndefined()
  })

  test('K3: hostile results and failures end as one bounded error reply each', async () => {
    const evil = (key: string) =>
      Object.defineProperty(new Error('x'), key, {
        get: () => {
          throw new Error('gotcha')
        },
      })
    const thrown: [unknown, string][] = [
      [evil('message'), 'unreadable error'],
      [evil('name'), 'unreadable error'],
      [evil('stack'), 'unreadable error'],
      [
        {
          toString() {
            throw new Error('no')
          },
        },
        'unreadable error',
      ],
      [
        new Proxy(
          {},
          {
            get() {
              throw new Error('no')
            },
            has() {
              throw new Error('no')
            },
          },
        ),
        'unreadable error',
      ],
      [
        Object.assign(new Error('x'), {
          message: {
            toJSON: () => {
              throw new Error('no')
            },
          },
        }),
        'unreadable error',
      ],
      [Symbol('s'), 'Symbol(s)'],
      [undefined, 'undefined'],
    ]
    const returned = [
      () => {},
      Symbol('s'),
      {
        get a() {
          throw new Error('gotcha')
        },
      },
      { toJSON: () => 1 },
      Object.defineProperty({}, 'then', {
        get() {
          throw new Error('gotcha')
        },
      }),
      new Proxy(
        {},
        {
          ownKeys() {
            throw new Error('no')
          },
        },
      ),
      cyclic(),
      'x'.repeat(1_048_600),
    ]
    const guest = openGuest({
      activate(ctx) {
        ctx.tools.provide({
          name: 'throws',
          run: (i) => {
            throw thrown[i as number]?.[0]
          },
        })
        ctx.tools.provide({ name: 'rejects', run: (i) => Promise.reject(thrown[i as number]?.[0]) })
        ctx.tools.provide({ name: 'returns', run: (i) => returned[i as number] })
      },
    })
    await guest.activate()
    guest.take()

    await guest.deliver(
      ...thrown.map((_, i) => call(i, 'tool', 'throws', i)),
      ...thrown.map((_, i) => call(100 + i, 'tool', 'rejects', i)),
    )
    const failures = guest.take() as { id: number; error: { message: string } }[]
    await guest.deliver(...returned.map((_, i) => call(i, 'tool', 'returns', i)), call(99, 'tool', 'returns', 99))
    const replies = guest.take() as { id: number; error?: { code: string } }[]

    expect(failures.filter(({ id }) => id < 100).map(({ error }) => error.message)).toEqual(
      thrown.map(([, message]) => expect.stringContaining(message)),
    )
    expect(failures).toHaveLength(thrown.length * 2)
    expect(replies.map(({ error }) => error?.code)).toEqual([
      'USAGE_NOT_CLONEABLE',
      'USAGE_NOT_CLONEABLE',
      'USAGE_NOT_CLONEABLE',
      'USAGE_NOT_CLONEABLE',
      'ERROR',
      'USAGE_NOT_CLONEABLE',
      'USAGE_TOO_DEEP',
      'SANDBOX_MESSAGE_TOO_LARGE',
      undefined,
    ])
  })

  test('K6: hook listeners run in order, see what the one before left, and a veto ends it', async () => {
    const Before = defineHook('before:note.saved', z.object({ n: z.number() }))
    const seen: number[] = []
    const guest = openGuest({
      activate(ctx) {
        ctx.hooks.on(Before, ({ n }) => ({ value: { n: n + 1 } }))
        ctx.hooks.on(Before, async ({ n }) => void seen.push(n))
        ctx.hooks.on(Before, ({ n }) => (n > 5 ? { veto: 'too many' } : undefined))
      },
    })
    await guest.activate()
    expect(guest.take()).toMatchObject([{ t: 'provide', kind: 'hook', name: 'before:note.saved' }, { t: 'active' }])

    await guest.deliver(
      call(1, 'hook', Before.name, { n: 1 }),
      call(2, 'hook', Before.name, { n: 9 }),
      call(3, 'hook', Before.name, {}),
    )

    const replies = guest.take() as { id: number }[]
    expect(replies.sort((a, b) => a.id - b.id)).toMatchObject([
      { value: { value: { n: 2 } } },
      { value: { veto: 'too many' } },
      { error: { code: 'HOOK_VALUE' } },
    ])
    expect(seen).toEqual([2, 10])
  })
})

describe('calls out', () => {
  test('K6: use asks the kernel first; then every name is a method, and the face is no thenable', async () => {
    const guest = await withCtx()
    const used = guest.ctx.use(Notes)
    await guest.settle()
    expect(guest.take()).toEqual([{ t: 'use', id: 1, service: 'notes', range: '^1.2.0', optional: false }])
    await guest.deliver({ t: 'reply', id: 1, value: true })

    const notes = await used
    const saved = notes.save('hi')
    await guest.settle()
    const [request] = guest.take()
    await guest.deliver({ t: 'reply', id: 2, value: 'n1' }, { t: 'reply', id: 2, value: 'again' })

    expect(request).toMatchObject({ t: 'call', id: 2, service: 'notes', range: '^1.2.0', method: 'save', args: ['hi'] })
    await expect(saved).resolves.toBe('n1')
    expect(Reflect.get(notes, 'then')).toBeUndefined()
  })

  test('K6: tryUse answers undefined where a service is missing, too old or denied', async () => {
    for (const reply of [
      { value: false },
      { error: { name: 'ServiceError', code: 'SERVICE_MISSING', message: 'x' } },
      { error: { name: 'PermissionError', code: 'PERMISSION_DENIED', message: 'x' } },
    ]) {
      const guest = await withCtx()
      const found = guest.ctx.tryUse(Notes)
      await guest.deliver({ t: 'reply', id: 1, ...reply })
      await expect(found).resolves.toBeUndefined()
    }
  })

  test('K6: an AbortSignal among the arguments becomes a cancel, and is not sent', async () => {
    for (const wrap of [(signal: AbortSignal) => signal, (signal: AbortSignal) => ({ signal, depth: 2 })]) {
      const guest = await withCtx()
      const notes = await guest.used(Notes)
      const stop = new AbortController()
      const asked = (notes.save as (...args: unknown[]) => Promise<string>)('hi', wrap(stop.signal))
      await guest.settle()
      const [request] = guest.take() as { args: unknown[] }[]

      stop.abort(new Error('enough'))
      await expect(asked).rejects.toThrow('enough')
      await guest.settle()

      expect(guest.take()).toEqual([{ t: 'cancel', id: 2 }])
      expect(request?.args).toEqual(wrap(stop.signal) === stop.signal ? ['hi'] : ['hi', { depth: 2 }])
    }
  })

  test('K3: a value that cannot cross fails its own call; its neighbours, buffers and streams are untouched', async () => {
    const guest = await withCtx()
    const notes = (await guest.used(Notes)) as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>
    const stream = new ReadableStream()
    const bad = notes.a?.(new Uint8Array([1]), stream, Symbol('no'))
    void notes.b?.(new Uint8Array([2]))

    await expect(bad).rejects.toMatchObject({ code: 'USAGE_NOT_CLONEABLE' })
    await guest.settle()

    expect(guest.take()).toMatchObject([{ method: 'b', args: [{ $: 'bytes', i: 0 }] }])
    expect(guest.buffers()).toEqual([[2]])
    expect(stream.locked).toBe(false)
  })

  test('K6: a function among the arguments can be called back, and the same one keeps its id', async () => {
    const guest = await withCtx()
    const notes = (await guest.used(Notes)) as unknown as { on(fn: unknown, again: unknown): Promise<void> }
    const double = (n: number) => n * 2
    void notes.on(double, double)
    await guest.settle()
    expect(guest.take()).toMatchObject([
      {
        args: [
          { $: 'fn', id: 1 },
          { $: 'fn', id: 1 },
        ],
      },
    ])

    await guest.deliver(call(1, 'fn', '1', [21]), call(2, 'fn', '9', []))

    expect(guest.take()).toMatchObject([
      { id: 1, value: 42 },
      { id: 2, error: { code: 'USAGE_FUNCTION_GONE' } },
    ])
  })

  test('K6: a call made inside a handler carries its trace; others get one of their own', async () => {
    const guest = await withCtx()
    guest.ctx.tools.provide({ name: 'relay', run: () => guest.ctx.tools.call('other', {}) })
    await guest.deliver(call(1, 'tool', 'relay', {}))
    void guest.ctx.tools.call('other', {})
    await guest.settle()

    const traces = guest.take().flatMap((message) => (message.t === 'tool' ? [message.trace] : []))
    expect(traces[0]).toBe('trace-1')
    expect(traces[1]).toMatch(/^[0-9a-f]{16}-1$/)
  })
})

describe('events', () => {
  test('K6: one subscription too many is refused where its author sees it; room is there again when one has ended', async () => {
    const guest = await withCtx()
    const ends = Array.from({ length: 256 }, () => guest.ctx.events.on('note.*', () => {}))
    guest.take()

    expect(() => guest.ctx.events.on('note.*', () => {})).toThrow(
      expect.objectContaining({ code: 'USAGE_SUBSCRIPTION', hint: expect.stringContaining('pattern') }),
    )
    expect(guest.take()).toEqual([])
    ends[0]?.()
    expect(() => guest.ctx.events.on('note.*', () => {})).not.toThrow()
  })

  test('K6: handlers of one subscription run one at a time in order, each followed by its ack', async () => {
    const order: string[] = []
    const gates: (() => void)[] = []
    const guest = await withCtx()
    guest.ctx.events.on('note.*', async (data) => {
      order.push(`start ${data}`)
      await new Promise<void>((resolve) => gates.push(resolve))
      order.push(`end ${data}`)
    })
    await guest.deliver(event(1, 0, 'a'), event(1, 1, 'b'))
    expect(order).toEqual(['start a'])
    expect(guest.acks()).toEqual([])

    gates.shift()?.()
    await guest.settle()
    expect(guest.acks()).toEqual([{ t: 'ack', sub: 1, seq: 0 }])
    gates.shift()?.()
    await guest.settle()

    expect(order).toEqual(['start a', 'end a', 'start b', 'end b'])
    expect(guest.acks()).toEqual([{ t: 'ack', sub: 1, seq: 1 }])
  })

  test('K6: a payload the token refuses is acknowledged as invalid and never reaches the handler', async () => {
    const handler = vi.fn()
    const guest = await withCtx()
    guest.ctx.events.on(note.saved, handler)
    await guest.deliver(event(1, 0, { id: 3 }), event(1, 1, { id: 'n' }))

    expect(guest.acks()).toMatchObject([
      { seq: 0, error: { code: 'EVENT_INVALID', details: { path: 'id' } } },
      { seq: 1 },
    ])
    expect(handler).toHaveBeenCalledTimes(1)
  })

  test('K6: a handler that throws fails its own event; the next one is handled', async () => {
    const guest = await withCtx()
    guest.ctx.events.on('**', (data) => {
      if (data === 0) throw new Error('bad')
    })
    await guest.deliver(event(1, 0, 0), event(1, 1, 1))

    expect(guest.acks()).toMatchObject([{ seq: 0, error: { message: 'bad' } }, { seq: 1 }])
  })

  test('K6: dropped events are reported in the log, and after leaving nothing is handled', async () => {
    const handler = vi.fn()
    const guest = await withCtx()
    const leave = guest.ctx.events.on('note.*', handler)
    await guest.deliver({ t: 'dropped', sub: 1, count: 7 })
    void leave()
    await guest.deliver(event(1, 0, 0))

    expect(guest.take()).toMatchObject([
      { t: 'on', policy: 'drop-oldest', capacity: 256 },
      { t: 'log', level: 'warn', text: expect.stringContaining('7 events of note.*') },
      { t: 'off', sub: 1 },
    ])
    expect(handler).not.toHaveBeenCalled()
  })
})

describe('batches', () => {
  test('K6: what a batch causes leaves as one batch, and values are copied as they are posted', async () => {
    const state = { n: 1 }
    const guest = await withCtx()
    guest.ctx.tools.provide({ name: 'state', run: async () => state })
    await guest.settle()
    guest.take()
    guest.batches.length = 0

    await guest.deliver(call(1, 'tool', 'state', {}), call(2, 'tool', 'state', {}))
    guest.ctx.checkpoint(state)
    state.n = 2
    await guest.settle()

    expect(guest.batches).toHaveLength(2)
    expect(guest.take()).toMatchObject([{ value: { n: 1 } }, { value: { n: 1 } }, { t: 'checkpoint', state: { n: 1 } }])
  })

  test('K3: arguments the kernel would take for an attack are refused here, with a hint', async () => {
    const { ctx } = await withCtx()

    expect(() => ctx.events.on('note.*', () => {}, { capacity: Number.NaN })).toThrow(/out of bounds/)
    expect(() => ctx.events.on('Note!', () => {})).toThrow(/selects no event/)
    expect(() => ctx.tools.provide({ name: 7 as never, run: () => {} })).toThrow(/out of bounds/)
    await expect(ctx.tools.call('x'.repeat(300), {})).rejects.toMatchObject({ code: 'USAGE_ARGUMENTS' })
  })

  test('K3: a flood leaves in pieces of at most 33 messages, in order', async () => {
    const guest = await withCtx()
    for (let i = 0; i < 1_000; i++) guest.ctx.log.info(i)
    await guest.settle()

    expect(guest.take().map((message) => message.t === 'log' && Number(message.text))).toEqual(
      Array.from({ length: 1_000 }, (_, i) => i),
    )
    expect(Math.max(...guest.batches.map(({ length }) => length))).toBe(33)
  })

  test('K3: a malformed payload fails itself; the rest of its batch is handled', async () => {
    const guest = await withCtx()
    guest.ctx.tools.provide({ name: 'echo', run: (input) => input })
    await guest.settle()
    guest.take()

    await guest.deliver(call(1, 'tool', 'echo', { $: 'nonsense' }), call(2, 'tool', 'echo', 5))

    expect(guest.take()).toMatchObject([
      { id: 1, error: { code: 'USAGE_WIRE' } },
      { id: 2, value: 5 },
    ])
  })

  test('K3: any JSON survives the way in and out unchanged', async () => {
    const guest = await withCtx()
    guest.ctx.tools.provide({ name: 'echo', run: (input) => input })
    await guest.settle()
    guest.take()
    const plain = fc
      .jsonValue()
      .filter((value) => !JSON.stringify(value).match(/"\$"|__proto__|toJSON/))
      .map((value) => JSON.parse(JSON.stringify(value)) as unknown) // JSON has no -0

    await fc.assert(
      fc.asyncProperty(plain, async (value) => {
        await guest.deliver(call(1, 'tool', 'echo', value))
        const sent = JSON.parse(JSON.stringify(value)) // what JSON makes of -0, for one
        expect(guest.take()).toEqual([{ t: 'reply', id: 1, value: sent }])
      }),
      { numRuns: 50 },
    )
  })
})

async function withCtx() {
  let ctx: PluginContext | undefined
  const plugin: PluginDefinition = {
    activate(given) {
      ctx = given
    },
  }
  const guest = openGuest(plugin)
  await guest.activate()
  guest.take()
  if (ctx === undefined) throw new Error('not activated')
  return Object.assign(guest, { ctx, used })

  async function used<T extends object>(token: ServiceToken<T>): Promise<T> {
    const asked = (ctx as PluginContext).use(token)
    await guest.deliver({ t: 'reply', id: 1, value: true })
    guest.take()
    return asked
  }
}

function call(id: number, kind: 'service' | 'tool' | 'hook' | 'fn', name: string, args: unknown, method = '') {
  return { t: 'call' as const, id, kind, name, method, args, from: 'ada', trace: `trace-${id}` }
}

function event(sub: number, seq: number, data: unknown) {
  return { t: 'event' as const, sub, seq, name: 'note.saved', data, from: 'ada', at: 1, trace: 't' }
}

function cyclic(): unknown {
  const loop: { self?: unknown } = {}
  loop.self = loop
  return loop
}

describe('emits', () => {
  test('K6: emits that follow one another travel as one message, in order, and each promise has its own end', async () => {
    const ends: string[] = []
    const guest = openGuest({
      activate(ctx) {
        for (const id of ['a', 'b', 'c'])
          ctx.emit(note.saved, { id }).then(
            () => ends.push(id),
            (error: Error) => ends.push(`${id}: ${error.message}`),
          )
        ctx.log.info('between')
        void ctx.emit(note.saved, { id: 'd' })
      },
    })

    await guest.activate()
    const [first, , last] = guest.take() as [{ t: string; id: number; events: unknown[][] }, unknown, object]
    await guest.deliver(
      { t: 'emitted', id: first.id, n: 1 },
      { t: 'reply', id: first.id + 1, error: { name: 'PryxError', code: 'NO', message: 'no' } },
      { t: 'emitted', id: first.id + 2, n: 1 },
    )

    expect(first.t).toBe('emits')
    expect(first.events.map(([name, data]) => [name, data])).toEqual(
      ['a', 'b', 'c'].map((id) => ['note.saved', { id }]),
    )
    expect(last).toMatchObject({ t: 'emit', id: first.id + 3, name: 'note.saved', data: { id: 'd' } })
    expect(ends).toEqual(['a', 'b: no', 'c'])
  })

  test('K6: emits that were refused together reject each for itself', async () => {
    const ends: PromiseSettledResult<void>[] = []
    const guest = openGuest({
      activate(ctx) {
        void Promise.allSettled(['a', 'b', 'c'].map((id) => ctx.emit(note.saved, { id }))).then((all) =>
          ends.push(...all),
        )
      },
    })

    await guest.activate()
    const [first] = guest.take() as unknown as [{ id: number }]
    await guest.deliver(
      { t: 'emitted', id: first.id, n: 1 },
      { t: 'emitted', id: first.id + 1, n: 2, error: { name: 'PermissionError', code: 'NO', message: 'no' } },
    )

    expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected'])
    const [b, c] = ends.slice(1).map((end) => (end as PromiseRejectedResult).reason)
    expect(b).toMatchObject({ name: 'PermissionError', code: 'NO', message: 'no' })
    expect(c).toEqual(b)
    expect(c).not.toBe(b)
  })

  test('K6: an emit that cannot cross rejects alone, and what stands around it is sent', async () => {
    const refused: unknown[] = []
    const guest = openGuest({
      activate(ctx) {
        void ctx.emit(note.saved, { id: 'a' })
        ctx.emit(note.saved, { id: Symbol('no') } as never).catch((error) => refused.push(error.code))
        void ctx.emit(note.saved, { id: 'b' })
      },
    })

    await guest.activate()

    expect(guest.take().slice(0, 2)).toMatchObject([
      { t: 'emit', data: { id: 'a' } },
      { t: 'emit', data: { id: 'b' } },
    ])
    expect(refused).toEqual(['USAGE_NOT_CLONEABLE'])
  })
})
