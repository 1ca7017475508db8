import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createCountingIds, createFakeClock } from '../powers-testing.ts'
import { type Approval, type ApprovalAnswer, createApprovals } from './approvals.ts'

const question = {
  plugin: 'notes',
  permission: 'net:a.example',
  sentence: 'talk to a.example',
  risk: 'low' as const,
  trace: 't',
}
const yes: ApprovalAnswer = { answer: 'allow', duration: 'once', by: 'web' }

function setUp() {
  const clock = createFakeClock()
  const needed: Approval[] = []
  const resolved: { approval: Approval; answer: ApprovalAnswer }[] = []
  const approvals = createApprovals({
    clock,
    ids: createCountingIds(),
    onNeeded: (approval) => void needed.push(approval),
    onResolved: (approval, answer) => void resolved.push({ approval, answer }),
  })
  return { clock, needed, resolved, approvals }
}

describe('approvals', () => {
  test('K5: the first answer wins, and the second is told who was first', async () => {
    const { approvals, clock, needed, resolved } = setUp()
    const asking = approvals.ask(question)
    await clock.advance(0)

    approvals.resolve(needed[0]!.id, yes)

    expect(() => approvals.resolve(needed[0]!.id, { ...yes, answer: 'deny', by: 'terminal' })).toThrow(
      expect.objectContaining({ code: 'APPROVAL_RESOLVED', details: { by: 'web', answer: 'allow' } }),
    )
    expect(await asking).toBe(yes)
    expect(resolved).toHaveLength(1)
    expect(clock.pending).toBe(0)
  })

  test('K5: nobody in five minutes means deny', async () => {
    const { approvals, clock } = setUp()
    const asking = approvals.ask(question)
    await clock.advance(299_999)
    expect(approvals.pending()).toHaveLength(1)

    await clock.advance(1)

    expect(await asking).toEqual({ answer: 'deny', duration: 'once', by: 'timeout' })
  })

  test('K5: how long a plugin’s questions waited is known, times that overlap counted once', async () => {
    const { approvals, clock, needed } = setUp()
    const first = approvals.ask(question)
    await clock.advance(100)
    const second = approvals.ask({ ...question, permission: 'net:b.example' })
    await clock.advance(100)
    approvals.resolve(needed[0]!.id, yes)
    await clock.advance(100)
    expect(approvals.waitedMs('notes')).toBe(300)

    approvals.resolve(needed[1]!.id, yes)
    await clock.advance(1_000)

    expect(approvals.waitedMs('notes')).toBe(300)
    expect(approvals.waitedMs('another')).toBe(0)
    await Promise.all([first, second])
  })

  test('K5: a question nobody waits for any more is withdrawn from every surface', async () => {
    const { approvals, resolved, clock } = setUp()
    const [one, two] = [new AbortController(), new AbortController()]
    const asking = Promise.allSettled([
      approvals.ask({ ...question, signal: one.signal }),
      approvals.ask({ ...question, signal: two.signal }),
    ])
    one.abort()
    expect(resolved).toEqual([])

    two.abort()

    await asking
    expect(resolved).toMatchObject([{ answer: { answer: 'deny', by: 'withdrawn' } }])
    expect(clock.pending).toBe(0)
  })

  test('K5: one plugin cannot fill the queue, and all together cannot outgrow it', async () => {
    const { approvals, clock } = setUp()
    const ask = (plugin: string, n: number) => approvals.ask({ ...question, plugin, permission: `net:${n}.example` })
    const all: Promise<unknown>[] = []
    for (let n = 0; n < 25; n++) all.push(ask('greedy', n))
    await expect(ask('greedy', 25)).rejects.toMatchObject({ code: 'APPROVAL_TOO_MANY', details: { max: 25 } })
    for (let n = 0; n < 75; n++) all.push(ask(`p${n}`, n))

    await expect(ask('late', 0)).rejects.toMatchObject({ code: 'APPROVAL_TOO_MANY', details: { max: 100 } })

    await clock.advance(300_000)
    await Promise.all(all)
  })

  test('K5: an answer may be for the declared permission, never for another', async () => {
    const { approvals, clock, needed } = setUp()
    const asking = approvals.ask({ ...question, declared: 'net:*.example' })
    await clock.advance(0)
    const { id } = needed[0]!
    expect(() => approvals.resolve(id, { ...yes, permission: 'net:*' })).toThrow(
      expect.objectContaining({ code: 'APPROVAL_ANSWER' }),
    )

    approvals.resolve(id, { ...yes, permission: 'net:*.example' })

    expect(await asking).toMatchObject({ permission: 'net:*.example' })
  })

  test('K5: in any interleaving each question has exactly one outcome and every asker gets it', async () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('ask' as const), n: fc.nat(2) }),
      fc.record({ do: fc.constant('answer' as const), n: fc.nat(5) }),
      fc.record({ do: fc.constant('leave' as const), n: fc.nat(5) }),
      fc.record({ do: fc.constant('wait' as const), n: fc.constantFrom(0, 1_000, 300_000) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const { approvals, clock, needed, resolved } = setUp()
        const askers: AbortController[] = []
        const outcomes: Promise<unknown>[] = []
        for (const { do: what, n } of steps) {
          if (what === 'ask') {
            const asker = new AbortController()
            askers.push(asker)
            const asked = approvals.ask({ ...question, permission: `p:${n}`, signal: asker.signal })
            outcomes.push(asked.catch(() => 'left'))
          }
          if (what === 'answer')
            try {
              approvals.resolve(`approval-${n}`, yes)
            } catch {}
          if (what === 'leave') askers[n]?.abort()
          if (what === 'wait') await clock.advance(n)
        }
        await clock.advance(300_000)

        expect(await Promise.all(outcomes)).toHaveLength(askers.length)
        const ids = resolved.map(({ approval }) => approval.id)
        expect(new Set(ids).size).toBe(ids.length)
        for (const approval of needed) expect(ids).toContain(approval.id)
        expect(approvals.pending()).toEqual([])
        expect(clock.pending).toBe(0)
      }),
      { numRuns: 60 },
    )
  })
})
