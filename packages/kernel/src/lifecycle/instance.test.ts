import { expect, test } from 'vitest'
import { DEFAULT_LIMITS } from '../contract/index.ts'
import { openAccount } from '../ledger/account.ts'
import { createFakeClock } from '../powers-testing.ts'
import type { Guest } from '../sandbox/sandbox.ts'
import { createTracer } from '../trace/tracer.ts'
import { createInstance, type InstancePorts } from './instance.ts'

const START = { name: 'p', version: '1.0.0', config: {}, previous: undefined, tools: [] }

/** An instance whose guest says nothing by itself. */
function openInstance() {
  const clock = createFakeClock()
  const guest = {
    taken: 0,
    account: openAccount(),
    parcel: { buffers: [] },
    post: () => 0,
    dispose() {},
    paused: false,
  }
  const ports = { askedMs: () => 0, log() {} }
  const instance = createInstance(
    'p',
    { ...DEFAULT_LIMITS, activateMs: 1_000 },
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
  return { guest, instance, pass: clock.advance, outcome: () => outcome }
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
