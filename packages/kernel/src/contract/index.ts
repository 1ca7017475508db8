// @pryx/kernel/contract: what both sides of the wall agree on.

export type {
  AuditRecord,
  AuditVerdict,
  BudgetStanding,
  GrantDuration,
  HostStatus,
  KernelService,
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
} from './admin.ts'
export type { Capability, CapabilityCall, CapabilityMethod, Consent, PluginId, PluginPlace } from './capability.ts'
export { defineMethod } from './capability.ts'
export type { Handles, Parcel } from './codec.ts'
export { decode, encode, isPlain, needsDecode } from './codec.ts'
export type { ErrorJson } from './errors.ts'
export {
  CapabilityError,
  errorFromJson,
  errorToJson,
  LifecycleError,
  ManifestError,
  PermissionError,
  PryxError,
  SandboxError,
  ServiceError,
  stackless,
  UsageError,
} from './errors.ts'
export type { Budget, Limits } from './limits.ts'
export { DEFAULT_LIMITS, effectiveLimits, limitsSchema } from './limits.ts'
export type { Manifest } from './manifest.ts'
export {
  consentedPermissions,
  declaredPermissions,
  manifestJsonSchema,
  manifestSchema,
  parseManifest,
} from './manifest.ts'
export { shortName } from './name.ts'
export { isEventName, isEventPattern, matchesPattern } from './pattern.ts'
export type { Permission } from './permission.ts'
export { splitPermission } from './permission.ts'
export type {
  Activated,
  EventInfo,
  PluginContext,
  PluginDefinition,
  SubscribeOptions,
  ToolCallOptions,
  ToolDefinition,
  ToolFacts,
} from './plugin.ts'
export { definePlugin } from './plugin.ts'
export type { Release, Scope } from './scope.ts'
export { createScope } from './scope.ts'
export type { EventToken, HookAnswer, HookToken, MethodSchema, ServiceCaller, ServiceToken } from './tokens.ts'
export { defineEvents, defineHook, defineService } from './tokens.ts'
export type { SpanKind, TraceFilter, TraceQuery, TraceRecord, TraceSpan, TraceSummary } from './trace.ts'
export type {
  GuestMessage,
  HostMessage,
  LogLevel,
  ManifestTool,
  PlainReply,
  QueuePolicy,
  RoutedCall,
  StreamMessage,
} from './wire.ts'
export { isPlainReply, MAX_SUBSCRIPTIONS, parseGuestMessage, STREAM_WINDOW } from './wire.ts'
