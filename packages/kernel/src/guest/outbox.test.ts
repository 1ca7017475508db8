import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createOutbox } from './outbox.ts'

interface Sent {
  t: string
  seq?: number
  state?: number
}

/** An outbox whose batches are kept, and whose microtasks run when the test says so. */
function openOutbox() {
  const batches: Sent[][] = []
  let tasks: (() => void)[] = []
  const outbox = createOutbox({
    send: (text) => batches.push(JSON.parse(text) as Sent[]),
    defer: (task) => tasks.push(task),
  })
  return {
    outbox,
    batches,
    /** The turn grows quiet. */
    settle(): void {
      while (tasks.length > 0) {
        const due = tasks
        tasks = []
        for (const task of due) task()
      }
    },
  }
}

test('K2 N3: wherever a process is lost, the last checkpoint covers what was acknowledged by then, no more and no less', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(5), { maxLength: 120 }), (others) => {
      const { outbox, batches, settle } = openOutbox()
      others.forEach((logs, seq) => {
        for (let n = 0; n < logs; n++) outbox.post({ t: 'log', level: 'info', text: `${seq} ${n}` })
        outbox.post({ t: 'checkpoint', state: seq })
        outbox.post({ t: 'ack', sub: 1, seq })
      })
      settle()

      let [covered, acknowledged] = [-1, -1]
      for (const batch of batches) {
        for (const { t, seq, state } of batch) {
          if (t === 'checkpoint') covered = state as number
          if (t === 'ack') acknowledged = seq as number
        }
        expect(covered).toBe(acknowledged)
      }
      expect(acknowledged).toBe(others.length - 1)
      expect(batches.flat().filter(({ t }) => t === 'log').length).toBe(others.reduce((sum, n) => sum + n, 0))
      expect(batches.flatMap((batch) => batch.filter(({ t }) => t === 'ack').map(({ seq }) => seq))).toEqual(
        others.map((_, seq) => seq),
      )
    }),
    { numRuns: 200 },
  )
})

test('K3: of many checkpoints in one turn the last one crosses, one in each batch', () => {
  const { outbox, batches, settle } = openOutbox()

  for (let n = 0; n < 500; n++) outbox.post({ t: 'checkpoint', state: n })
  settle()

  expect(batches).toEqual([[{ t: 'checkpoint', state: 499 }]])
})

test('K2: a checkpoint that owns buffers keeps them', () => {
  const { outbox, batches, settle } = openOutbox()

  outbox.post({ t: 'checkpoint', state: new Uint8Array([1]) })
  outbox.post({ t: 'checkpoint', state: new Uint8Array([2]) })
  outbox.post({ t: 'checkpoint', state: 3 })
  settle()

  expect(batches.flat().length).toBe(3)
})
