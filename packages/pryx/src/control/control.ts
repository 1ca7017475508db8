// packages/pryx/src/control/control.ts: what the command can see and do of a host, running or at rest.
//   One list of methods: the socket's server checks calls against `inputs`, its client and the offline view have the same face.
import { isSecretName, type Login, type LoginSession, type Secrets, SHARED } from '@pryx/capabilities'
import type { AuditEntry, ConsentScreen, Kernel, Verdict } from '@pryx/kernel'
import {
  type AuditRecord,
  defineService,
  type HostStatus,
  type Ledger,
  LifecycleError,
  type PendingApproval,
  type Permission,
  type PermissionStatus,
  type PluginId,
  type PluginStatus,
  type TraceFilter,
  type TraceRecord,
} from '@pryx/kernel/contract'
import { z } from 'zod'
import type { BrokenPlugin } from '../host/host.ts'
import type { Installs } from '../host/installs.ts'
import type { Journal, JournalEvent } from '../host/journal.ts'
import { tellSecret } from '../host/secret-events.ts'
import { type LockEntry, lockEntry } from '../store/lock-file.ts'

export interface Control {
  host(): Promise<HostStatus & { data: string; workspace: string; running: boolean }>
  plugins(): Promise<{ plugins: PluginStatus[]; broken: BrokenPlugin[] }>
  /** @throws PLUGIN_UNKNOWN */
  plugin(id: PluginId): Promise<PluginStatus & { folder: string; warnings: ConsentScreen['warnings'] }>
  setEnabled(id: PluginId, enabled: boolean): Promise<PluginStatus>
  reload(id: PluginId): Promise<PluginStatus>
  grant(id: PluginId, permission: string, choice: GrantChoice): Promise<PermissionStatus[]>
  revoke(id: PluginId, permission: string): Promise<PermissionStatus[]>
  approvals(): Promise<PendingApproval[]>
  /** @throws APPROVAL_UNKNOWN, APPROVAL_RESOLVED */
  answer(id: string, answer: 'allow' | 'deny', duration: Span): Promise<void>
  auditTail(n: number): Promise<AuditRecord[]>
  auditVerify(): Promise<Verdict>
  /** Names, never values; `plugin` null: shared with every plugin that may read the name. */
  secrets(): Promise<SecretName[]>
  /** @throws SECRETS_* */
  setSecret(plugin: PluginId | null, name: string, value: string): Promise<void>
  /** @returns Whether it was there. */
  removeSecret(plugin: PluginId | null, name: string): Promise<boolean>
  logs(id: PluginId | null): Promise<LogLine[]>
  events(n: number): Promise<JournalEvent[]>
  ledger(): Promise<Ledger>
  /** Whole traces, newest last; recording goes on for a while. */
  traces(n: number, filter: TraceFilter): Promise<TraceRecord[]>
  trace(id: string): Promise<TraceRecord | null>
  /** Takes in a package that lies in the store, new or in an old one's place. `allow`: what the user consented to. */
  adopt(id: PluginId, entry: LockEntry, allow: readonly string[]): Promise<PluginStatus>
  /** Back to the version before. @throws ROLLBACK_NOTHING */
  back(id: PluginId): Promise<PluginStatus>
  /** Removes a plugin with all that is of it, or with all but its data. @throws PLUGIN_UNKNOWN */
  drop(id: PluginId, keepData: boolean): Promise<void>
  /** A new link to the pages, good for one browser, once. @throws HOST_DOWN */
  webLink(): Promise<{ link: string; expiresAt: number }>
  /** Browsers that are logged in. */
  webSessions(): Promise<LoginSession[]>
  /** Logs one out, or all. @returns How many. */
  endWebSession(id: string | null): Promise<number>
  /** Calls a method of a plugin's service, as the user who owns the host. @throws SERVICE_MISSING, HOST_DOWN, and what the method throws */
  call(service: string, version: string, method: string, args: unknown[]): Promise<unknown>
}

export interface SecretName {
  plugin: PluginId | null
  name: string
}

export type Span = 'once' | 'session' | 'forever' | { until: number }
export interface GrantChoice {
  mode: 'allow' | 'ask' | 'deny'
  duration: Span
}

export interface LogLine {
  at: number
  plugin: PluginId
  level: string
  text: string
  /** File, line and column that wrote it, of the author's sources. */
  place?: string
}

const id = z.string().min(1).max(214)
const permission = z.string().min(1).max(1_024)
const duration = z.union([
  z.enum(['once', 'session', 'forever']),
  z.strictObject({ until: z.number().int().nonnegative() }),
])
const secretName = z.string().refine(isSecretName, 'a name such as telegram.token')
const count = z.number().int().min(1).max(1_000)

/** Which traces; the same in the query of `GET /traces`. */
export const traceFilter = z.strictObject({
  minMs: z.coerce.number().nonnegative().default(0),
  plugin: id.optional(),
}) as z.ZodType<TraceFilter>

/** Arguments of each method. */
export const inputs: Record<keyof Control, z.ZodType<unknown[]>> = {
  host: z.tuple([]),
  plugins: z.tuple([]),
  plugin: z.tuple([id]),
  setEnabled: z.tuple([id, z.boolean()]),
  reload: z.tuple([id]),
  grant: z.tuple([id, permission, z.strictObject({ mode: z.enum(['allow', 'ask', 'deny']), duration })]),
  revoke: z.tuple([id, permission]),
  approvals: z.tuple([]),
  answer: z.tuple([id, z.enum(['allow', 'deny']), duration]),
  auditTail: z.tuple([count]),
  auditVerify: z.tuple([]),
  secrets: z.tuple([]),
  setSecret: z.tuple([id.nullable(), secretName, z.string().min(1).max(65_536)]),
  removeSecret: z.tuple([id.nullable(), secretName]),
  logs: z.tuple([id.nullable()]),
  events: z.tuple([count]),
  ledger: z.tuple([]),
  webLink: z.tuple([]),
  webSessions: z.tuple([]),
  endWebSession: z.tuple([id.nullable()]),
  call: z.tuple([
    z.string().regex(/^[a-z][a-z0-9.-]{0,63}$/),
    z.string().regex(/^\d+\.\d+\.\d+$/),
    z.string().regex(/^[a-z]\w{0,63}$/i),
    z.array(z.unknown()).max(8),
  ]),
  traces: z.tuple([count, traceFilter]),
  trace: z.tuple([z.string().min(1).max(256)]),
  adopt: z.tuple([id, lockEntry, z.array(permission).max(256)]),
  back: z.tuple([id]),
  drop: z.tuple([id, z.boolean()]),
}

type ServiceFace = Record<string, (...args: unknown[]) => Promise<unknown>>

/** What is ruled: a running host, or its records while none runs. */
export interface Ruled {
  kernel: Kernel
  config: { data: string; workspace: string }
  broken: ReadonlyMap<PluginId, BrokenPlugin>
  vault: Secrets
  /** These are absent at rest. */
  journal?: Journal
  installs?: Installs
  login?: Login
  link?(): { link: string; expiresAt: number }
  reload?(plugin: PluginId): Promise<void>
}

/** @param by Who acts, for audit and grants. */
export function createControl(
  { kernel, config, broken, vault, journal, installs, login, link, reload }: Ruled,
  { by }: { by: string },
): Control {
  const running = journal !== undefined
  const status = (id: PluginId) => (running ? kernel.status(id) : resting(kernel.status(id)))
  return {
    host: async () => ({ ...kernel.host(), data: config.data, workspace: config.workspace, running }),
    plugins: async () => ({ plugins: kernel.plugins().map(({ id }) => status(id)), broken: [...broken.values()] }),
    async plugin(id) {
      refuseBroken(id)
      return { ...status(id), folder: kernel.package(id).folder, warnings: kernel.permissions.screen(id).warnings }
    },
    async setEnabled(id, enabled) {
      refuseBroken(id)
      await (enabled ? kernel.enable(id) : kernel.disable(id))
      return kernel.status(id)
    },
    async reload(id) {
      if (reload === undefined) throw hostDown()
      await reload(id)
      return kernel.status(id)
    },
    async grant(id, wanted, choice) {
      await kernel.permissions.grant(id, wanted, { ...choice, by })
      return kernel.permissions.list(id)
    },
    async revoke(id, wanted) {
      await kernel.permissions.revoke(id, wanted, by)
      return kernel.permissions.list(id)
    },
    approvals: async () => [...kernel.approvals.pending()],
    answer: async (id, answer, span) => kernel.approvals.resolve(id, { answer, duration: span, by }),
    auditTail: async (n) => kernel.audit.tail(n).map(record),
    auditVerify: () => kernel.audit.verify(),
    async secrets() {
      const owners = await vault.owners()
      const listed = await Promise.all(owners.map(async (owner) => ({ owner, names: await vault.list(owner) })))
      return listed.flatMap(({ owner, names }) =>
        names.map((name) => ({ plugin: owner === SHARED ? null : (owner as PluginId), name })),
      )
    },
    async setSecret(id, name, value) {
      await vault.set(ownerOf(id), name, value)
      noteSecret('secrets.set', id, name)
      if (running) tellSecret(kernel, 'kept', name)
    },
    async removeSecret(id, name) {
      const removed = await vault.delete(ownerOf(id), name)
      if (removed) noteSecret('secrets.delete', id, name)
      if (removed && running) tellSecret(kernel, 'removed', name)
      return removed
    },
    logs: async (id) =>
      id === null
        ? kernel
            .plugins()
            .flatMap((one) => linesOf(one.id))
            .sort((a, b) => a.at - b.at)
        : linesOf(kernel.status(id).id),
    events: async (n) => journal?.last(n) ?? [],
    async call(service, version, method, args) {
      if (!running) throw hostDown()
      const face = await kernel.use(defineService<ServiceFace>(service, version))
      return face[method]!(...args)
    },
    ledger: async () => kernel.ledger(),
    async webLink() {
      if (link === undefined) throw hostDown()
      noteLogin('web.link', {})
      return link()
    },
    webSessions: async () => login?.sessions() ?? [],
    async endWebSession(id) {
      const ended = id === null ? (login?.endAll() ?? 0) : Number(login?.end(id) ?? false)
      noteLogin('web.logout', { ended })
      return ended
    },
    traces: async (n, filter) => kernel.traces.recent(n, filter),
    trace: async (id) => kernel.traces.find(id) ?? null,
    async adopt(id, entry, allow) {
      await live().adopt(id, entry, { allow: allow as Permission[], by })
      return kernel.status(id)
    },
    async back(id) {
      await live().back(id, by)
      return kernel.status(id)
    },
    drop: (id, keepData) => live().drop(id, { keepData }),
  }

  /** @throws PLUGIN_UNKNOWN */
  function ownerOf(id: PluginId | null): string {
    return id === null ? SHARED : kernel.status(id).id
  }

  function noteSecret(act: string, id: PluginId | null, name: string): void {
    const detail = { by, name, shared: id === null }
    kernel.audit.append({ plugin: id ?? 'kernel', act, access: [], outcome: 'allowed', detail, trace: 'user' })
  }

  function noteLogin(act: string, detail: object): void {
    kernel.audit.append({
      plugin: 'kernel',
      act,
      access: [],
      outcome: 'allowed',
      detail: { by, ...detail },
      trace: 'user',
    })
  }

  function live(): Installs {
    if (installs === undefined) throw hostDown()
    return installs
  }

  function linesOf(plugin: PluginId): LogLine[] {
    return kernel.logs(plugin).map((line) => ({ ...line, plugin }))
  }

  function refuseBroken(id: PluginId): void {
    const found = broken.get(id)
    if (found === undefined) return
    throw new LifecycleError('PLUGIN_BROKEN', `${id} could not be taken in: ${found.error.message}`, {
      plugin: id,
      hint: found.error.hint ?? `Correct it, then \`pryx plugins reload ${id}\`.`,
    })
  }
}

export function hostDown(): LifecycleError {
  return new LifecycleError('HOST_DOWN', 'no host is running here', {
    hint: 'Start one with `pryx up`, or name its data folder with --data.',
  })
}

function resting(status: PluginStatus): PluginStatus {
  return { ...status, stage: 'stopped', reason: 'no host is running' }
}

function record({ hash: _hash, prev: _prev, ms, ...entry }: AuditEntry): AuditRecord {
  return { ...entry, access: [...entry.access], ...(ms !== undefined && { ms }) }
}
