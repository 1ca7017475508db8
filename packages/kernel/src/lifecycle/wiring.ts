// packages/kernel/src/lifecycle/wiring.ts: what a guest asks for, led to where it is decided and done. Every privileged path passes the gate here.
//   W1  A service, a tool, a hook or an event is reached only after the gate said yes for this caller.
//   W2  What a plugin offers must be in its manifest; a name is never taken by surprise.
//   W3  The kernel's own event names cannot be published by a plugin, nor can it run the kernel's own hooks.
import {
  type Capability,
  isEventName,
  ManifestError,
  matchesPattern,
  type Permission,
  PermissionError,
  type PluginId,
  type Release,
  stackless,
  type ToolFacts,
  UsageError,
} from '../contract/index.ts'
import type { Bus } from '../events/bus.ts'
import type { Approvals } from '../permissions/approvals.ts'
import type { Gate } from '../permissions/gate.ts'
import { covers } from '../permissions/grammar.ts'
import type { Caller } from '../permissions/judge.ts'
import type { Hooks } from '../services/hooks.ts'
import type { Services } from '../services/registry.ts'
import { type ToolCall, ToolCallHooks, type Tools } from '../services/tools.ts'
import type { InstancePorts } from './instance.ts'
import type { Roster } from './roster.ts'
import type { Offer } from './session.ts'
import type { Unit, UnitOptions } from './unit.ts'

const KERNEL_EVENTS = new Set(['kernel', 'plugin', 'approval', 'permission', 'sandbox'])

const MAX_TOOL_MS = 600_000 // a plugin waits for a tool at most
const MAX_TOOLS_TOLD = 256
const KERNEL_HOOKS: ReadonlySet<string> = new Set(Object.values(ToolCallHooks).map(({ name }) => name))

export interface WiringOptions {
  roster: Roster
  capabilities: ReadonlyMap<string, Capability>
  gate: Gate
  bus: Bus
  services: Services
  hooks: Hooks
  tools: Tools
  approvals: Approvals
}

export interface Wiring {
  /** The parts of a unit that reach beyond it. */
  of(plugin: PluginId): Pick<UnitOptions, 'ports' | 'mayHear' | 'expose' | 'hold'>
  callTool(call: ToolCall): Promise<unknown>
}

export function createWiring({
  roster,
  capabilities,
  gate,
  bus,
  services,
  hooks,
  tools,
  approvals,
}: WiringOptions): Wiring {
  return { of: () => ({ ports, mayHear, expose, hold }), callTool }

  function ports(caller: Caller): Pick<InstancePorts, 'call' | 'use' | 'tool' | 'tools' | 'askedMs' | 'hook' | 'emit'> {
    const { plugin, callMs } = caller
    return {
      call({ service, range, method, trace }, args, signal) {
        if (capabilities.has(service)) return gate.call(caller, { capability: service, method, args, trace, signal })
        const request = { permission: `service:${service}`, act: 'service.call', detail: `${service}.${method}` }
        return gate.pass(caller, { ...request, args, trace, signal }, async (lent, over) => {
          await roster.awaken('service', service)
          return await services.call({
            from: plugin,
            service,
            range,
            method,
            args: lent,
            trace,
            signal: over,
            timeoutMs: callMs,
          })
        }) // W1
      },
      async use({ service, range, optional }, signal) {
        if (capabilities.has(service)) return true
        if (optional && !declares(caller, service)) return false
        gate.refuseDenied(caller, `service:${service}`, '') // asked for, if need be, at each call
        await roster.awaken('service', service)
        try {
          if (optional && !roster.isComing(service)) services.resolve(service, range)
          else await services.whenAvailable(service, range, { timeoutMs: callMs, signal })
        } catch (error) {
          if (optional) return false
          throw error
        }
        return true
      },
      tool({ name, trace, timeoutMs = callMs }, input, signal) {
        const request = { permission: `tools:${name}`, act: 'tool.call', detail: name }
        const toolMs = Math.min(Math.max(1, timeoutMs), MAX_TOOL_MS)
        return gate.pass(caller, { ...request, args: input, trace, signal }, (lent, over) =>
          callTool({ name, input: lent, from: plugin, trace, signal: over, timeoutMs: toolMs }),
        ) // W1
      },
      tools: async () => toolsFor(caller),
      askedMs: () => approvals.waitedMs(plugin),
      async hook({ name, timeoutMs, failure, trace }, value, signal) {
        if (KERNEL_HOOKS.has(name)) throw reservedHook(name) // W3
        return hooks.run({ name, value, failure, timeoutMs, from: plugin, trace, signal })
      },
      emit(name, data, trace) {
        checkName(name)
        const permission: Permission = `events:emit:${name}`
        if (gate.admits(caller, permission, trace)) return emitted()
        return gate.require(caller, permission, trace).then(emitted)

        function emitted(): void | Promise<void> {
          gate.used(caller, 'event.emitted', permission, trace)
          return bus.emit(plugin, name, data, trace)
        }
      },
    }
  }

  /** What a plugin may plan with: declared, whether granted or to be asked for at the call. Its own it need not call. */
  function toolsFor({ plugin, declared }: Caller): ToolFacts[] {
    const asleep = roster
      .sleeping()
      .flatMap(({ id, pkg }) =>
        pkg.manifest.tools.map(({ name, description, input }) => ({ name, plugin: id, description, input })),
      )
    const awake = tools
      .list()
      .map(({ name, plugin: owner, description, input }) => ({ name, plugin: owner, description, input }))
    const known = new Map([...asleep, ...awake].map((tool) => [tool.name, tool]))
    const mine = (name: string) => declared.some((own) => covers(gate.grammars, own, `tools:${name}`))
    return [...known.values()]
      .filter((tool) => tool.plugin !== plugin && mine(tool.name))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .slice(0, MAX_TOOLS_TOLD)
  }

  async function callTool(call: ToolCall): Promise<unknown> {
    await roster.awaken('tool', call.name)
    return tools.call(call)
  }

  /** A subscription must be declared; whether each event may be heard is judged as it is sent. */
  function mayHear(caller: Caller, pattern: string): void {
    const permission: Permission = `events:on:${pattern}`
    if (gate.allows(caller, permission)) return gate.used(caller, 'event.subscribed', permission, '')
    const declared = caller.declared.some(
      (permission) =>
        permission.startsWith('events:on:') && matchesPattern(permission.slice('events:on:'.length), pattern),
    )
    if (!declared) throw undeclaredPattern(caller.plugin, pattern)
    void gate.require(caller, permission, '').catch(() => {}) // asks; the answer is felt by the next event
  }

  function expose(unit: Unit, offer: Offer): Release {
    switch (offer.kind) {
      case 'service':
        return exposeService(unit, offer)
      case 'tool':
        return exposeTool(unit, offer)
      case 'hook':
        return exposeHook(unit, offer)
    }
  }

  function exposeService(unit: Unit, { name, version, methods }: Offer): Release {
    const stated = unit.pkg.manifest.provides[name]
    if (stated !== version) throw notStated(unit, `pryx.provides.${name}`, stated, version) // W2
    return services.register({
      plugin: unit.id,
      name,
      version,
      methods,
      keepsTime: true,
      invoke: ({ from, method, args, trace, signal, timeoutMs }) =>
        unit.invoke('service', name, method, args, { from, trace, signal, timeoutMs }),
    })
  }

  function exposeTool(unit: Unit, { name, description, input }: Offer): Release {
    const stated = unit.pkg.manifest.tools.find((tool) => tool.name === name)
    if (stated === undefined) throw notStated(unit, 'pryx.tools', undefined, name) // W2
    return tools.register({
      name,
      plugin: unit.id,
      description: stated.description || description || '',
      input: stated.input ?? input,
      invoke: ({ input: value, from, trace, signal }) =>
        unit.invoke('tool', name, '', value, { from, trace, signal, timeoutMs: 0 }),
    })
  }

  function exposeHook(unit: Unit, { name }: Offer): Release {
    if (!unit.pkg.manifest.hooks.includes(name)) throw notStated(unit, 'pryx.hooks', undefined, name) // W2
    return hooks.register({
      name,
      plugin: unit.id,
      async invoke(value, { from, trace, signal }) {
        const permission: Permission = `hooks:${name}`
        if (unit.caller && gate.lacks(unit.caller, permission)) return undefined // it is not heard any more, up or down
        if (from === unit.id && unit.stage === 'starting') return undefined // it cannot wait for itself
        const { caller, offers } = await unit.present(signal) // asleep it is woken, between two lives waited for: a guard is not got past by crashing it
        if (!offers.has(`hook:${name}`)) return undefined // declared, and not listened to
        return gate.hold(caller, permission, signal, (over) =>
          unit.invoke('hook', name, '', value, { from, trace, signal: over, timeoutMs: 0 }),
        ) // revoked: it is not heard any more
      },
    })
  }

  function hold(unit: Unit): Release {
    const held = Object.keys(unit.pkg.manifest.provides).map((name) => services.hold(name))
    held.push(...unit.pkg.manifest.tools.map(({ name }) => tools.hold(name)))
    return () => {
      for (const release of held.splice(0)) void release()
    }
  }
}

function reservedHook(name: string): UsageError {
  return new UsageError('USAGE_HOOK_RESERVED', `${name} is the kernel's to run`, {
    hint: 'Run a hook under a name of your own; call a tool, and its hooks run.',
  })
}

function checkName(name: string): void {
  const words: string = name
  if (!isEventName(name))
    throw new UsageError('USAGE_EVENT', `"${words.slice(0, 80)}" is no event name`, {
      hint: 'Use words joined by dots, such as note.saved.',
    })
  if (KERNEL_EVENTS.has(name.split('.', 1)[0] as string)) {
    throw new UsageError('USAGE_EVENT_RESERVED', `${name} is the kernel's to publish`, {
      hint: 'Publish under a name of your own.',
    }) // W3
  }
}

function declares(caller: Caller, service: string): boolean {
  return caller.declared.includes(`service:${service}`)
}

function undeclaredPattern(plugin: PluginId, pattern: string): PermissionError {
  const details = {
    plugin,
    access: `events:on:${pattern}`,
    hint: `Add "${pattern}" to pryx.events.listens in its package.json.`,
  }
  const message = `${plugin} does not declare that it hears ${pattern}`
  return stackless(() => new PermissionError('PERMISSION_UNDECLARED', message, details))
}

function notStated(unit: Unit, path: string, found: string | undefined, wanted: string): ManifestError {
  return new ManifestError(
    'MANIFEST_OFFER',
    `${unit.id} offers ${wanted}, but ${path} of its manifest says ${found ?? 'nothing of it'}`,
    {
      file: `${unit.pkg.folder}/package.json`,
      path,
      found: found ?? 'nothing',
      expected: wanted,
      hint: `Say ${wanted} in ${path}.`,
    },
  )
}
