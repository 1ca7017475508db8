// What a machine and its user do to a scheduler: two hosts at once, an older database, a full disk, processes that are stopped and go on.
// Each time: nothing runs twice that must not, every occurrence is accounted for, and the user is told (S8).
import { cpSync, rmSync } from 'node:fs'
import { expect, test } from 'vitest'
import { createPlace, type Host, type Place, until } from './hosts.ts'

const TIMEOUT = { timeout: 600_000 }

test.concurrent(
  'S8: two hosts on one data folder share the work: each occurrence runs once, whoever takes it',
  TIMEOUT,
  async () => {
    await using place = createPlace()
    const first = await place.up()
    const beat = await makeBeat(first)
    const second = await place.up()

    await until('ten beats', async () => place.effects().length >= 10)
    await second.kill()
    await until('three beats more', async () => place.effects().length >= 13)

    await expectWhole(first, beat, place)
  },
)

test.concurrent(
  'S8: a database that is restored from yesterday catches up by policy; what it was in the middle of is told',
  TIMEOUT,
  async () => {
    await using place = createPlace()
    const first = await place.up()
    const beat = await makeBeat(first)
    const slow = await first.scheduler.create({
      name: 'slow',
      trigger: { kind: 'manual' },
      action: { kind: 'tool', name: 'world.slow', input: { ms: 60_000 } },
    })
    const run = await first.scheduler.runNow(slow.id)
    await until('the slow run', async () => (await first.scheduler.run(run.id)).status === 'running')
    await first.kill()
    cpSync(place.data, `${place.folder}/backup`, { recursive: true })
    const second = await place.up()
    await second.scheduler.create({ name: 'later', trigger: { kind: 'manual' } })
    await new Promise((done) => setTimeout(done, 2_000))
    await second.kill()
    rmSync(place.data, { recursive: true })
    cpSync(`${place.folder}/backup`, place.data, { recursive: true })

    const third = await place.up()
    const beats = place.effects().length
    await until('beats go on', async () => place.effects().length > beats + 1)

    expect((await third.scheduler.list({ owner: '*' })).map(({ name }) => name).sort()).toEqual(['beat', 'slow'])
    expect(await third.scheduler.run(run.id)).toMatchObject({ status: 'interrupted', ambiguous: true })
    expect((await third.scheduler.notices()).map(({ kind }) => kind)).toContain('ambiguous')
    expect(await third.scheduler.ledger(beat.id, 0, Date.now())).toMatchObject({ balanced: true })
  },
)

test.concurrent(
  'S8 S3: a full disk refuses new tasks in words, is told once, stops nobody for good, and what was acknowledged is there',
  TIMEOUT,
  async () => {
    await using place = createPlace()
    const host = await place.up({ quotaBytes: 1_500_000 })
    const beat = await makeBeat(host)
    await until('a beat', async () => place.effects().length > 0)
    const quiet = { trigger: { kind: 'manual' } } as const
    const acknowledged: string[] = []
    for (const chars of [4_000, 400, 1]) {
      let refusal: unknown
      for (let i = 0; refusal === undefined; i++)
        await host.scheduler
          .create({ ...quiet, name: `${chars} ${i}`, action: { kind: 'notify', text: 'x'.repeat(chars) } })
          .then(
            ({ id }) => acknowledged.push(id),
            (error) => (refusal = error),
          )
      expect(refusal).toMatchObject({ code: 'STORAGE_FULL' })
    }
    await until('it is told', async () => (await told(host, 'disk:')) === 1)

    for (const id of acknowledged.splice(0, 100)) await host.scheduler.remove(id)
    const beats = place.effects().length
    await until('beats go on', async () => place.effects().length > beats + 1)
    await until('it is over', async () => (await told(host, 'disk-again:')) === 1)
    for (const id of acknowledged) expect((await host.scheduler.get(id)).id).toBe(id)
    await expectWhole(host, beat, place)
  },
)

test.concurrent.each(['host', 'sandbox'] as const)(
  'S8: a %s that is stopped past a run’s time-out and goes on ends each run once, and makes up for what was missed',
  TIMEOUT,
  async (which) => {
    await using place = createPlace()
    const host = await place.up()
    const { scheduler } = host
    const beat = await makeBeat(host)
    const slow = await scheduler.create({
      name: 'slow',
      trigger: { kind: 'manual' },
      timeoutMs: 2_000,
      action: { kind: 'tool', name: 'world.slow', input: { ms: 1_000 } },
    })
    const run = await scheduler.runNow(slow.id)
    await until('the slow run', async () => (await scheduler.run(run.id)).status === 'running')
    const sandbox = (await host.sandboxes()).find(({ plugins }) => plugins.some((id) => id.includes('scheduler')))!
    const pid = which === 'host' ? host.child.pid! : sandbox.pid

    process.kill(pid, 'SIGSTOP')
    await new Promise((done) => setTimeout(done, 5_000))
    const beats = place.effects().length
    try {
      process.kill(pid, 'SIGCONT')
    } catch {} // the watchdog has put another in its place

    await until('beats go on', async () => place.effects().length > beats + 2)
    await until('the slow run is over', async () => (await scheduler.run(run.id)).status !== 'running')
    const ends = (await host.told()).filter(
      ({ name, payload }) => name === 'task.finished' && runOf(payload) === run.id,
    )
    expect(ends).toHaveLength(1)
    if ((await scheduler.run(run.id)).status !== 'ok')
      expect((await scheduler.notices()).map((notice) => notice.run)).toContain(run.id)
    await expectWhole(host, beat, place)
  },
)

test.concurrent(
  'S3: a failure is told within five seconds, and not again by the host that follows',
  TIMEOUT,
  async () => {
    await using place = createPlace()
    const first = await place.up()
    const task = await first.scheduler.create({
      name: 'fails',
      trigger: { kind: 'manual' },
      action: { kind: 'tool', name: 'world.fail' },
    })
    const { id } = await first.scheduler.runNow(task.id)
    await until('it is told', async () => (await told(first, `failed:${id}`)) === 1)
    const { finishedAt = 0 } = await first.scheduler.run(id)
    await until('it is noted', async () => (await first.scheduler.notices())[0]?.toldAt !== undefined)
    const [notice] = await first.scheduler.notices()
    await first.kill()
    const second = await place.up()
    const next = await second.scheduler.runNow(task.id)
    await until('the next is told', async () => (await told(second, `failed:${next.id}`)) === 1)

    expect(notice).toMatchObject({ kind: 'failed', run: id, title: 'fails failed', text: 'it does not work' })
    expect(notice!.toldAt! - finishedAt).toBeLessThan(5_000)
    expect(await told(second, `failed:${id}`)).toBe(0)
  },
)

/** A task of every second whose effects can be counted. */
function makeBeat({ scheduler }: Host) {
  return scheduler.create({
    name: 'beat',
    trigger: { kind: 'interval', everyMs: 1_000 },
    timeoutMs: 20_000, // whoever is killed may be in the middle of a run, which the next must not wait for much longer
    action: { kind: 'tool', name: 'world.act', input: { name: 'beat', key: '${run.id}' } },
  })
}

/** Nothing happened twice, and the books say what became of each second. */
async function expectWhole({ scheduler }: Host, beat: { id: string }, place: Place): Promise<void> {
  const keys = place.effects().map(({ key }) => key)
  expect(new Set(keys).size).toBe(keys.length)
  expect(await scheduler.ledger(beat.id, 0, Date.now())).toMatchObject({ balanced: true })
}

async function told(host: Host, id: string): Promise<number> {
  return (await host.told()).filter(
    ({ name, payload }) => name === 'notice.raised' && String(payload.id).startsWith(id),
  ).length
}

function runOf(payload: Record<string, unknown>): unknown {
  return (payload.run as { id?: string } | undefined)?.id
}
