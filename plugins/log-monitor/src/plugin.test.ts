import type { Scheduler, TaskDue } from '@pryx/plugin-scheduler/service'
import type { PluginContext } from '@pryx/sdk'
import { expect, test } from 'vitest'
import { createMemoryFiles, createMemoryKeyValues, type Told } from './monitor-testing.ts'
import plugin from './plugin.ts'
import type { LogMonitor } from './service.ts'

const LOG = 'app.log'
type Disk = ReturnType<typeof createMemoryFiles>

test('S6: a change of a file is looked at, the alert is told, and the tool and the service answer it', async () => {
  const bench = await setUp()

  bench.disk.append(LOG, 'FATAL disk gone\nERROR later\n')
  bench.changed()
  await bench.settled()

  expect(bench.told.map((each) => [each.name, each.payload.line])).toEqual([
    ['alert.raised', 'FATAL disk gone'],
    ['alert.raised', 'ERROR later'],
  ])
  expect(await bench.monitor.alerts(1)).toMatchObject([{ line: 'ERROR later' }])
  expect(await bench.tool({ limit: 20, severity: 'critical' })).toMatchObject([{ line: 'FATAL disk gone' }])
})

test('S6: the scheduled sweep finds what no watch has reported, and reports its run', async () => {
  const bench = await setUp()

  bench.disk.append(LOG, 'ERROR unnoticed\n')
  await bench.due()

  expect(bench.told).toHaveLength(1)
  expect(bench.completions).toMatchObject([{ ok: true, result: { lines: 1, alerts: 1 } }])
})

test('K4: a revoked permission is told and does not stop the plugin; once granted again the files are looked at at once', async () => {
  const bench = await setUp()
  bench.disk.append(LOG, 'ERROR unseen\n')

  bench.disk.refuse(Object.assign(new Error('revoked'), { code: 'PERMISSION_DENIED' }))
  await bench.publish('permission.revoked', { plugin: 'log-monitor' })
  await bench.settled()
  bench.disk.refuse(undefined)
  await bench.publish('permission.granted', { plugin: 'log-monitor' })
  await bench.settled()

  expect(bench.told.map((each) => each.name)).toEqual(['alert.blocked', 'alert.raised', 'alert.unblocked'])
  await bench.due()
  expect(bench.completions).toMatchObject([{ ok: true }])
})

test('S6: a line written between the first look and the watch is found: there is one look more once the watch stands', async () => {
  const bench = await setUp({ beforeWatch: (disk) => disk.append(LOG, 'ERROR in between\n') })

  expect(bench.told.map((each) => each.payload.line)).toEqual(['ERROR in between'])
})

test('K4: a permission revoked and granted again before anything is read: the file is watched anew', async () => {
  const bench = await setUp()

  await bench.publish('permission.revoked', { plugin: 'log-monitor' })
  await bench.settled()

  expect(bench.watches()).toBe(2)
})

/** The plugin on a context of plain objects, with a scheduler that runs when told to. */
async function setUp({ beforeWatch = (_disk: Disk): void => {} } = {}) {
  const disk = createMemoryFiles()
  disk.write(LOG, 'old\n')
  const told: Told[] = []
  const completions: unknown[] = []
  const listeners = new Map<string, (payload: unknown) => unknown>()
  const watches: (() => void)[] = []
  const scheduler: Partial<Scheduler> = {
    createOrUpdate: async () => ({ id: 'task' }) as never,
    attend: async () => {},
    complete: async (_id, completion) => Boolean(completions.push(completion)),
  }
  const services: Record<string, unknown> = {
    storage: createMemoryKeyValues().storage,
    scheduler,
    fs: { readFrom: readFromOf(disk.source), watch: watchOf(watches, () => beforeWatch(disk)) },
  }
  const provided: { monitor?: LogMonitor; tool?: (input: unknown) => unknown } = {}
  const ctx = {
    config: { files: [{ path: LOG, from: 'end' }], every: '30s', cooldownMs: 60_000 },
    log: { warn() {} },
    use: async (token: { name: string }) => services[token.name],
    provide: (_token: unknown, monitor: LogMonitor) => Object.assign(provided, { monitor }),
    tools: { provide: (tool: { run(input: unknown): unknown }) => Object.assign(provided, { tool: tool.run }) },
    emit: async (event: { name: string }, payload: Told['payload']) => void told.push({ name: event.name, payload }),
    events: {
      on: (event: string | { name: string }, handler: (payload: unknown) => unknown) =>
        listeners.set(typeof event === 'string' ? event : event.name, handler),
    },
  } as unknown as PluginContext<never>
  await plugin.activate(ctx)
  await settled()
  let runs = 0
  return {
    disk,
    told,
    completions,
    monitor: provided.monitor!,
    tool: provided.tool!,
    settled,
    watches: () => watches.length,
    changed() {
      for (const changed of watches) changed()
    },
    publish: async (name: string, payload: unknown) => listeners.get(name)?.(payload),
    async due(): Promise<void> {
      runs++
      const due: Partial<TaskDue> = { taskId: 'task', runId: `run-${runs}`, key: `run-${runs}:1`, attempt: 1 }
      await listeners.get('task.due')?.(due)
      await settled()
    },
  }
}

/** As the host's: which file it is comes with every read. */
function readFromOf(source: ReturnType<typeof createMemoryFiles>['source']) {
  return async (path: string, offset: number) => {
    const facts = await source.stat(path)
    return { ...(await source.readFrom(path, offset)), size: facts!.size }
  }
}

function watchOf(watches: (() => void)[], before: () => void) {
  return async (_path: string, changed: () => void) => {
    before()
    watches.push(changed)
    return () => {}
  }
}

/** One turn of the event loop: everything in memory has answered. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
