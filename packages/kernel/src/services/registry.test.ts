import { expect, test, vi } from 'vitest'
import { createFakeClock } from '../powers-testing.ts'
import { createServices, type Invocation, type Provider, type ServiceCall } from './registry.ts'

function setup() {
  const clock = createFakeClock()
  const services = createServices({ clock })
  const call = (more: Partial<ServiceCall> = {}) =>
    services.call({ from: 'a', service: 'notes', range: '^1.0.0', method: 'save', args: ['x'], trace: 't', ...more })
  return { clock, services, call }
}

function provider(more: Partial<Provider> = {}): Provider {
  const invoke = async ({ method, args, from }: Invocation) => ({ method, args, from })
  return { plugin: 'notes', name: 'notes', version: '1.2.0', methods: ['save', 'list'], invoke, ...more }
}

test('K6: a call reaches the provider by name and range and comes back with its answer', async () => {
  const { services, call, clock } = setup()
  services.register(provider())

  await expect(call()).resolves.toEqual({ method: 'save', args: ['x'], from: 'a' })
  expect(clock.pending).toBe(0)
})

test('R1: a second provider of a name is refused and told who holds it', () => {
  const { services } = setup()
  services.register(provider())

  expect(() => services.register(provider({ plugin: 'other' }))).toThrow(
    expect.objectContaining({ code: 'SERVICE_TAKEN', details: { service: 'notes', plugin: 'notes' } }),
  )
})

test('K6: a missing service, an unfit version and an unknown method each say what is there', async () => {
  const { services, call } = setup()
  services.register(provider())

  await expect(call({ service: 'note' })).rejects.toMatchObject({
    code: 'SERVICE_MISSING',
    hint: expect.stringContaining('"notes"'),
  })
  await expect(call({ range: '^2.0.0' })).rejects.toMatchObject({
    code: 'SERVICE_VERSION',
    details: { found: '1.2.0', range: '^2.0.0' },
  })
  await expect(call({ method: 'sav' })).rejects.toMatchObject({
    code: 'SERVICE_METHOD',
    message: expect.stringContaining('save, list'),
    hint: 'Call "save".',
  })
})

test('K6: a method inherited from Object is no method', async () => {
  const { services, call } = setup()
  services.register(provider())

  await expect(call({ method: 'constructor' })).rejects.toMatchObject({ code: 'SERVICE_METHOD' })
})

test('K6: a late provider fails the call at its time-out and is told to cancel', async () => {
  const { services, call, clock } = setup()
  let signal: AbortSignal | undefined
  services.register(
    provider({
      invoke: (invocation) => {
        signal = invocation.signal
        return new Promise(() => {})
      },
    }),
  )
  const answer = expect(call({ timeoutMs: 500 })).rejects.toMatchObject({ code: 'SERVICE_TIMEOUT' })

  await clock.advance(500)

  await answer
  expect(signal?.reason).toMatchObject({ code: 'SERVICE_TIMEOUT' })
})

test('K6: a caller that cancels ends the call at once, for the provider too', async () => {
  const { services, call, clock } = setup()
  const seen = vi.fn()
  services.register(
    provider({
      invoke: ({ signal }) => {
        signal!.addEventListener('abort', seen)
        return new Promise(() => {})
      },
    }),
  )
  const controller = new AbortController()
  const answer = expect(call({ signal: controller.signal })).rejects.toThrow('enough')
  await clock.advance(0)

  controller.abort(new Error('enough'))

  await answer
  expect(seen).toHaveBeenCalledOnce()
  expect(clock.pending).toBe(0)
})

test('K7: callers of a service that reloads wait and reach the new instance', async () => {
  const { services, call, clock } = setup()
  const release = services.register(provider())
  const resume = services.hold('notes')
  const answers = Promise.all([call({ args: [1] }), call({ args: [2] })])
  await clock.advance(100)

  void release()
  services.register(provider({ version: '1.3.0', invoke: async ({ args }) => ['new', args] }))
  void resume()

  await expect(answers).resolves.toEqual([
    ['new', [1]],
    ['new', [2]],
  ])
})

test('K7: the new instance may register beside the old one while the service is held; calls under way end with the old', async () => {
  const { services, call, clock } = setup()
  let finish = (_: unknown): void => {}
  const release = services.register(provider({ invoke: () => new Promise((resolve) => (finish = resolve)) }))
  const underWay = call()
  await clock.advance(0)
  const resume = services.hold('notes')

  services.register(provider({ invoke: async () => 'new' }))
  void resume()
  finish('old')
  await clock.advance(0)
  void release()

  await expect(underWay).resolves.toBe('old')
  await expect(call()).resolves.toBe('new')
})

test('R2: a held caller waits no longer than its own time, and no more than 1,000 wait', async () => {
  const { services, call, clock } = setup()
  services.register(provider())
  const resume = services.hold('notes')
  const waiting = Array.from({ length: 1_000 }, () => call({ timeoutMs: 500 }).catch((error) => error.code))

  await expect(call()).rejects.toMatchObject({ code: 'SERVICE_BUSY' })
  await clock.advance(500)

  expect(new Set(await Promise.all(waiting))).toEqual(new Set(['SERVICE_TIMEOUT']))
  void resume()
  await expect(call()).resolves.toBeDefined()
  expect(clock.pending).toBe(0)
})

test('K2: calls to a provider that has gone for good fail at once, those under way and those that waited', async () => {
  const { services, call, clock } = setup()
  const release = services.register(provider({ invoke: () => new Promise(() => {}) }))
  const underWay = expect(call()).rejects.toMatchObject({ code: 'SERVICE_GONE', details: { plugin: 'notes' } })
  await clock.advance(0)
  void release()
  await underWay

  const resume = services.hold('notes')
  const waited = expect(call()).rejects.toMatchObject({ code: 'SERVICE_GONE' })
  await clock.advance(0)
  void resume()

  await waited
  await expect(call()).rejects.toMatchObject({ code: 'SERVICE_MISSING' })
})

test('K6: whenAvailable waits for a provider that fits, and says what is there when the time is up', async () => {
  const { services, clock } = setup()
  const found = services.whenAvailable('notes', '^1.0.0', { timeoutMs: 1_000 })
  const never = expect(services.whenAvailable('notes', '^2.0.0', { timeoutMs: 1_000 })).rejects.toMatchObject({
    code: 'SERVICE_VERSION',
  })

  await clock.advance(100)
  services.register(provider())
  await expect(found).resolves.toMatchObject({ version: '1.2.0' })
  await clock.advance(900)

  await never
  expect(clock.pending).toBe(0)
})
