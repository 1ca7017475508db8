// packages/capabilities/src/system/system.ts: the capability `system`: facts about the machine, by kind (K4, S1).
//   F1  Nothing names the machine or its user: no host name, no address, no serial number.
import { type Capability, type Consent, defineMethod, ManifestError, type PluginPlace } from '@pryx/kernel/contract'
import { z } from 'zod'
import { createMachine, type Machine } from './machine.ts'

export const KINDS = ['cpu', 'memory', 'disk', 'os', 'time', 'battery'] as const
export type FactKind = (typeof KINDS)[number]

const TEXTS: Record<FactKind, string> = {
  cpu: 'see how busy the processor is',
  memory: 'see how much memory is free',
  disk: 'see how full the disk is',
  os: 'see which system this machine runs',
  time: 'see the time zone and how long the machine has run',
  battery: 'see the state of the battery',
}

/** @param machine Default: this one. */
export function createSystemCapability(machine: Machine = createMachine()): Capability {
  const facts: Record<FactKind, (place: PluginPlace) => unknown> = {
    cpu: () => machine.cpu(),
    memory: () => machine.memory(),
    disk: ({ workspace }) => machine.disk(workspace),
    os: () => machine.os(),
    time: () => machine.time(),
    battery: () => machine.battery(),
  }
  return {
    name: 'system',
    version: '1.0.0',
    summary: 'Facts about this machine',
    parse: parseSystem,
    covers: (granted, wanted) => granted === wanted,
    consent: systemConsent,
    methods: {
      facts: defineMethod({
        input: z.tuple([z.enum(KINDS)]),
        access: ([kind]) => [kind],
        run: async ([kind], { place }) => facts[kind](place),
      }),
    },
  }
}

/** One kind. @throws MANIFEST_INVALID. */
export function parseSystem(rest: string): FactKind {
  const kind = KINDS.find((each) => each === rest)
  if (kind !== undefined) return kind
  throw new ManifestError('MANIFEST_INVALID', `"system:${rest.slice(0, 80)}" is not a kind of fact`, {
    found: `system:${rest.slice(0, 80)}`,
    expected: KINDS.map((each) => `system:${each}`).join(', '),
    hint: 'Name each kind the plugin needs.',
  })
}

export function systemConsent(kind: string): Consent {
  return { text: TEXTS[kind as FactKind], risk: 'low', traits: [] }
}
