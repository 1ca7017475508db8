import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { JournalEvent } from '../host/journal.ts'
import { followSession } from './mirror.ts'
import type { Host, LogEvent } from './wire.ts'

type Step = 'write' | 'write' | 'piece' | 'lose' | 'double' | 'shorten' | 'cut' | 'miss'

test('B3: however the stream loses, doubles, shortens or cuts, the terminal shows the log in order, each entry once', async () => {
  const steps = fc.array(fc.constantFrom<Step>('write', 'write', 'piece', 'lose', 'double', 'shorten', 'cut', 'miss'), {
    maxLength: 40,
  })
  await fc.assert(
    fc.asyncProperty(steps, async (all) => {
      const world = createWorld()
      const shown: number[] = []
      const pieces: { after: number; text: string }[] = []
      const over = new AbortController()
      const done = followSession({
        host: world.host,
        session: 'main',
        after: 0,
        signal: over.signal,
        retryMs: 0,
        onEntry: ({ version }) => void shown.push(version),
        onPiece: ({ text }) => void pieces.push({ after: shown.length, text }),
        onOther: () => {},
        onConnected: () => {},
      })

      for (const step of all) await world.act(step)
      await world.act('write')
      await world.act('miss')
      while (shown.length < world.log.length) await new Promise((resolve) => setImmediate(resolve))
      over.abort()
      await done

      expect(shown).toEqual(world.log.map(({ version }) => version))
      for (const { after, text } of pieces) expect(Number(text.slice(6))).toBeGreaterThanOrEqual(after) // never of an answer that stands there
    }),
    { numRuns: process.env.PRYX_DEEP ? 2_000 : 150 },
  )
})

/** A log, and a stream of it that is not to be trusted. */
function createWorld() {
  const log: LogEvent[] = []
  let open: { push(event: JournalEvent): void; cut(): void } | undefined
  const host = {
    call: async (_service: string, _version: string, _method: string, [, { after }]: [string, { after: number }]) => ({
      events: log.slice(after, after + 3),
      more: log.length > after + 3,
    }),
    follow(_signal: AbortSignal, opened: () => void) {
      const waiting: JournalEvent[] = []
      let wake = () => {}
      let over = false
      open = {
        push: (event) => {
          waiting.push(event)
          wake()
        },
        cut: () => {
          over = true
          wake()
        },
      }
      return (async function* () {
        opened()
        for (;;) {
          const event = waiting.shift()
          if (event) yield event
          else if (over) return
          else
            await new Promise<void>((resolve) => {
              wake = resolve
            })
        }
      })()
    },
  } as unknown as Host
  return { host, log, act }

  async function act(step: Step): Promise<void> {
    const tell = (data: unknown, event = 'session.message') => open?.push({ at: 0, event, from: 'sessions', data })
    if (['write', 'lose', 'shorten'].includes(step)) {
      const entry = { session: 'main', version: log.length + 1, at: 0, kind: 'message', body: {} } as LogEvent
      log.push(entry)
      if (step === 'write') tell(entry)
      if (step === 'shorten') tell(`${JSON.stringify(entry).slice(0, 40)}…`)
    }
    if (step === 'piece') tell({ session: 'main', run: 'r', text: `after ${log.length}` }, 'session.delta')
    if (step === 'double' && log.length > 0) tell(log[log.length >> 1])
    if (step === 'miss') tell({ count: 1 }, 'events.missed')
    if (step === 'cut') open?.cut()
    await new Promise((resolve) => setImmediate(resolve))
  }
}
