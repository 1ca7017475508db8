import type { PendingApproval } from '@pryx/sdk'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Picture } from '../src/watch.ts'
import { emptyModel, type Message, type Model, update } from './model.ts'
import { parseRoute } from './route.ts'

test('K5: a question stands from the moment it is heard, whatever an older picture says', () => {
  const model = after(heard(1, 'approval.needed', question('a1', 50), 50), { t: 'picture', picture: picture(40) })

  expect(model.approvals).toMatchObject([{ id: 'a1', askedAt: 50 }])
})

test('K5: a question that was answered elsewhere vanishes and is not brought back', () => {
  const model = after(
    { t: 'picture', picture: picture(60, [question('a1', 50)]) },
    heard(1, 'approval.resolved', { id: 'a1', answer: 'deny', by: 'terminal' }),
    { t: 'picture', picture: picture(61, [question('a1', 50)]) },
  )

  expect(model.approvals).toEqual([])
})

test('B5: events come once each and in order, however often the stream repeats itself', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 60 }), (numbers) => {
      const { events } = after(...numbers.map((seq) => heard(seq, 'note.saved', seq)))

      const seqs = events.map(({ seq }) => seq)
      expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b))
    }),
  )
})

test('B5: an alert of a log is worded from its file and line', () => {
  const model = after(
    heard(1, 'alert.raised', { file: '/var/log/kern.log', line: 'I/O error', severity: 'critical', count: 3 }),
  )

  expect(model.alerts).toMatchObject([{ title: 'Trouble in kern.log', text: 'I/O error (3 times)', level: 'critical' }])
})

test('B5: an address that means nothing opens the chat', () => {
  expect(parseRoute('#/plugins/a%20b')).toEqual({ section: 'plugins', item: 'a b' })
  expect(parseRoute('#/plugins/%E0')).toEqual({ section: 'plugins', item: '%E0' })
  expect(parseRoute('#/nowhere/x')).toEqual({ section: 'chat', item: undefined })
})

function after(...messages: Message[]): Model {
  return messages.reduce(update, emptyModel)
}

function heard(seq: number, name: string, data: unknown, at = seq): Message {
  return { t: 'heard', event: { seq, name, from: 'kernel', at, data } }
}

function question(id: string, askedAt: number): PendingApproval {
  return { id, plugin: 'notes', permission: 'storage', sentence: 'keep data', risk: 'low', askedAt, expiresAt: 1e6 }
}

function picture(at: number, approvals: PendingApproval[] = []): Picture {
  const host = { version: '0', node: '24', pid: 1, startedAt: 0, rssBytes: 1, processes: [] }
  return { at, host, approvals, plugins: [], tasks: undefined }
}
