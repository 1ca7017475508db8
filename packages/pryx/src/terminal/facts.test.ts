import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { JournalEvent } from '../host/journal.ts'
import { createTeller, eventLine, factLine } from './facts.ts'
import { safe, safeLines, styleFor } from './style.ts'

const style = styleFor({}, { NO_COLOR: '1' })
const event = (name: string, data: unknown, from = 'kernel'): JournalEvent => ({ at: 0, event: name, from, data })

test('an alert has its severity, line and place', () => {
  const alert = event(
    'alert.raised',
    { severity: 'error', file: 'app.log', line: 'database is down', lineNumber: 7, count: 3 },
    'log-monitor',
  )

  expect(factLine(alert, style)).toMatch(/▲ error database is down ×3 app\.log:7 · log-monitor$/)
})

test('facts of the kernel are the kernel’s: a plugin’s event of that name has no line', () => {
  expect(
    factLine(event('permission.granted', { plugin: 'a', permission: 'shell:*', by: 'you' }, 'mallory'), style),
  ).toBeUndefined()
})

test('a failure that is also logged is told once; other log lines are told', async () => {
  const lines: string[] = []
  const tell = createTeller((line) => lines.push(line), style)

  tell(event('plugin.log', { plugin: 'a', level: 'error', text: 'no luck\nError: no luck' }))
  tell(event('plugin.failed', { plugin: 'a', message: 'no luck', failures: 1, final: false, retryMs: 1_000 }))
  tell(event('plugin.log', { plugin: 'a', level: 'warn', text: 'careful' }))
  await Promise.resolve()

  expect(lines.map((line) => line.slice(9))).toEqual([
    '✖ a failed: no luck (failure 1; next try in 1 s)',
    '│ a careful',
  ])
})

test('a plugin that waits for a moment only is not told of', () => {
  const lines: string[] = []
  const due: (() => void)[] = []
  const tell = createTeller((line) => lines.push(line), style, { later: (work) => due.push(work) })

  tell(event('plugin.stage', { plugin: 'a', stage: 'waiting', reason: 'it needs b' }))
  tell(event('plugin.stage', { plugin: 'c', stage: 'waiting', reason: 'it needs d' }))
  tell(event('plugin.stage', { plugin: 'a', stage: 'active' }))
  for (const work of due) work()

  expect(lines.map((line) => line.slice(9))).toEqual(['● a is active', '○ c waits: it needs d'])
})

test('nothing a plugin says moves the cursor, breaks the line or turns the text round', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const printed = [
        safe(text),
        eventLine(event('a.b', { text }, text), style),
        factLine(event('plugin.log', { plugin: text, level: 'warn', text }), style) ?? '',
      ]
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
      for (const line of printed) expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: as above, but for the line breaks
      expect(safeLines(text)).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/)
    }),
  )
})
