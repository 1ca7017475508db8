// @pryx/sdk: what a plugin is written with.

export type {
  Activated,
  ErrorJson,
  EventInfo,
  EventToken,
  HookAnswer,
  HookToken,
  Limits,
  LogLevel,
  Manifest,
  ManifestTool,
  MethodSchema,
  Permission,
  PluginContext,
  PluginDefinition,
  PluginId,
  QueuePolicy,
  Release,
  ServiceCaller,
  ServiceToken,
  SubscribeOptions,
  ToolCallOptions,
  ToolDefinition,
  ToolFacts,
} from '@pryx/kernel/contract'
export {
  CapabilityError,
  defineEvents,
  defineHook,
  definePlugin,
  defineService,
  LifecycleError,
  ManifestError,
  PermissionError,
  PryxError,
  parseManifest,
  SandboxError,
  ServiceError,
  UsageError,
} from '@pryx/kernel/contract'
export { z } from 'zod'
// The host's capabilities, each behind its permission.
export type { DesktopNote } from './capabilities/desktop.ts'
export { Desktop } from './capabilities/desktop.ts'
export { Env } from './capabilities/env.ts'
export type { FileChange, FileFacts, FolderEntry } from './capabilities/fs.ts'
export { Fs } from './capabilities/fs.ts'
export type { HttpHandler } from './capabilities/http.ts'
export { Http } from './capabilities/http.ts'
export type {
  AuditRecord,
  AuditVerdict,
  BudgetStanding,
  GrantDuration,
  HostStatus,
  Ledger,
  LedgerOverhead,
  PendingApproval,
  PermissionMode,
  PermissionStatus,
  PluginStage,
  PluginStatus,
  PluginUsage,
  Risk,
  SandboxProcess,
  SpanKind,
  TraceQuery,
  TraceRecord,
  TraceSpan,
  TraceSummary,
} from './capabilities/kernel.ts'
export { Kernel } from './capabilities/kernel.ts'
export type { NetRequest } from './capabilities/net.ts'
export { Net } from './capabilities/net.ts'
export type { InstalledPlugin, InstallPlan, OutdatedPlugin, PackageTrust } from './capabilities/plugins.ts'
export { Plugins } from './capabilities/plugins.ts'
export type { OutputLine, ProcessStatus, StartRequest } from './capabilities/process.ts'
export { Processes } from './capabilities/process.ts'
export { Secrets } from './capabilities/secrets.ts'
export type { RunRequest, RunResult } from './capabilities/shell.ts'
export { Shell } from './capabilities/shell.ts'
export type {
  Entry,
  ListOptions,
  SqlParam,
  SqlParams,
  SqlRunResult,
  StorageOp,
  WriteOptions,
} from './capabilities/storage.ts'
export { Storage } from './capabilities/storage.ts'
export type { SystemFacts } from './capabilities/system.ts'
export { System } from './capabilities/system.ts'
