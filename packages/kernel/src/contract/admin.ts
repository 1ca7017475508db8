// packages/kernel/src/contract/admin.ts: the shapes of the kernel's own service, through which a user sees and rules plugins.
//   Everything here is plain data: it crosses the wall as JSON. The token is `Kernel` of the SDK.
import type { PluginId } from './capability.ts'
import type { Budget, Limits } from './limits.ts'
import type { Permission } from './permission.ts'
import type { TraceQuery, TraceRecord, TraceSummary } from './trace.ts'

/**
 * Where a plugin stands. `waiting`: for its activation event, a service it requires, or consent (`reason` says which);
 * `failed`: gave up after repeated failures, until it is enabled or reloaded.
 */
export type PluginStage = 'waiting' | 'starting' | 'active' | 'stopping' | 'stopped' | 'failed' | 'disabled'

export type Risk = 'low' | 'medium' | 'high'
export type PermissionMode = 'allow' | 'ask' | 'deny'
/** How long an answer holds: one call, until the host ends, or until it is taken back. */
export type GrantDuration = 'once' | 'session' | 'forever'

/** One declared permission and what the user has said about it. */
export interface PermissionStatus {
  /** In normal form. */
  permission: Permission
  /** Goes on from "It may …". */
  text: string
  risk: Risk
  /** `ask` where nothing has been said. */
  mode: PermissionMode
  /** Of the grant in force; absent where there is none, or it ends at `expiresAt`. */
  duration?: GrantDuration
  /** Epoch ms at which the grant ends by itself. */
  expiresAt?: number
  grantId?: string
}

/** Counted since the plugin's first start in this run of the host, over all its instances. */
export interface PluginUsage {
  /** Processor time of its turns. */
  cpuMs: number
  /** Heap of its isolate now; 0 without an instance. */
  heapBytes: number
  turns: number
  /** Calls it made to services, capabilities, tools and hooks. */
  calls: number
  /** Calls made to it. */
  served: number
  /** Bytes that crossed its wall: to the plugin, from the plugin. */
  bytesIn: number
  bytesOut: number
  /** Events it published. */
  events: number
  /** Events it heard, and those its queues had to leave out. */
  eventsIn: number
  eventsDropped: number
}

/** What the sandbox processes used that is no plugin's. */
export interface LedgerOverhead {
  cpuMs: number
  /** Of it: loading Node and the runtime; moving messages and making isolates; other threads (garbage collection, compilation). */
  startMs: number
  threadMs: number
  helpersMs: number
  bytesIn: number
  bytesOut: number
}

/** Who used what, since the host started. Plugins and overhead add up to the total, which the processes count by themselves. */
export interface Ledger {
  /** Epoch ms. */
  at: number
  plugins: (PluginUsage & { plugin: PluginId; process: string })[]
  /** Of plugins that were removed. */
  removed: { cpuMs: number; bytesIn: number; bytesOut: number }
  overhead: LedgerOverhead
  total: { cpuMs: number; bytesIn: number; bytesOut: number; rssBytes: number }
}

export interface PluginStatus {
  id: PluginId
  /** npm's name. */
  name: string
  version: string
  description: string
  stage: PluginStage
  /** Why it is not active, in plain words. */
  reason?: string
  /** True while it waits for nothing but to be needed: it starts, or wakes, at its first use. */
  asleep?: boolean
  permissions: PermissionStatus[]
  usage: PluginUsage
  /** Messages that wait for it, calls it is serving, and events its queues had to leave out (since start). */
  queue: { queued: number; inFlight: number; dropped: number }
  /** Id of its sandbox process, as in `HostStatus.processes`; empty without an instance. */
  process: string
  /** Failures in a row; 0 once it has stayed up. */
  failures: number
  /** Names of the tools it offers; of a plugin that sleeps, of those it would offer once it is asked. */
  tools: string[]
  /** Services it offers, `name@version`; of a plugin that sleeps, those it would. */
  services: string[]
  /** The limits in force. */
  limits: Limits
  /** Where it stands with its budget, for each part that has one. */
  budget: { [part in keyof Budget]?: BudgetStanding }
}

export interface BudgetStanding {
  /** What is in the vessel: fills as it is used, drains at `max` a minute. */
  used: number
  max: number
  /** Its turns wait until there is room. */
  slowed: boolean
}

/** A question that waits for the user. */
export interface PendingApproval {
  id: string
  plugin: PluginId
  permission: Permission
  /** Goes on from "It wants to …". */
  sentence: string
  risk: Risk
  /** Epoch ms. */
  askedAt: number
  /** Epoch ms at which no answer counts as a no. */
  expiresAt: number
}

/** One privileged act. */
export interface AuditRecord {
  /** Goes up by one from 1. */
  seq: number
  /** Epoch ms. */
  at: number
  /** The plugin, or `kernel`. */
  plugin: string
  /** `net.fetch`, `service.call`, `permission.granted`, `approval.answered` … */
  act: string
  /** The permissions it needed. */
  access: string[]
  outcome: 'allowed' | 'denied' | 'failed' | 'cancelled'
  /** How long it took, ms. */
  ms?: number
  /** Plain data, with secrets left out. */
  detail?: unknown
  trace: string
}

/** Whether the audit log is whole, or the first thing that is wrong with it. */
export type AuditVerdict =
  | { whole: true; entries: number }
  | { whole: false; file: string; line: number; reason: string }

export interface SandboxProcess {
  id: string
  /** 0 for a backend without a process of its own. */
  pid: number
  rssBytes: number
  /** Who lives in it; empty for the standby. */
  plugins: PluginId[]
}

export interface HostStatus {
  /** Of Pryx. */
  version: string
  /** Of Node, without the `v`. */
  node: string
  pid: number
  /** Epoch ms. */
  startedAt: number
  /** Where its pages are served, if they are. */
  url?: string
  /** Resident memory of the kernel's own process. */
  rssBytes: number
  processes: SandboxProcess[]
}

/** What the user can see and do through a plugin. Calls are recorded with the plugin as the surface they came from. */
export interface KernelService {
  /** All plugins the host knows, by id. Needs `kernel:read`, as do all methods that only read. */
  plugins(): Promise<PluginStatus[]>
  host(): Promise<HostStatus>
  /** Who used what. */
  ledger(): Promise<Ledger>
  /**
   * Requests that have ended, newest last, at most `n` (1 to 500). Asking says that somebody looks: requests are
   * recorded from now on for half a minute. Names and times only; no argument and no answer is ever recorded.
   */
  traces(n: number, query?: TraceQuery): Promise<TraceSummary[]>
  /** One of them whole; null once it has made room for newer ones. */
  trace(id: string): Promise<TraceRecord | null>
  /** Questions that wait for an answer, oldest first. */
  approvals(): Promise<PendingApproval[]>
  /** The newest `n` entries (1 to 1,000), oldest first. */
  auditTail(n: number): Promise<AuditRecord[]>
  /** Reads the whole log and proves it. */
  auditVerify(): Promise<AuditVerdict>

  /**
   * Says whether a plugin may use a permission that it declares; in force before it returns. Needs `kernel:control`, as do all below.
   *
   * @throws PLUGIN_UNKNOWN; PERMISSION_UNDECLARED for what its manifest does not name.
   */
  grant(
    plugin: PluginId,
    permission: Permission,
    choice: { mode: PermissionMode; duration: GrantDuration },
  ): Promise<void>
  /** Takes a permission back with all that is narrower: the next call is refused. @throws PLUGIN_UNKNOWN */
  revoke(plugin: PluginId, permission: Permission): Promise<void>
  /** Starts a plugin that was disabled or failed, or stops it until it is enabled again; kept through restarts. @throws PLUGIN_UNKNOWN */
  setEnabled(plugin: PluginId, enabled: boolean): Promise<void>
  /** Swaps in the code now on disk; an error leaves the running instance as it is. @throws PLUGIN_UNKNOWN; what loading it threw */
  reload(plugin: PluginId): Promise<void>
  /** Answers a question. @throws APPROVAL_RESOLVED if another surface was first; APPROVAL_UNKNOWN */
  answer(id: string, answer: { answer: 'allow' | 'deny'; duration: GrantDuration }): Promise<void>
}
