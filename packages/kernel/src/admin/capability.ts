// packages/kernel/src/admin/capability.ts: the kernel's own service, behind the same gate as any capability: `kernel:read`, `kernel:control`.
//   C1  No plugin widens its own rights here: it answers none of its own questions and grants itself nothing.
//   The token and the shapes are in contract/admin.ts.
import { z } from 'zod'
import type { Audit } from '../audit/audit.ts'
import {
  type Capability,
  defineMethod,
  type HostStatus,
  type Ledger,
  ManifestError,
  type Permission,
  PermissionError,
  type PluginId,
  type PluginStatus,
  type TraceQuery,
} from '../contract/index.ts'
import type { Approval, Approvals } from '../permissions/approvals.ts'
import type { Authority } from '../permissions/authority.ts'
import { summaryOf, type Traces } from '../trace/tracer.ts'

/** What the service shows and moves. */
export interface AdminHost {
  plugins(): PluginStatus[]
  host(): HostStatus
  ledger(): Ledger
  traces(): Pick<Traces, 'recent' | 'find'>
  approvals(): Approvals
  authority(): Authority
  audit(): Audit
  setEnabled(plugin: PluginId, enabled: boolean): Promise<void>
  reload(plugin: PluginId): Promise<void>
}

const plugin = z.string().min(1).max(214)
const permission = z.string().min(1).max(512)
const duration = z.enum(['once', 'session', 'forever'])
const nothing = z.tuple([])
const traceQuery = z.strictObject({
  minMs: z.number().nonnegative().optional(),
  plugin: plugin.optional(),
  others: z.boolean().optional(),
}) as z.ZodType<TraceQuery>
const read = () => ['read']
const control = () => ['control']

export function createAdminCapability(host: AdminHost): Capability {
  return {
    name: 'kernel',
    version: '1.0.0',
    summary: 'see and rule the plugins of this host',
    parse(rest) {
      if (rest === 'read' || rest === 'control') return rest
      throw new ManifestError('PERMISSION_INVALID', `kernel:${rest} is not a permission`, {
        found: `kernel:${rest}`,
        expected: 'kernel:read or kernel:control',
        hint: 'Ask for kernel:read to see plugins, kernel:control to rule them.',
      })
    },
    covers: (granted, wanted) => granted === wanted,
    consent: (rest) =>
      rest === 'read'
        ? { text: 'see all plugins, what they may do and what they did', risk: 'medium', traits: ['reads-private'] }
        : {
            text: 'switch plugins on and off, and grant and revoke permissions in your name',
            risk: 'high',
            traits: ['runs-code'],
          },
    methods: {
      plugins: defineMethod({ input: nothing, access: read, run: async () => host.plugins() }),
      host: defineMethod({ input: nothing, access: read, run: async () => host.host() }),
      ledger: defineMethod({ input: nothing, access: read, run: async () => host.ledger() }),
      traces: defineMethod({
        input: z.tuple([z.number().int().min(1).max(500), traceQuery.optional()]),
        access: read,
        run: async ([n, { others, ...filter } = {}], call) =>
          host
            .traces()
            .recent(n, { ...filter, ...(others && { except: call.plugin }) })
            .map(summaryOf),
      }),
      trace: defineMethod({
        input: z.tuple([z.string().min(1).max(256)]),
        access: read,
        run: async ([id]) => host.traces().find(id) ?? null,
      }),
      approvals: defineMethod({ input: nothing, access: read, run: async () => host.approvals().pending() }),
      auditTail: defineMethod({
        input: z.tuple([z.number().int().min(1).max(1_000)]),
        access: read,
        run: async ([n]) => host.audit().tail(n),
      }),
      auditVerify: defineMethod({ input: nothing, access: read, run: () => host.audit().verify() }),
      grant: defineMethod({
        input: z.tuple([plugin, permission, z.strictObject({ mode: z.enum(['allow', 'ask', 'deny']), duration })]),
        access: control,
        redact: (input) => input,
        run: ([id, wanted, choice], call) => {
          if (id === call.plugin && choice.mode === 'allow') throw ownGrant(id, wanted) // C1
          return host.authority().grant(id, wanted, { ...choice, by: call.plugin })
        },
      }),
      revoke: defineMethod({
        input: z.tuple([plugin, permission]),
        access: control,
        redact: (input) => input,
        run: ([id, wanted], call) => host.authority().revoke(id, wanted, call.plugin),
      }),
      setEnabled: defineMethod({
        input: z.tuple([plugin, z.boolean()]),
        access: control,
        redact: (input) => input,
        run: ([id, enabled]) => host.setEnabled(id, enabled),
      }),
      reload: defineMethod({
        input: z.tuple([plugin]),
        access: control,
        redact: (input) => input,
        run: ([id]) => host.reload(id),
      }),
      answer: defineMethod({
        input: z.tuple([z.string().min(1).max(128), z.strictObject({ answer: z.enum(['allow', 'deny']), duration })]),
        access: control,
        redact: (input) => input,
        run: async ([id, answer], call) => {
          const asked = host
            .approvals()
            .pending()
            .find((one) => one.id === id)
          if (asked?.plugin === call.plugin && answer.answer === 'allow') throw ownQuestion(asked) // C1
          host.approvals().resolve(id, { ...answer, by: call.plugin })
        },
      }),
    },
  }
}

function ownGrant(plugin: PluginId, permission: Permission): PermissionError {
  return new PermissionError('PERMISSION_OWN', `${plugin} may not grant ${permission} to itself`, {
    plugin,
    access: permission,
    hint: `Allow it elsewhere: \`pryx permissions allow ${plugin} ${permission}\`.`,
  })
}

function ownQuestion({ id, plugin, permission }: Approval): PermissionError {
  return new PermissionError('APPROVAL_OWN', `${plugin} may not say yes to a question of its own`, {
    plugin,
    access: permission,
    hint: `Answer it elsewhere: in the terminal where Pryx runs, or with \`pryx approvals allow ${id}\`.`,
  })
}
