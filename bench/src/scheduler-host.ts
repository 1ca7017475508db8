// bench/src/scheduler-host.ts: a kernel with the scheduler in its sandbox on the real storage, and tables with a million tasks for it.
import { readFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { createKeyFile, nodeCapabilities, openSecrets } from '@pryx/capabilities'
import { createKernel, type NodeKernel, openPluginFolder } from '@pryx/kernel'
import { Scheduler, taskEvents } from '../../plugins/scheduler/src/service.ts'

export const SCHEDULER_FOLDER = join(import.meta.dirname, '../../plugins/scheduler')
export const MANY = 1_000_000
/** A million tasks take about 500 MB, which is more than a plugin may have unless the host says so. */
export const QUOTA_BYTES = 2 * 1_024 ** 3
export const HOUR_MS = 3_600_000

export interface BenchHost {
  kernel: NodeKernel
  face: Scheduler
  firstDue: Promise<unknown>
}

export async function withHost<T>(
  data: string,
  work: (host: BenchHost) => Promise<T>,
  config: Record<string, unknown> = {},
): Promise<T> {
  const drivers = nodeCapabilities({
    secrets: openSecrets({ file: join(data, 'secrets.json'), key: createKeyFile(join(data, 'master.key')) }),
    storage: { quotaBytes: QUOTA_BYTES },
    process: { recordFolder: join(data, 'processes') },
    fs: { guarded: [] },
    http: { port: 0, host: '127.0.0.1', hosts: [] },
  })
  const kernel = await createKernel({
    data,
    workspace: data,
    consent: 'declared',
    standby: 'never',
    capabilities: Object.values(drivers),
  })
  const due = Promise.withResolvers<unknown>()
  kernel.on(taskEvents.due, (payload) => due.resolve(payload))
  try {
    kernel.on('sandbox.replaced', spoils)
    kernel.on('plugin.failed', spoils)
    await kernel.install(await openPluginFolder(SCHEDULER_FOLDER), { config })
    return await work({ kernel, face: await kernel.use(Scheduler), firstDue: due.promise })
  } finally {
    await kernel.stop()
    await drivers.http.close()
  }
}

/** Rows as the scheduler writes them; nothing of them is due for hours. @returns When the first is due. */
export function seed(data: string): number {
  const db = new DatabaseSync(databaseOf(data))
  const spec = JSON.stringify({
    ...{
      trigger: { kind: 'cron', expression: '0 9 * * *', timeZone: 'UTC' },
      action: { kind: 'event' },
      misfire: { kind: 'run-once' },
    },
    ...{
      overlap: 'skip',
      timeoutMs: 600_000,
      retry: { attempts: 0, backoffMs: 60_000, factor: 2, growth: 'exponential', maxDelayMs: 0, jitter: 0 },
    },
  })
  const insert = db.prepare(
    `INSERT INTO tasks (id, owner, name, spec, state, next_due, created_at, updated_at, kind) VALUES (?, ?, ?, ?, 'active', ?, 0, 0, 'cron')`,
  )
  const now = Date.now()
  db.exec('BEGIN')
  for (let i = 0; i < MANY; i++)
    insert.run(`seed-${i}`, `owner-${i % 1_000}`, `task ${i}`, spec, now + 24 * HOUR_MS + i)
  db.exec('COMMIT')
  db.close()
  return now + 24 * HOUR_MS
}

export function makeOneDue(data: string): void {
  const db = new DatabaseSync(databaseOf(data))
  db.prepare(`UPDATE tasks SET next_due = ?, spec = ?, state = 'active' WHERE id = 'seed-0'`).run(
    Date.now() - 1_000,
    JSON.stringify({
      trigger: { kind: 'once', at: Date.now() - 1_000 },
      action: { kind: 'event' },
      misfire: { kind: 'run-once' },
      overlap: { kind: 'allow', max: 50 },
      timeoutMs: 1_000,
      retry: { attempts: 0, backoffMs: 0, factor: 1, growth: 'linear', maxDelayMs: 0, jitter: 0 },
    }),
  )
  db.close()
}

export function databaseOf(data: string): string {
  return join(data, 'plugins', 'scheduler', 'storage.db')
}

export async function residentMb(kernel: NodeKernel): Promise<number> {
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim().split(' ').filter(Boolean)
  const pids = new Set([String(process.pid), ...children, ...kernel.host().processes.map(({ pid }) => String(pid))])
  const kb = [...pids].map((pid) =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0),
  )
  return kb.reduce((sum, each) => sum + each, 0) / 1_024
}

export async function emptyFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'pryx-bench-'))
}

function spoils(fact: unknown): void {
  console.error('the figures are void:', fact)
}
