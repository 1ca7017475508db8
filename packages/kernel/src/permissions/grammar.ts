// packages/kernel/src/permissions/grammar.ts: what each permission means: the capabilities' own grammars and the kernel's four (K4).
//   `service:NAME`, `events:emit:PATTERN` and `events:on:PATTERN`, `hooks:NAME`, `tools:NAME` or `tools:*`
//   M1  A permission whose capability is unknown covers nothing and is covered by nothing.
import {
  type Capability,
  type Consent,
  isEventName,
  isEventPattern,
  ManifestError,
  matchesPattern,
  type Permission,
  type PluginPlace,
  splitPermission,
  UsageError,
} from '../contract/index.ts'

export type Grammar = Pick<Capability, 'parse' | 'covers' | 'consent'>
export type Grammars = ReadonlyMap<string, Grammar>

/** The kernel's grammars and those of `capabilities`, by name. @throws USAGE_CAPABILITY_TAKEN if two want one name. */
export function createGrammars(capabilities: Iterable<Capability>): Grammars {
  const grammars = new Map<string, Grammar>([
    ['service', service],
    ['events', events],
    ['hooks', hooks],
    ['tools', tools],
  ])
  for (const capability of capabilities) {
    if (grammars.has(capability.name)) {
      throw new UsageError('USAGE_CAPABILITY_TAKEN', `there is already a capability "${capability.name}"`, {
        found: capability.name,
        hint: 'Hand each capability to the kernel once, under a name of its own.',
      })
    }
    grammars.set(capability.name, capability)
  }
  return grammars
}

/** True if `granted` allows `wanted`; both in normal form. */
export function covers(grammars: Grammars, granted: Permission, wanted: Permission): boolean {
  const own = splitPermission(granted)
  const other = splitPermission(wanted)
  if (own.capability !== other.capability) return false
  return grammars.get(own.capability)?.covers(own.rest, other.rest) ?? false // M1
}

/** The normal form of a permission as an author wrote it. @throws PERMISSION_UNKNOWN, or what the grammar finds wrong. */
export function normalPermission(grammars: Grammars, permission: Permission, place: PluginPlace): Permission {
  const { capability, rest } = splitPermission(permission)
  const grammar = grammars.get(capability)
  if (grammar === undefined) throw unknownCapability(capability, grammars)
  return joinPermission(capability, grammar.parse(rest, place))
}

/** `net` and `api.github.com` make `net:api.github.com`; `storage` and an empty rest make `storage`. */
export function joinPermission(capability: string, rest: string): Permission {
  return rest === '' ? capability : `${capability}:${rest}`
}

/** What to tell the user a permission means. One of an unknown capability is said to do nothing here. */
export function consentTo(grammars: Grammars, permission: Permission): Consent {
  const { capability, rest } = splitPermission(permission)
  const grammar = grammars.get(capability)
  if (grammar === undefined)
    return { text: `use "${capability}", which this host does not offer`, risk: 'low', traits: [] }
  return grammar.consent(rest)
}

const service: Grammar = {
  parse: (rest) =>
    checked(rest, /^[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*)*$/.test(rest), 'service:NAME, such as service:notes'),
  covers: (granted, wanted) => granted === wanted,
  consent: (rest) => ({ text: `use the service "${rest}" of another plugin`, risk: 'low', traits: [] }),
}

const events: Grammar = {
  parse(rest) {
    const { verb, pattern } = splitEvents(rest)
    const known = (verb === 'emit' || verb === 'on') && isEventPattern(pattern)
    return checked(rest, known, 'events:emit:PATTERN or events:on:PATTERN, such as events:on:task.*')
  },
  covers(granted, wanted) {
    const own = splitEvents(granted)
    const other = splitEvents(wanted)
    return own.verb === other.verb && matchesPattern(own.pattern, other.pattern)
  },
  consent(rest) {
    const { verb, pattern } = splitEvents(rest)
    const all = pattern.startsWith('*')
    if (verb === 'emit') return { text: `announce events ${named(pattern)}`, risk: all ? 'medium' : 'low', traits: [] }
    return {
      text: `hear events ${named(pattern)}`,
      risk: all ? 'medium' : 'low',
      traits: all ? ['reads-private', 'takes-untrusted'] : [],
    }
  },
}

const hooks: Grammar = {
  parse: (rest) =>
    checked(
      rest,
      /^(before|after):/.test(rest) && isEventName(rest.replace(/^\w+:/, '')),
      'hooks:before:EVENT or hooks:after:EVENT',
    ),
  covers: (granted, wanted) => granted === wanted,
  consent: (rest) => ({
    text: `look into, change or stop what passes "${rest}"`,
    risk: 'medium',
    traits: ['reads-private'],
  }),
}

const tools: Grammar = {
  parse: (rest) =>
    checked(rest, rest === '*' || /^[a-z][a-z0-9_-]*(\.[a-z0-9_-]+)*$/i.test(rest), 'tools:NAME or tools:*'),
  covers: (granted, wanted) => granted === '*' || granted === wanted,
  consent: (rest) =>
    rest === '*'
      ? { text: 'call every tool of every plugin', risk: 'high', traits: ['reads-private', 'sends-out', 'runs-code'] }
      : { text: `call the tool "${rest}"`, risk: 'medium', traits: [] },
}

function splitEvents(rest: string): { verb: string; pattern: string } {
  const colon = rest.indexOf(':')
  return { verb: rest.slice(0, Math.max(colon, 0)), pattern: rest.slice(colon + 1) }
}

function named(pattern: string): string {
  return pattern === '**' ? 'of every kind' : `"${pattern}"`
}

function checked(rest: string, good: boolean, expected: string): string {
  if (good) return rest
  throw new ManifestError('PERMISSION_INVALID', `"${rest.slice(0, 80)}" is not what this permission takes`, {
    found: rest.slice(0, 80),
    expected,
    hint: `Write ${expected}.`,
  })
}

function unknownCapability(capability: string, grammars: Grammars): ManifestError {
  const known = [...grammars.keys()].sort().join(', ')
  return new ManifestError('PERMISSION_UNKNOWN', `no capability of this host is called "${capability}"`, {
    found: capability,
    expected: known,
    hint: `This host knows ${known}.`,
  })
}
