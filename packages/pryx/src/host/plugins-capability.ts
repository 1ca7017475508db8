// packages/pryx/src/host/plugins-capability.ts: the service `plugins`, through which a surface lists and installs plugins: `plugins:read`, `plugins:manage`.
//   The second lets a surface propose an install and carry out removals; consent to an install stays an approval of its own (desk.ts, K1).
import { type Capability, type CapabilityCall, defineMethod, ManifestError } from '@pryx/kernel/contract'
import { z } from 'zod'
import type { Desk } from './desk.ts'

const read = () => ['read']
const manage = () => ['manage']
const plugin = z.string().min(1).max(214)
const spec = z.string().min(1).max(512)
const permission = z.string().min(1).max(1_024)

/** @param desk Asked for at each call: it is made after the kernel. */
export function createPluginsCapability(desk: () => Desk): Capability {
  return {
    name: 'plugins',
    version: '1.0.0',
    summary: 'list, install and remove plugins',
    parse(rest) {
      if (rest === 'read' || rest === 'manage') return rest
      throw new ManifestError('PERMISSION_INVALID', `plugins:${rest} is not a permission`, {
        found: `plugins:${rest}`,
        expected: 'plugins:read or plugins:manage',
        hint: 'Ask for plugins:read to list what is installed, plugins:manage to propose installs and to remove.',
      })
    },
    covers: (granted, wanted) => granted === wanted,
    consent: (rest) =>
      rest === 'read'
        ? {
            text: 'see which plugins are installed, from where, and what they log',
            risk: 'medium',
            traits: ['reads-private'],
          }
        : {
            text: 'propose plugins for you to install, update them, and remove them',
            risk: 'high',
            traits: ['runs-code'],
          },
    methods: {
      installed: defineMethod({ input: z.tuple([]), access: read, run: async () => desk().installed() }),
      outdated: defineMethod({
        input: z.tuple([]),
        access: read,
        timeoutMs: 0,
        run: (_input, { signal }) => desk().outdated(signal),
      }),
      window: defineMethod({ input: z.tuple([]), access: read, run: () => desk().window() }),
      logs: defineMethod({ input: z.tuple([plugin]), access: read, run: async ([id]) => desk().logs(id) }),
      plan: defineMethod({
        input: z.tuple([spec]),
        access: manage,
        timeoutMs: 0,
        redact: (input) => input,
        run: ([text], { signal }) => desk().plan(text, signal),
      }),
      planUpdate: defineMethod({
        input: z.tuple([plugin]),
        access: manage,
        timeoutMs: 0,
        redact: (input) => input,
        run: ([id], { signal }) => desk().planUpdate(id, signal),
      }),
      apply: defineMethod({
        input: z.tuple([z.string().max(64), z.array(permission).max(256)]),
        access: manage,
        timeoutMs: 0,
        redact: (input) => input,
        run: ([plan, allow], call) => desk().apply(plan, allow, askerOf(call)),
      }),
      rollback: defineMethod({
        input: z.tuple([plugin]),
        access: manage,
        timeoutMs: 0,
        redact: (input) => input,
        run: ([id], call) => desk().rollback(id, askerOf(call)),
      }),
      remove: defineMethod({
        input: z.tuple([plugin, z.strictObject({ keepData: z.boolean() })]),
        access: manage,
        redact: (input) => input,
        run: ([id, { keepData }]) => desk().remove(id, keepData),
      }),
    },
  }
}

function askerOf({ plugin: id, trace, signal }: CapabilityCall) {
  return { plugin: id, trace, signal }
}
