// test/main-job.test.ts: the main job end to end, as real processes: a log is watched, its trouble is told, and nothing that goes wrong loses any of it.
import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { isAlive } from '../packages/pryx/src/cli/bin-testing.ts'
import { alertsOf, createMainJob, FIRST_PARTY, type Live, LOG, PATIENT, until, WITHIN_MS } from './main-job-testing.ts'

const TIMEOUT = { timeout: 60_000 }

test(
  'S6 K3: one line says where it is; three plugins run in isolates; a log that comes later is told within 2 s on page and terminal',
  TIMEOUT,
  async () => {
    await using job = createMainJob()
    const host = await job.up('--json')
    const { plugins, host: status } = await host.state()
    const sandbox = status.processes.find((process) => process.plugins.length > 0)!

    expect(JSON.parse(host.stdout())).toEqual({ event: 'host.up', url: host.url, link: host.link, pid: host.child.pid })
    expect(plugins.map(({ id, stage }) => [id, stage])).toEqual(FIRST_PARTY.map((id) => [id, 'active']))
    expect(plugins.map(({ process }) => process)).toEqual(plugins.map(() => sandbox.id))
    expect(host.children()).toContain(sandbox.pid)
    expect(existsSync(job.project.path(LOG))).toBe(false)

    for (const line of ['ERROR the first, folder and file with it', 'FATAL the second']) {
      const writtenAt = job.log(line)
      const alert = await host.alert(line)
      await expect
        .poll(() => host.terminal('alert.raised').find(({ data }) => data.line === line), PATIENT)
        .toBeDefined()
      const printed = host.terminal('alert.raised').find(({ data }) => data.line === line)!

      expect(alert.at - writtenAt).toBeLessThan(WITHIN_MS)
      expect(printed.at - writtenAt).toBeLessThan(WITHIN_MS)
    }
  },
)

test(
  'K4: a permission revoked on the page: the very next read is refused, audited and shown; granted again, nothing was missed',
  TIMEOUT,
  async () => {
    await using job = createMainJob()
    const host = await job.up('--json')
    job.log('ERROR before')
    await host.alert('ERROR before')
    const permission = await readPermission(host)

    const revokedAt = Date.now()
    await host.post('/api/plugins/log-monitor/permission', { permission, mode: 'deny' })
    const blocked = await until(async () => (await host.state()).events.find(({ name }) => name === 'alert.blocked'))
    job.log('ERROR while it may not read')
    const reads = await host.acts('log-monitor', 'fs.readFrom')
    const state = await host.state()

    expect(blocked.at - revokedAt).toBeLessThan(WITHIN_MS)
    expect(blocked.data).toMatchObject({ file: LOG, code: 'PERMISSION_DENIED' })
    expect(host.terminal('alert.blocked')).toHaveLength(1)
    expect(reads.at(-1)).toBe('denied')
    expect(reads.slice(0, reads.indexOf('denied'))).not.toContain('denied')
    expect(alertsOf(state)).toHaveLength(1)
    expect(state.plugins.find(({ id }) => id === 'log-monitor')).toMatchObject({ stage: 'active' })
    expect((await host.audit()).find(({ act }) => act === 'permission.revoked')).toMatchObject({
      plugin: 'log-monitor',
      access: [permission],
      detail: { by: 'web' },
    })

    const grantedAt = Date.now()
    await host.post('/api/plugins/log-monitor/permission', { permission, mode: 'allow' })
    const missed = await host.alert('ERROR while it may not read')
    const writtenAt = job.log('ERROR after')
    const next = await host.alert('ERROR after')

    expect(missed.at - grantedAt).toBeLessThan(WITHIN_MS)
    expect(next.at - writtenAt).toBeLessThan(WITHIN_MS)
    expect(alertsOf(await host.state()).map(({ data }) => data.id)).toEqual(['alert-1', 'alert-2', 'alert-3'])
  },
)

test(
  'K2 N3: kill -9 of the sandbox process: all three are active again with what they knew, and alerts go on',
  TIMEOUT,
  async () => {
    await using job = createMainJob()
    const host = await job.up('--json')
    job.log('ERROR before')
    await host.alert('ERROR before')
    const before = await host.state()
    const old = before.host.processes.find(({ plugins }) => plugins.includes('web'))!.pid
    expect(host.children()).toContain(old)

    process.kill(old, 'SIGKILL')
    const writtenAt = job.log('ERROR meanwhile')
    const meanwhile = await host.alert('ERROR meanwhile')
    const after = await host.allActive()
    const nextAt = job.log('ERROR after')
    const next = await host.alert('ERROR after')

    expect(meanwhile.at - writtenAt).toBeLessThan(2 * WITHIN_MS)
    expect(next.at - nextAt).toBeLessThan(WITHIN_MS)
    expect(after.host.processes.map(({ pid }) => pid)).not.toContain(old)
    expect(after.tasks?.map(({ id }) => id)).toEqual(before.tasks?.map(({ id }) => id))
    expect(host.terminal('sandbox.replaced').map(({ data }) => data.reason)).toContainEqual(
      expect.stringMatching('SIGKILL'),
    )
    expect(host.terminal('alert.raised').map(({ data }) => data.id)).toEqual(['alert-1', 'alert-2', 'alert-3'])
  },
)

test(
  'N3 K11: kill -9 of the host: the next start has tasks, history and grants, no process is left, and what was written meanwhile is told once',
  TIMEOUT,
  async () => {
    await using job = createMainJob()
    const first = await job.up('--json')
    job.log('ERROR before')
    await first.alert('ERROR before')
    const task = (await first.state()).tasks![0]!
    await first.post(`/api/tasks/${task.id}/run`)
    const ran = await until(async () => (await historyOf(first, task.id)).find(({ status }) => status === 'ok'))
    const pids = first.children()

    await first.end('SIGKILL')
    job.log('ERROR while it was down')
    await expect.poll(() => pids.filter(isAlive), PATIENT).toEqual([])
    const second = await job.up()
    await second.alert('ERROR while it was down')
    const writtenAt = job.log('ERROR after')
    const next = await second.alert('ERROR after')
    const state = await second.allActive()

    expect(second.stdout()).toBe(`Pryx is up: ${second.link}\n`)
    expect(second.stderr()).not.toContain('was granted what it declares') // all was granted before
    expect(state.tasks?.map(({ id }) => id)).toContain(task.id)
    expect(await historyOf(second, task.id)).toContainEqual(expect.objectContaining({ id: ran.id, status: 'ok' }))
    expect(alertsOf(state).map(({ data }) => data.line)).toEqual(['ERROR while it was down', 'ERROR after'])
    expect(next.at - writtenAt).toBeLessThan(WITHIN_MS)
    expect(second.stderr()).toContain('ERROR after')
  },
)

test('N2 K8: Ctrl-C ends it within 3 s with 130; no process is left, and the audit log is whole', TIMEOUT, async () => {
  await using job = createMainJob()
  const host = await job.up('--json')
  job.log('ERROR before')
  await host.alert('ERROR before')
  const pids = host.children()

  const { code, tookMs } = await host.end('SIGINT')

  expect(code).toBe(130)
  expect(tookMs).toBeLessThan(3_000)
  expect(pids.length).toBeGreaterThan(0)
  expect(pids.filter(isAlive)).toEqual([])
  expect(await job.project.json('audit', 'verify')).toMatchObject({ code: 0, value: { whole: true } })
})

async function readPermission(host: Live): Promise<string> {
  const { plugins } = await host.state()
  const monitor = plugins.find(({ id }) => id === 'log-monitor')!
  return monitor.permissions.find(({ permission }) => permission.startsWith('fs:read:'))!.permission
}

async function historyOf(host: Live, task: string): Promise<{ id: string; status: string }[]> {
  return (await host.get<{ runs: { id: string; status: string }[] }>(`/api/tasks/${task}/history`)).runs
}
