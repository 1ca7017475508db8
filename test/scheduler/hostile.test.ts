// Tasks that never end, crash, eat memory and flood the log, each in a sandbox, every second: an honest task of every second starts less
// than a second late all the same (S8), and every second of it is accounted for.
import { expect, test } from 'vitest'
import { createPlace } from './hosts.ts'

const LATENESS_MS = 1_000 // 99 of 100 starts
const SECONDS = process.env.PRYX_DEEP ? 90 : 20
const TRIES = 4 // the machine is never ours alone; a scheduler that is late is late each time

const HOSTILE: Record<string, string> = {
  endless: 'for (;;);',
  waiting: 'return new Promise(() => {})',
  crashing: 'setTimeout(() => { throw new Error("down") }); (function down(n) { return down(n + 1) + down(n) })(0)',
  hungry: 'const all = []; for (;;) all.push(new Array(1e6).fill(all.length))',
  flooding: 'for (let i = 0; i < 20_000; i++) ctx.log.info("x".repeat(1_000), i); return "said"',
}

test(`S8: beside endless, crashing, hungry and flooding tasks an honest one starts less than ${LATENESS_MS} ms late`, {
  timeout: TRIES * (SECONDS + 60) * 1_000,
}, async () => {
  let p99 = Number.POSITIVE_INFINITY
  for (let attempt = 1; attempt <= TRIES && p99 >= LATENESS_MS; attempt++) {
    p99 = await siege()
    console.log(`attempt ${attempt}: lateness among hostile tasks, p99 ${p99} ms`)
  }
  expect(p99).toBeLessThan(LATENESS_MS)
})

/** @returns 99 of 100 starts were at most so late, ms. */
async function siege(): Promise<number> {
  await using place = createPlace()
  for (const [name, code] of Object.entries(HOSTILE))
    place.plugin(
      name,
      `export default { activate(ctx) { ctx.tools.provide({ name: '${name}.go', run() { ${code} } }) } }`,
      { tools: [{ name: `${name}.go`, description: 'Does harm' }] },
    )
  const { scheduler } = await place.up()
  const honest = await scheduler.create({
    name: 'honest',
    trigger: { kind: 'interval', everyMs: 1_000 },
    overlap: 'queue',
    action: { kind: 'tool', name: 'world.act', input: { name: 'honest', key: '${run.id}' } },
  })
  for (const name of Object.keys(HOSTILE))
    await scheduler.create({
      ...{ name, trigger: { kind: 'interval', everyMs: 1_000 }, overlap: { kind: 'allow', max: 3 }, timeoutMs: 5_000 },
      action: { kind: 'tool', name: `${name}.go` },
    })

  await new Promise((done) => setTimeout(done, SECONDS * 1_000))

  const runs = (await scheduler.history(honest.id)).filter(({ startedAt }) => startedAt !== undefined)
  expect(runs.length).toBeGreaterThan(SECONDS / 2)
  expect(await scheduler.ledger(honest.id, 0, Date.now())).toMatchObject({ balanced: true, missed: 0 })
  for (const { id, name } of await scheduler.list({ owner: '*' })) {
    if (name === 'honest') continue
    const ended = (await scheduler.history(id)).filter(({ status }) => status === 'failed' || status === 'ok')
    expect([name, ended.length > 0]).toEqual([name, true]) // it was tried, and it came to an end
    expect([name, (await scheduler.ledger(id, 0, Date.now())).balanced]).toEqual([name, true])
  }
  const late = runs.map(({ startedAt, since }) => startedAt! - since).sort((a, b) => a - b)
  return late[Math.min(late.length - 1, Math.floor(late.length * 0.99))]!
}
