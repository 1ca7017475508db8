// packages/sdk/src/capabilities/kernel.ts: the kernel's own service, for plugins through which the user sees and rules the others.
//   Reading needs `kernel:read`, changing needs `kernel:control`. The shapes are the kernel's: contract/admin.ts.
import { defineService, type KernelService } from '@pryx/kernel/contract'

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
} from '@pryx/kernel/contract'

/** What the user can see and do through a plugin. */
export type Kernel = KernelService
export const Kernel = defineService<Kernel>('kernel', '1.0.0')
