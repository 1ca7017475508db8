import { expect, test } from 'vitest'
import { DEFAULT_LIMITS, PermissionError } from '../contract/index.ts'
import { openAccount } from '../ledger/account.ts'
import { createFakeClock } from '../powers-testing.ts'
import type { Guest } from '../sandbox/sandbox.ts'
import { createTracer } from '../trace/tracer.ts'
import { createInstance, type InstancePorts } from './instance.ts'

const START = { name: 'p', version: '1.0.0', config: {}, previous: undefined, tools: [] }

/** An instance whose guest says nothing by itself. */
function openInstance() {
  const clock = createFakeClock()
  const said: object[] = []
  const guest = {
    taken: 0,
    account: openAccount(),
    parcel: { buffers: [] },
    post: (message: object) => said.push(message),
    dispose() {},
    paused: false,
  }
  const emitted: string[] = []
  const emit = (name: string) => {
    if (!name.startsWith('fine.')) throw new PermissionError('NO', `${name} is not for p`)
    emitted.push(name)
  }
  const ports = { askedMs: () => 0, log() {}, emit }
  const instance = createInstance(
    'p',
    { ...DEFAULT_LIMITS, activateMs: 1_000, messagesPerSecond: 10 },
    guest as unknown as Guest, // what activation needs of it
    ports as unknown as InstancePorts,
    clock,
    createTracer({ clock, ticks: clock.now, onSwitch() {} }),
  )
  let outcome = 'open'
  instance.activate(START).then(
    () => (outcome = 'active'),
    (error: { code: string }) => (outcome = error.code),
  )
  said.length = 0
  return { guest, instance, emitted, said, pass: clock.advance, outcome: () => outcome }
}

test('K3: a plugin is not blamed for the time in which it waited for its first turn (I7)', async () => {
  const { guest, instance, pass, outcome } = openInstance()

  await pass(60_000)
  expect(outcome()).toBe('open')
  guest.taken = 1
  instance.received([{ t: 'active' }], { buffers: [] }, true)

  await expect.poll(outcome).toBe('active')
})

test('K3: once it has had a turn, activation that does not end fails by its limit', async () => {
  const { guest, pass, outcome } = openInstance()
  await pass(5_000)
  guest.taken = 1

  await pass(2_000)

  expect(outcome()).toBe('PLUGIN_ACTIVATE_TIMEOUT')
})

const emitsOf = (id: number, names: string[]) => ({ t: 'emits', id, events: names.map((name) => [name, 0, 't']) })

test('K6: emits that fare alike one after another are answered together, and each keeps its place', () => {
  const { instance, emitted, said } = openInstance()

  instance.received([emitsOf(5, ['fine.a', 'fine.b', 'bad.a', 'bad.a', 'bad.b', 'fine.c'])], { buffers: [] }, true)

  expect(emitted).toEqual(['fine.a', 'fine.b', 'fine.c'])
  const no = (name: string) => expect.objectContaining({ code: 'NO', message: `${name} is not for p` })
  expect(said).toEqual([
    { t: 'emitted', id: 5, n: 2 },
    { t: 'emitted', id: 7, n: 2, error: no('bad.a') },
    { t: 'emitted', id: 9, n: 1, error: no('bad.b') },
    { t: 'emitted', id: 10, n: 1 },
  ])
})

test('K3: what is emitted too fast is refused together, and no event of it is published', () => {
  const { instance, emitted, said } = openInstance()
  const names = Array.from({ length: 32 }, () => 'fine.a')

  instance.received([emitsOf(1, names)], { buffers: [] }, true)

  expect(emitted.length).toBe(20)
  expect(said).toEqual([
    { t: 'emitted', id: 1, n: 20 },
    { t: 'emitted', id: 21, n: 12, error: expect.objectContaining({ code: 'SANDBOX_RATE' }) },
  ])
})
