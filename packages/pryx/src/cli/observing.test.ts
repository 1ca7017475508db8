import { spawn } from 'node:child_process'
import type { TraceRecord } from '@pryx/kernel/contract'
import { expect, test } from 'vitest'
import type { TopRow } from '../terminal/top.ts'
import { BIN, createProject } from './bin-testing.ts'

const busy = `export default { async activate(ctx) {
  const storage = await ctx.use({ name: 'storage', version: '1.0.0', methods: {} })
  setInterval(async () => { await storage.set('a', 1); for (let i = 0; i < 1e5; i++); }, 20)
} }`

test('K8: `pryx top --once` and its JSON show who used what, and that it adds up', async () => {
  await using project = createProject(['busy', 'quiet'])
  project.plugin('busy', busy, { permissions: ['storage'] })
  const host = await project.up('--consent', 'declared')

  const { value } = await project.json('top', '--once', '--sort', 'calls')
  const { rows, plugins, overhead, total } = value as {
    rows: TopRow[]
    plugins: { plugin: string; cpuMs: number; calls: number }[]
    overhead: { cpuMs: number }
    total: { cpuMs: number }
  }
  const { stdout } = await project.run('top', '--once')

  expect(rows.map(({ name }) => name)).toEqual(['busy', 'quiet', 'overhead', 'total'])
  expect(rows[0]!.callsPerSecond).toBeGreaterThan(2)
  expect(rows[1]!.callsPerSecond).toBe(0)
  const sum = plugins.reduce((all, { cpuMs }) => all + cpuMs, overhead.cpuMs)
  expect(Math.abs(sum / total.cpuMs - 1)).toBeLessThan(0.05)
  expect(stdout).toMatch(/PLUGIN +CPU +CPU ms +HEAP +CALLS\/s/)
  expect(stdout).toMatch(/busy +[\d.]+ %/)
  expect(stdout).toMatch(/overhead +[\d.]+ %/)
  await host.end()
})

test('N5: `pryx trace --follow` tells of requests as they end, and `pryx trace ID` draws one', async () => {
  await using project = createProject(['busy'])
  project.plugin('busy', busy, { permissions: ['storage'] })
  const host = await project.up('--consent', 'declared')
  const follow = spawn(process.execPath, [BIN, 'trace', '--follow', '--slow', '0', '--json'], { cwd: project.folder })
  let out = ''
  follow.stdout.on('data', (chunk) => (out += chunk))
  await expect.poll(() => out.split('\n').length, { timeout: 15_000 }).toBeGreaterThan(2)

  const trace = JSON.parse(out.split('\n')[0]!) as TraceRecord
  const { stdout } = await project.run('trace', trace.trace)
  const none = await project.run('trace', 'no-such')
  const ended = new Promise((resolve) => follow.once('exit', resolve))
  follow.kill('SIGINT')

  expect(await ended).toBe(130)
  expect(trace).toMatchObject({ name: 'storage.set', plugin: 'busy' })
  expect(trace.spans.map(({ kind }) => kind)).toEqual(['request', 'gate', 'driver'])
  expect(stdout).toMatch(/asks storage\.set busy +│ *─+/)
  expect(stdout).toMatch(/driver storage\.set busy +│ *█+ *│ +[\d.]+ ms/)
  expect(none).toMatchObject({ code: 1, stderr: expect.stringContaining('TRACE_UNKNOWN') })
  await host.end()
})
