// plugins/web/page/mock.ts: a host that only pretends, for work on the page. Not shipped.
import {
  type AuditRecord,
  type Kernel,
  type Ledger,
  type PendingApproval,
  type PermissionStatus,
  type PluginStatus,
  UsageError,
} from '@pryx/sdk'
import type { ChannelView, LinkCode } from '../src/channels.ts'
import type { Journal } from '../src/journal.ts'
import type { Tasks } from '../src/tasks.ts'
import { createMockTraces } from './mock-traces.ts'

const MB = 1_000_000
const started = Date.now() - 3 * 3_600_000 - 14 * 60_000

export interface Mock {
  kernel: Kernel
  tasks: Tasks
  channels: ChannelView[]
  code: LinkCode
  /** Makes something happen, once. */
  happen(): void
  ask(): PendingApproval
  alert(): void
}

export function createMock(journal: Journal): Mock {
  const plugins = [
    plugin(
      'scheduler',
      'Runs tasks at their time: cron, intervals and single dates, with catch-up and history.',
      'sandbox-1',
      [
        may('storage', 'keep data of its own', 'low'),
        may('tools:*', 'use the tools of all plugins', 'medium'),
        may('events:emit:task.*', 'publish task events', 'low'),
      ],
    ),
    plugin('log-monitor', 'Watches log files and raises an alert, once, when a line looks like trouble.', 'sandbox-1', [
      may('fs:read:/var/log/**', 'read files under /var/log', 'medium'),
      may('service:scheduler', 'use the scheduler', 'low'),
      may('events:emit:alert.raised', 'raise alerts', 'low'),
    ]),
    plugin('system-watch', 'Keeps an eye on processor, memory and disk.', 'sandbox-1', [
      may('system:cpu', 'see processor load', 'low'),
      may('system:memory', 'see memory use', 'low'),
    ]),
    plugin('web', 'The control centre: this page.', 'sandbox-1', [
      may('http:serve', 'serve pages on this machine', 'medium'),
      may('kernel:read', 'see all plugins, their permissions and the audit log', 'medium'),
      may('kernel:control', 'change permissions and stop or start plugins', 'high'),
    ]),
    plugin('weather', 'Current weather for a city.', 'sandbox-2', [
      may('net:api.open-meteo.com', 'talk to api.open-meteo.com', 'low'),
      may('storage', 'keep data of its own', 'low', 'ask'),
    ]),
    plugin('backup', 'Copies your notes to another machine every night.', 'sandbox-2', [
      may('fs:read:/home/ada/notes/**', 'read files under /home/ada/notes', 'medium'),
      may('shell:rsync', 'run rsync with your own rights', 'high', 'ask'),
      may('net:backup.example.com:22', 'talk to backup.example.com on port 22', 'high', 'deny'),
      may('secrets:backup.key', 'use the secret backup.key', 'high', 'ask'),
    ]),
    plugin('feed-reader', 'Reads feeds and tells what is new.', '', [
      may('net:*.example.org', 'talk to example.org', 'low'),
    ]),
    plugin('old-notes', 'Plain-text notes with search.', '', [may('storage', 'keep data of its own', 'low')]),
  ]
  const byId = new Map(plugins.map((status) => [status.id, status]))
  const broken = byId.get('feed-reader')!
  broken.stage = 'failed'
  broken.failures = 5
  broken.reason = 'Gave up after 5 failures: cannot read property "items" of undefined (feed.ts:41)'
  byId.get('old-notes')!.stage = 'disabled'
  byId.get('weather')!.budget = { cpuMsPerMinute: { used: 2_140, max: 6_000, slowed: false } }
  byId.get('backup')!.budget = {
    cpuMsPerMinute: { used: 6_010, max: 6_000, slowed: true },
    callsPerMinute: { used: 122, max: 1_200, slowed: false },
  }
  let approvals: PendingApproval[] = []
  const audit: AuditRecord[] = []
  const traces = createMockTraces()
  let n = 0
  for (let i = 0; i < 40; i++) record()

  const kernel: Kernel = {
    async plugins() {
      for (const { stage, usage } of plugins) {
        if (stage !== 'active') continue
        usage.cpuMs += Math.random() < 0.7 ? Math.random() * 30 : Math.random() * 240
        usage.heapBytes = Math.max(3 * MB, usage.heapBytes + (Math.random() - 0.5) * MB)
        usage.calls += Math.floor(Math.random() * 20)
        usage.eventsIn += Math.floor(Math.random() * 6)
        usage.bytesOut += Math.floor(Math.random() * 40_000)
      }
      return structuredClone(plugins)
    },
    async host() {
      return {
        version: '0.1.0',
        node: '24.21.0',
        pid: 4_120,
        startedAt: started,
        url: 'http://127.0.0.1:7799/',
        rssBytes: 61 * MB + Math.random() * 3 * MB,
        processes: [
          {
            id: 'sandbox-1',
            pid: 4_131,
            rssBytes: 78 * MB,
            plugins: ['scheduler', 'log-monitor', 'system-watch', 'web'],
          },
          { id: 'sandbox-2', pid: 4_140, rssBytes: 54 * MB, plugins: ['weather', 'backup'] },
          { id: 'sandbox-3', pid: 4_152, rssBytes: 41 * MB, plugins: [] },
        ],
      }
    },
    ledger: async () => ledgerOf(plugins),
    traces: async (count, query) => traces.recent(count, query),
    trace: async (id) => traces.find(id),
    approvals: async () => structuredClone(approvals),
    auditTail: async (count) => structuredClone(audit.slice(-count)),
    auditVerify: async () => ({ whole: true, entries: audit.length }),
    async grant(id, permission, { mode, duration }) {
      const status = byId.get(id)?.permissions.find((each) => each.permission === permission)
      if (status) Object.assign(status, { mode, duration })
      emit('permission.granted', { plugin: id, permission })
    },
    async revoke(id, permission) {
      const status = byId.get(id)?.permissions.find((each) => each.permission === permission)
      if (status) status.mode = 'deny'
      emit('permission.revoked', { plugin: id, permission })
    },
    async setEnabled(id, enabled) {
      const status = byId.get(id)
      if (!status) return
      status.stage = enabled ? 'active' : 'disabled'
      emit('plugin.stage', { plugin: id, stage: status.stage })
    },
    async reload(id) {
      if (id === 'backup') throw new Error('the build failed: src/plugin.ts:12:8 "Storag" is not exported')
      emit('plugin.stage', { plugin: id, stage: 'active', reason: 'reloaded' })
    },
    async answer(id, { answer }) {
      approvals = approvals.filter((approval) => approval.id !== id)
      emit('approval.resolved', { id, answer, by: 'web' })
    },
  }
  const at = Date.now()
  const channels: ChannelView[] = [
    { channel: 'telegram', state: 'online', text: 'Connected.', since: at, peers: 1, lastMessageAt: at - 120_000 },
    { channel: 'webhook', state: 'unconfigured', text: 'Not set up: name an endpoint.', since: at, peers: 0 },
  ]
  const code = { code: 'K7QX2M9P', url: 'https://t.me/your_bot?start=K7QX2M9P', expiresAt: at + 600_000 }
  return { kernel, tasks: noTasks, channels, code, happen, ask, alert }

  function emit(name: string, data: unknown, from = 'kernel'): void {
    journal.add({ name, from, at: Date.now(), data })
  }

  function happen(): void {
    n += 1
    record()
    traces.happen()
    const id = ['scheduler', 'log-monitor', 'weather', 'backup'][n % 4]!
    if (n % 5 === 0)
      emit('plugin.log', {
        plugin: id,
        level: ['info', 'warn', 'debug'][n % 3],
        text: `looked at ${n} lines, all is quiet`,
      })
    else if (n % 7 === 0) emit('plugin.dropped', { plugin: 'weather', pattern: 'system.*', count: n })
    else if (n % 3 === 0)
      emit(
        'task.finished',
        { task: { id: 't1', name: 'check logs', owner: 'log-monitor' }, run: { status: 'ok' } },
        'scheduler',
      )
    else
      emit(
        'system.sampled',
        { cpu: Math.random().toFixed(3), memoryFree: 2_113_929_216, load: [0.4, 0.6, 0.5] },
        'system-watch',
      )
  }

  function ask(): PendingApproval {
    const approval: PendingApproval = {
      id: `a${Date.now()}`,
      plugin: 'backup',
      permission: 'shell:rsync',
      sentence: 'run rsync with your own rights <b>now</b>',
      risk: 'high',
      askedAt: Date.now(),
      expiresAt: Date.now() + 300_000,
    }
    approvals.push(approval)
    emit('approval.needed', approval)
    return approval
  }

  function alert(): void {
    emit(
      'alert.raised',
      {
        id: 'k1',
        file: '/var/log/kern.log',
        line: 'I/O error, dev sda, sector 2048 op 0x0:(READ)',
        pattern: 'I/O error',
        severity: 'critical',
        count: 3,
        at: Date.now(),
        before: [],
        after: [],
      },
      'log-monitor',
    )
  }

  function record(): void {
    const acts = [
      ['weather', 'net.fetch', 'net:api.open-meteo.com', 'allowed'],
      ['log-monitor', 'fs.read', 'fs:read:/var/log/syslog', 'allowed'],
      ['backup', 'net.fetch', 'net:backup.example.com:22', 'denied'],
      ['scheduler', 'storage.batch', 'storage', 'allowed'],
      ['feed-reader', 'net.fetch', 'net:feeds.example.org', 'failed'],
    ] as const
    const [plugin, act, access, outcome] = acts[audit.length % acts.length]!
    audit.push({
      seq: audit.length + 1,
      at: Date.now(),
      plugin,
      act,
      access: [access],
      outcome,
      ms: Math.random() * 40,
      trace: 'x',
    })
  }
}

/** No scheduler is pretended: `pryx dev` has one. */
const noTasks: Tasks = {
  list: async () => [],
  scheduler: async () => {
    throw new UsageError('WEB_NO_SCHEDULER', 'no scheduler is running', { hint: 'Use a real host.' })
  },
  changed() {},
}

function ledgerOf(plugins: readonly PluginStatus[]): Ledger {
  const rows = plugins.map(({ id, process, usage }) => ({ plugin: id, process, ...usage }))
  const sum = (of: (row: (typeof rows)[number]) => number) => rows.reduce((all, row) => all + of(row), 0)
  const overhead = { startMs: 190, threadMs: 640, helpersMs: 120, bytesIn: 210_000, bytesOut: 88_000 }
  return {
    at: Date.now(),
    plugins: rows,
    removed: { cpuMs: 0, bytesIn: 0, bytesOut: 0 },
    overhead: { ...overhead, cpuMs: 950 },
    total: {
      cpuMs: sum(({ cpuMs }) => cpuMs) + 950,
      bytesIn: sum(({ bytesIn }) => bytesIn) + overhead.bytesIn,
      bytesOut: sum(({ bytesOut }) => bytesOut) + overhead.bytesOut,
      rssBytes: 173 * MB,
    },
  }
}

function may(
  permission: string,
  text: string,
  risk: PermissionStatus['risk'],
  mode: PermissionStatus['mode'] = 'allow',
): PermissionStatus {
  return { permission, text, risk, mode, ...(mode === 'allow' && { duration: 'forever' as const }) }
}

function plugin(id: string, description: string, process: string, permissions: PermissionStatus[]): PluginStatus {
  return {
    id,
    name: `@pryx/plugin-${id}`,
    version: '1.0.0',
    description,
    stage: 'active',
    permissions,
    usage: {
      cpuMs: 4_200,
      heapBytes: process ? 6 * MB + Math.random() * 9 * MB : 0,
      turns: 2_410,
      calls: 1_830,
      served: 640,
      bytesIn: 482_113,
      bytesOut: 1_204_400,
      events: 612,
      eventsIn: 1_204,
      eventsDropped: id === 'weather' ? 12 : 0,
    },
    queue: { queued: 0, inFlight: 1, dropped: id === 'weather' ? 12 : 0 },
    process,
    failures: 0,
    tools: id === 'weather' ? ['weather.now', 'weather.week'] : [],
    services: id === 'scheduler' ? ['scheduler@1.0.0'] : [],
    limits: {
      memoryMb: 64,
      turnMs: 250,
      callMs: 10_000,
      activateMs: 10_000,
      queueBytes: 33_554_432,
      queue: 1_000,
      messageBytes: 1_048_576,
      messagesPerSecond: 50_000,
      budget: {},
    },
    budget: {},
  }
}
