// test/dev-load.test.ts: a plugin edited again and again under `pryx dev`, the real command with its builder and watcher, while events keep coming (K7).
import { writeFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createProject } from '../packages/pryx/src/cli/bin-testing.ts'

const EDITS = process.env.PRYX_DEEP ? 200 : 8
const EVENTS = process.env.PRYX_DEEP ? 100_000 : 2_000 // at least; it goes on until the last edit is live
const PACE_MS = process.env.PRYX_DEEP ? 240 : 0 // so that there is load from the first edit to the last
const BROKEN_EVERY = 5
const STORM_EVERY = 7
const PATIENT = { timeout: 30_000, interval: 20 } // on a busy machine

/** Counts what it hears, over all its editions. Order is kept, so a gap is an event lost and a step back one that came twice. */
const tally = (edition: number) => `interface Count { next: number; lost: number; doubled: number; starts: number }
const enough = { kind: 'event', name: 'tally.enough', schema: { parse: (x: unknown) => x } }

export default { activate(ctx: any) {
  const count: Count = ctx.previous ?? { next: 0, lost: 0, doubled: 0, starts: 0 }
  count.starts++
  let asked = false
  ctx.events.on('load.*', ({ n, done }: { n: number; done: boolean }) => {
    if (done) return console.warn('report ' + JSON.stringify({ ...count, sent: n }))
    if (n < count.next) count.doubled++
    else {
      count.lost += n - count.next
      count.next = n + 1
    }
    if (${edition} < ${EDITS} || n < ${EVENTS} || asked) return
    asked = true
    ctx.emit(enough, null)
  }, { capacity: 10_000 })
  console.warn('edition ${edition} is live')
  return { handOver: () => count }
} }
`

const load = `const came = { kind: 'event', name: 'load.came', schema: { parse: (x) => x } }
export default { activate(ctx) {
  let n = 0
  const timer = setInterval(() => { for (let i = 0; i < 20; i++) ctx.emit(came, { n: n++, done: false }) }, 10) // 2,000 a second
  ctx.events.on('tally.enough', () => { clearInterval(timer); ctx.emit(came, { n, done: true }) })
} }`

test(`K7: ${EDITS} edits through \`pryx dev\` under load, broken ones and storms among them: no event lost, none twice, state kept`, {
  timeout: process.env.PRYX_DEEP ? 1_800_000 : 120_000,
}, async () => {
  await using project = createProject(['load'])
  project.plugin('load', load, { events: { emits: ['load.*'], listens: ['tally.*'] } })
  project.write('pryx.json', {
    plugins: { load: { source: './plugins/load' }, tally: { source: './plugins/tally' } },
  })
  project.write('plugins/tally/package.json', {
    name: 'pryx-plugin-tally',
    version: '1.0.0',
    type: 'module',
    pryx: { engine: '*', entry: 'dist/plugin.js', events: { emits: ['tally.*'], listens: ['load.*'] } },
  })
  const file = project.path('plugins/tally/src/plugin.ts')
  project.write('plugins/tally/src/plugin.ts', tally(0))
  const host = await project.dev('--consent', 'declared')
  const has = (text: string, from = 0, limits = PATIENT) =>
    expect
      .poll(() => host.stderr().includes(text, from) || `no "${text}" after: ${host.stderr().slice(-2_000)}`, limits)
      .toBe(true)
  await has('edition 0 is live')
  await has('Watching')

  let broken = 0
  for (let edition = 1; edition <= EDITS; edition++) {
    if (edition % BROKEN_EVERY === 0) {
      const from = host.stderr().length
      writeFileSync(file, tally(edition).replace('activate(ctx: any) {', 'activate(ctx: any {'))
      await has('BUILD_FAILED', from)
      broken++
    }
    if (edition % STORM_EVERY === 0) for (let n = 0; n < 20; n++) writeFileSync(file, `${tally(edition)}// ${n}\n`)
    writeFileSync(file, tally(edition))
    await has(`edition ${edition} is live`)
    await delay(PACE_MS)
  }
  await has('report ', 0, { ...PATIENT, timeout: 180_000 })

  const [, text = ''] = /report (\{.*\})/.exec(host.stderr()) ?? []
  const report = JSON.parse(text) as { next: number; lost: number; doubled: number; starts: number; sent: number }
  expect(report).toMatchObject({ lost: 0, doubled: 0, next: report.sent })
  expect(report.sent).toBeGreaterThanOrEqual(EVENTS)
  expect(report.starts).toBeGreaterThan(EDITS) // each edition began with what the one before handed over
  expect(broken).toBe(Math.floor(EDITS / BROKEN_EVERY))
})
