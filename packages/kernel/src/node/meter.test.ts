import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Account, createMeter, type Gauges } from './meter.ts'

describe('K8: the meter', () => {
  test('K8: two turns at once on the pool share what other threads used, by how long each lasted', () => {
    const { gauges, pass } = readings()
    const meter = createMeter(gauges)
    const [a, b] = [account(), account()]

    meter.enter(a)
    pass({ wall: 10, pool: 9 })
    meter.enter(b)
    pass({ wall: 10, pool: 12, thread: 1 })
    meter.leave(a)
    pass({ wall: 10, pool: 8 })
    meter.leave(b)
    meter.sample()

    expect(a.cpuMs).toBeCloseTo(9 + 6)
    expect(b.cpuMs).toBeCloseTo(6 + 8)
    expect(meter.overhead).toMatchObject({ threadMs: 1, helpersMs: 0 })
  })

  test('K8: no turn on the pool is charged more than the time it lasted; helpers are overhead', () => {
    const { gauges, pass } = readings()
    const meter = createMeter(gauges)
    const a = account()

    meter.enter(a)
    pass({ wall: 10, pool: 17 })
    meter.leave(a)
    meter.sample()

    expect(a.cpuMs).toBeCloseTo(10)
    expect(meter.overhead.helpersMs).toBeCloseTo(7)
  })

  test('K8: a turn on the process’s thread that got half the processor is charged half its time', () => {
    const { gauges, pass } = readings()
    const meter = createMeter(gauges)
    const a = account()

    pass({ wall: 10, thread: 5, active: 10 })
    meter.here(a, 8)
    meter.sample()

    expect(a.cpuMs).toBeCloseTo(4)
    expect(meter.overhead.threadMs).toBeCloseTo(1)
  })

  test('K8: what was used before the meter was made is the start’s', () => {
    const { gauges, pass } = readings()
    pass({ wall: 40, thread: 30, active: 0 })

    const meter = createMeter(gauges)

    expect(meter.overhead.startMs).toBe(30)
    expect(meter.totalMs).toBe(30)
  })

  test('K8: accounts and overhead add up to the total after any run of turns', () => {
    const step = fc.record({
      act: fc.constantFrom('enter', 'leave', 'here', 'sample', 'pass'),
      who: fc.nat(3),
      wall: fc.double({ min: 0, max: 50, noNaN: true }),
      thread: fc.double({ min: 0, max: 1, noNaN: true }),
      pool: fc.double({ min: 0, max: 3, noNaN: true }),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { gauges, pass } = readings()
        const meter = createMeter(gauges)
        const accounts = [account(), account(), account(), account()]
        for (const { act, who, wall, thread, pool } of steps) {
          const one = accounts[who] as Account
          if (act === 'enter') meter.enter(one)
          if (act === 'leave') meter.leave(one)
          if (act === 'here') meter.here(one, wall)
          if (act === 'sample') meter.sample()
          pass({ wall, thread: wall * thread, pool: wall * pool, active: wall })
        }
        meter.sample()

        const { startMs, threadMs, helpersMs } = meter.overhead
        const sum = accounts.reduce((all, { cpuMs }) => all + cpuMs, startMs + threadMs + helpersMs)
        expect(sum).toBeCloseTo(meter.totalMs, 6)
        expect(meter.totalMs).toBeCloseTo(gauges.processMs(), 6)
        for (const { cpuMs } of accounts) expect(cpuMs).toBeGreaterThanOrEqual(0)
      }),
    )
  })
})

function account(): Account {
  return { cpuMs: 0 }
}

/** Gauges that move only by `pass`; `pool` is what threads other than the process's own used. */
function readings() {
  const at = { now: 1_000, process: 0, thread: 0, active: 0 }
  const gauges: Gauges = {
    now: () => at.now,
    processMs: () => at.process,
    threadMs: () => at.thread,
    activeMs: () => at.active,
  }
  return {
    gauges,
    pass({
      wall,
      thread = 0,
      pool = 0,
      active = thread,
    }: {
      wall: number
      thread?: number
      pool?: number
      active?: number
    }) {
      at.now += wall
      at.thread += thread
      at.process += thread + pool
      at.active += active
    },
  }
}
