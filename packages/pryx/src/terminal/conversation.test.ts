import { EventEmitter } from 'node:events'
import type { Approval, Approvals } from '@pryx/kernel'
import { expect, test } from 'vitest'
import { askApprovals } from './approvals.ts'
import { createConversation } from './conversation.ts'
import { createScreen } from './screen.ts'
import { styleFor } from './style.ts'

const style = styleFor({}, { NO_COLOR: '1' })

function terminal() {
  let now = 0
  let text = ''
  let interrupts = 0
  const keyboard = Object.assign(new EventEmitter(), {
    raw: false,
    setRawMode: (raw: boolean) => (keyboard.raw = raw),
    resume() {},
    pause() {},
  })
  const screen = createScreen({ write: (part) => (text += part) })
  const conversation = createConversation({ screen, keyboard, onInterrupt: () => interrupts++, now: () => now })
  return {
    screen,
    conversation,
    keyboard,
    text: () => text,
    interrupts: () => interrupts,
    async press(key: string, afterMs = 1_000) {
      await settled()
      now += afterMs
      keyboard.emit('data', Buffer.from(key))
      await settled()
    },
  }
}

test('questions are put one after another, and only their own keys answer', async () => {
  const { conversation, press, text } = terminal()
  const first = conversation.ask({ lines: ['first'], prompt: 'yes?', keys: 'yn' })
  const second = conversation.ask({ lines: ['second'], prompt: 'or?', keys: 'ab' })
  await press('x')
  expect(text()).not.toContain('second')

  await press('Y')
  await press('b')

  expect([await first, await second]).toEqual(['y', 'b'])
})

test('K5: a key typed before the question stood grants nothing', async () => {
  const { conversation, press } = terminal()
  const question = conversation.ask({ lines: [], prompt: '?', keys: 'ad' })

  await press('a', 20)
  await press('d', 500)

  expect(await question).toBe('d')
})

test('N2: Ctrl-C at a prompt reaches the host, and the end of a conversation gives the terminal back', async () => {
  const { conversation, press, interrupts, keyboard } = terminal()
  const question = conversation.ask({ lines: [], prompt: '?', keys: 'a' })
  expect(keyboard.raw).toBe(true)

  await press('\u0003')
  conversation[Symbol.dispose]()

  expect(interrupts()).toBe(1)
  expect(await question).toBeUndefined()
  expect(keyboard.raw).toBe(false)
})

test('a line printed at a prompt stands above it', () => {
  let text = ''
  const screen = createScreen({ write: (part) => (text += part) })
  screen.prompt('go? ')

  screen.print('news')

  expect(text).toBe('go? \r\u001b[Knews\ngo? ')
})

test('K5: the first answer wins: when another surface was first the prompt goes and says so', async () => {
  const { conversation, screen, press, text } = terminal()
  const { kernel, emit, resolved } = fakeKernel()
  askApprovals(kernel, conversation, screen, style)
  emit('approval.needed', question('approval-1'))
  await settled()

  emit('approval.resolved', { id: 'approval-1', plugin: 'notes', answer: 'deny', by: 'web' })
  await press('a')

  expect(text()).toContain('notes: denied by web')
  expect(resolved).toEqual([])
})

test('K5: an answer at the terminal is given once, with its duration', async () => {
  const { conversation, screen, press } = terminal()
  const { kernel, emit, resolved } = fakeKernel()
  askApprovals(kernel, conversation, screen, style)

  emit('approval.needed', question('approval-1'))
  emit('approval.needed', question('approval-2'))
  await press('s')
  await press('d')

  expect(resolved).toEqual([
    ['approval-1', { answer: 'allow', duration: 'session', by: 'terminal' }],
    ['approval-2', { answer: 'deny', duration: 'once', by: 'terminal' }],
  ])
})

test('a plugin cannot fake an approval of the kernel', async () => {
  const { conversation, screen, text } = terminal()
  const { kernel, emit } = fakeKernel()
  askApprovals(kernel, conversation, screen, style)

  emit('approval.needed', question('approval-1'), 'mallory')
  await settled()

  expect(text()).toBe('')
})

function question(id: string): Approval {
  return {
    id,
    plugin: 'notes',
    permission: 'storage',
    sentence: 'keep data',
    risk: 'low',
    trace: '',
    askedAt: 0,
    expiresAt: 1,
  }
}

function fakeKernel() {
  const handlers = new Map<string, (payload: unknown, info: { from: string }) => unknown>()
  const resolved: unknown[] = []
  const approvals = {
    pending: () => [],
    resolve: (...args: unknown[]) => void resolved.push(args),
  } as unknown as Approvals
  const on = (name: string, handler: (payload: unknown, info: { from: string }) => unknown) => {
    handlers.set(name, handler)
    return () => {}
  }
  return {
    kernel: { on, approvals } as unknown as Parameters<typeof askApprovals>[0],
    resolved,
    emit: (name: string, payload: unknown, from = 'kernel') => handlers.get(name)?.(payload, { from }),
  }
}

async function settled(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve()
}
