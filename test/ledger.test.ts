// test/ledger.test.ts: who used what adds up to what the sandbox processes used, and budgets hold (K3, K8).
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { defineService, type Ledger } from '../packages/kernel/src/contract/index.ts'
import { createTestKernel, type TestKernel } from '../packages/kernel/src/kernel-testing.ts'

interface Work {
  compute(rounds: number): Promise<number>
  echo(text: string): Promise<string>
  say(times: number): Promise<void>
}

const CODE = `
export default { async activate(ctx) {
  ctx.provide({ name: 'NAME', version: '1.0.0' }, {
    async compute(rounds) {
      let sum = 0
      for (let i = 0; i < rounds; i++) sum += Math.sqrt(sum + i)
      return sum
    },
    async echo(text) { return text + text },
    async say(times) { await Promise.all(Array.from({ length: times }, (_, i) => ctx.emit({ name: 'NAME.said' }, { i }))) },
  })
  ctx.events.on('*.said', () => {})
} }`

const ROOMY = { limits: { turnMs: 5_000 } } // a loaded machine shall not end a plugin here
const TURN = 2_000_000 // rounds: some 20 ms of processor time

async function inTurn(times: number, work: () => Promise<unknown>): Promise<void> {
  for (let i = 0; i < times; i++) await work()
}

async function add(pryx: TestKernel, name: string, limits = {}): Promise<Work> {
  const events = { emits: [`${name}.said`], listens: ['*.said'] }
  await pryx.add(name, CODE.replaceAll('NAME', name), {
    provides: { [name]: '1.0.0' },
    events,
    limits: { turnMs: 5_000, ...limits },
  })
  return pryx.kernel.use(defineService<Work>(name, '1.0.0'))
}

/** What the machine says of the sandbox processes, ms in steps of 10. */
function machineMs(pryx: TestKernel): number {
  const of = (pid: number) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    return (Number(fields[11]) + Number(fields[12])) * 10
  }
  return pryx.kernel.host().processes.reduce((sum, { pid }) => sum + of(pid), 0)
}

function sumOf(ledger: Ledger, of: 'cpuMs' | 'bytesIn' | 'bytesOut'): number {
  return ledger.plugins.reduce((sum, row) => sum + row[of], ledger.overhead[of] + ledger.removed[of])
}

test.runIf(process.platform === 'linux')(
  'K8: processor time of plugins and overhead is the processes’ own within 5 %, and each byte on the pipe is somebody’s',
  async () => {
    await using pryx = await createTestKernel(ROOMY)
    const heavy = await add(pryx, 'heavy')
    const light = await add(pryx, 'light')
    const talker = await add(pryx, 'talker')
    await add(pryx, 'gone')
    const text = 'x'.repeat(20_000)

    await Promise.all([
      inTurn(24, () => heavy.compute(TURN)),
      inTurn(8, () => light.compute(TURN)),
      ...Array.from({ length: 300 }, () => talker.echo(text)),
      talker.say(500),
    ])
    await pryx.kernel.remove('gone')
    const machine = () => machineMs(pryx)
    const ledger = () => pryx.kernel.ledger()
    await expect
      .poll(() => Math.abs(ledger().total.cpuMs / machine() - 1), { timeout: 10_000, interval: 100 }) // a report may be under way
      .toBeLessThan(0.05)

    const { plugins, total, ...rest } = ledger()
    const row = (name: string) => plugins.find(({ plugin }) => plugin === name)!
    expect(Math.abs(sumOf({ plugins, total, ...rest }, 'cpuMs') / machine() - 1)).toBeLessThan(0.05)
    expect(sumOf({ plugins, total, ...rest }, 'bytesIn')).toBe(total.bytesIn)
    expect(sumOf({ plugins, total, ...rest }, 'bytesOut')).toBe(total.bytesOut)
    expect(row('heavy').cpuMs / row('light').cpuMs).toBeGreaterThan(1.8) // three times the work
    expect(row('heavy').cpuMs / row('light').cpuMs).toBeLessThan(5)
    expect(row('heavy').served).toBe(24)
    expect(row('talker')).toMatchObject({ served: 301, events: 500 })
    expect(row('talker').bytesIn).toBeGreaterThan(300 * text.length)
    expect(row('talker').bytesOut).toBeGreaterThan(600 * text.length)
    expect(row('light').eventsIn + row('light').eventsDropped).toBe(500)
    expect(rest.overhead.startMs).toBeGreaterThan(10)
    expect(rest.removed.bytesOut).toBeGreaterThan(0)
  },
)

test('K8: a plugin that lives through a reload and a lost process keeps what it used', async () => {
  await using pryx = await createTestKernel(ROOMY)
  const work = await add(pryx, 'worker')
  await inTurn(10, () => work.compute(TURN))
  const used = () => pryx.kernel.status('worker').usage
  await expect.poll(() => used().cpuMs, { timeout: 10_000 }).toBeGreaterThan(50)
  const before = used()

  await pryx.kernel.reload('worker')
  process.kill(pryx.kernel.host().processes[0]!.pid, 'SIGKILL')
  await work.echo('once more')

  expect(used().cpuMs).toBeGreaterThanOrEqual(before.cpuMs)
  expect(used().served).toBeGreaterThan(before.served)
  const ledger = pryx.kernel.ledger()
  expect(sumOf(ledger, 'bytesIn')).toBe(ledger.total.bytesIn)
  expect(sumOf(ledger, 'bytesOut')).toBe(ledger.total.bytesOut)
  expect(Math.abs(sumOf(ledger, 'cpuMs') / ledger.total.cpuMs - 1)).toBeLessThan(0.05)
})

test('K3: a plugin past its budget is slowed, says so, and goes on once there is room; its neighbour is not', async () => {
  await using pryx = await createTestKernel(ROOMY)
  const facts: unknown[] = []
  pryx.kernel.on('plugin.budget', (fact) => void facts.push(fact))
  const eager = await add(pryx, 'eager', { budget: { eventsPerMinute: 600 } })
  const other = await add(pryx, 'other')

  const said = eager.say(630)
  await expect
    .poll(() => pryx.kernel.status('eager').reason, { timeout: 10_000 })
    .toMatch(/^slowed: it used \d+ of 600 events a minute/)
  const askedAt = Date.now()
  const late = eager.echo('waits')
  await other.echo('does not')
  const neighbourMs = Date.now() - askedAt

  expect(await late).toBe('waitswaits')
  expect(Date.now() - askedAt).toBeGreaterThan(neighbourMs)
  expect(Date.now() - askedAt).toBeGreaterThan(500) // 30 events too many drain in 3 s
  await said
  await expect
    .poll(() => facts, { timeout: 15_000 })
    .toEqual([
      { plugin: 'eager', budget: 'eventsPerMinute', used: expect.any(Number), max: 600, action: 'slowed' },
      { plugin: 'eager', budget: 'eventsPerMinute', used: expect.any(Number), max: 600, action: 'released' },
    ])
  expect(pryx.kernel.status('eager').reason).toBeUndefined()
})

test('K3: a plugin that slowing cannot hold is ended with the reason', async () => {
  await using pryx = await createTestKernel({ limits: { ...ROOMY.limits, budget: { bytesPerMinute: 200_000 } } })
  const failed = pryx.next('plugin.failed')
  const loud = await add(pryx, 'loud', { budget: { bytesPerMinute: 10_000_000 } }) // a manifest cannot raise it

  const calls = Promise.allSettled(Array.from({ length: 40 }, () => loud.echo('x'.repeat(10_000))))

  expect(await failed).toMatchObject({ plugin: 'loud', code: 'PLUGIN_BUDGET' })
  expect(pryx.kernel.status('loud')).toMatchObject({ stage: 'starting', failures: 1 })
  expect(pryx.kernel.status('loud').reason).toMatch(/of 200000 bytes a minute/)
  await calls
})
