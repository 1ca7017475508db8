// packages/pryx/src/author/lint.ts: does the manifest say what the code does? Its bundle is read, never run.
//   L1  An error is what the kernel would refuse, or what the code needs and the manifest leaves out. A warning is more than is needed.
//   L2  No warning rests on what could not be read: where the code makes a name at run time, anything may be meant.
import type { Capability, Manifest, Permission } from '@pryx/kernel/contract'
import { matchesPattern, splitPermission } from '@pryx/kernel/contract'
import type { Found, Place, Use } from './use.ts'

const BUNDLE_BYTES = 262_144
const TOOL_TOKENS = 400
const ALL_TOKENS = 2_000
const SHORT_DESCRIPTION = 12 // characters
const WRITES = ['writeText', 'write', 'append', 'mkdir', 'remove', 'rename']
const READS = ['readText', 'read', 'readFrom', 'stat', 'exists', 'list', 'watch', 'rename']

export interface Finding {
  level: 'error' | 'warning'
  code: string
  message: string
  hint: string
  /** In the bundle; undefined where package.json is meant. */
  at?: Place | undefined
}

export interface Linted {
  manifest: Manifest
  use: Use
  /** The host's, for their grammar. */
  capabilities: readonly Capability[]
  bytes: number
  /** Tokens of each tool's schema, by name. */
  tokens: ReadonlyMap<string, number>
  /** Other keys of package.json, and the names in its folder. */
  package: { license?: string; files?: string[]; description?: string }
  folder: ReadonlySet<string>
}

/** Errors first; in each level in the order of the manifest. */
export function findFaults(linted: Linted): Finding[] {
  const found = [
    ...capabilityFaults(linted),
    ...netFaults(linted),
    ...fileFaults(linted),
    ...nameFaults(linted),
    ...serviceFaults(linted),
    ...eventFaults(linted, 'emits'),
    ...eventFaults(linted, 'listens'),
    ...hookFaults(linted),
    ...toolFaults(linted),
    ...costFaults(linted),
    ...packageFaults(linted),
  ]
  return [...found.filter(({ level }) => level === 'error'), ...found.filter(({ level }) => level === 'warning')]
}

// ── permissions ──────────────────────────────────────────────────────────────────────────────────────────────────────

function capabilityFaults({ manifest, use, capabilities }: Linted): Finding[] {
  const capabilityOf = (one: Permission) => splitPermission(one).capability
  const consented = new Set(manifest.permissions.map(capabilityOf))
  const declared = new Set([...consented, ...manifest.optionalPermissions.map(capabilityOf)])
  const known = new Set([...capabilities.map(({ name }) => name), 'kernel'])
  const used = new Map([...[...use.required, ...use.optional].filter(([name]) => known.has(name))])
  if (use.fetches) used.set('net', used.get('net') ?? { line: 1, column: 0 })
  const missing = [...used].filter(([name]) => !declared.has(name) && !(name === 'net' && use.hosts.size > 0)) // netFaults names the hosts
  const unused = [...consented].filter((name) => known.has(name) && !used.has(name) && !use.open.services)
  return [
    ...missing.map(([name, at]) =>
      error('PERMISSION_MISSING', `the code uses ${name}, and the manifest asks for no ${name} permission`, at, {
        hint: `Add it to pryx.permissions: ${exampleOf(name)}`,
      }),
    ),
    ...unused.map((name) =>
      warning('PERMISSION_UNUSED', `pryx.permissions asks for ${name}, which the code never uses`, {
        hint: 'Take it out: users are asked for it.',
      }),
    ),
  ]
}

function netFaults({ manifest, use, capabilities }: Linted): Finding[] {
  const asked = restsOf(manifest, 'net')
  const net = capabilities.find(({ name }) => name === 'net')
  const covers = (granted: string, host: string) => covered(net, granted, host)
  const missing = [...use.hosts].filter(([host]) => !asked.some((granted) => covers(granted, host)))
  const faults = missing.map(([host, at]) =>
    error('PERMISSION_MISSING', `the code asks ${host}, which pryx.permissions does not name`, at, {
      hint: `Add "net:${host}".`,
    }),
  )
  if (use.open.hosts || use.hosts.size === 0) return faults // L2
  const consented = restsOf(manifest, 'net', true)
  const wide = consented.filter(
    (one) => (one === 'any' || one.includes('*')) && [...use.hosts.keys()].some((host) => covers(one, host)),
  )
  const idle = consented.filter((one) => ![...use.hosts.keys()].some((host) => covers(one, host)))
  return [
    ...faults,
    ...wide.map((one) =>
      warning('PERMISSION_WIDE', `net:${one} is wider than the code needs`, {
        hint: `Name what it asks: ${[...use.hosts.keys()].map((host) => `"net:${host}"`).join(', ')}.`,
      }),
    ),
    ...idle.map((one) =>
      warning('PERMISSION_UNUSED', `net:${one} is asked for, and no request goes there`, { hint: 'Take it out.' }),
    ),
  ]
}

function fileFaults({ manifest, use }: Linted): Finding[] {
  const asked = restsOf(manifest, 'fs')
  if (!use.required.has('fs') && !use.optional.has('fs')) return []
  const kinds = [
    ['write', WRITES],
    ['read', READS],
  ] as const
  return kinds.flatMap(([kind, methods]) => {
    const has = asked.some((rest) => rest.startsWith(`${kind}:`))
    const call = [...use.calls].find(([name]) => methods.some((method) => name === `fs.${method}`))
    if (!has && call && asked.length > 0)
      return [
        error('PERMISSION_MISSING', `the code calls ${call[0]}, and no permission begins with fs:${kind}:`, call[1], {
          hint: `Add one as narrow as will do, such as "fs:${kind}:\${workspace}/notes/**".`,
        }),
      ]
    if (!has || methods.some((method) => use.methods.has(method))) return []
    return [
      warning('PERMISSION_UNUSED', `fs:${kind}: is asked for, and the code ${kind}s no file`, { hint: 'Take it out.' }),
    ]
  })
}

/** Secrets and variables that are spelled out. */
function nameFaults({ manifest, use, capabilities }: Linted): Finding[] {
  return ['secrets', 'env'].flatMap((name) => {
    const asked = restsOf(manifest, name)
    const driver = capabilities.find((one) => one.name === name)
    const named = [...use.names]
      .filter(([one]) => one.startsWith(`${name}:`))
      .map(([one, at]) => [one.slice(name.length + 1), at] as const)
    return named
      .filter(([one]) => asked.length > 0 && !asked.some((granted) => covered(driver, granted, one)))
      .map(([one, at]) =>
        error('PERMISSION_MISSING', `the code asks ${name} for ${one}, which pryx.permissions does not name`, at, {
          hint: `Add "${name}:${one}".`,
        }),
      )
  })
}

// ── what meets others ────────────────────────────────────────────────────────────────────────────────────────────────

function serviceFaults({ manifest, use, capabilities }: Linted): Finding[] {
  const drivers = new Set([...capabilities.map(({ name }) => name), 'kernel'])
  const { requires, optional, provides } = manifest
  const asked = { ...requires, ...optional }
  const used = [...use.required, ...use.optional].filter(([name]) => !drivers.has(name))
  const names = new Set(used.map(([name]) => name))
  const offers = [...use.provides].filter(([name]) => !(name in provides))
  return [
    ...used
      .filter(([name]) => !(name in asked))
      .map(([name, at]) =>
        error('SERVICE_UNDECLARED', `the code uses the service ${name}, which the manifest does not name`, at, {
          hint: `Add it to pryx.${use.required.has(name) ? 'requires' : 'optional'}, with a range: { "${name}": "^1.0.0" }.`,
        }),
      ),
    ...offers.map(([name, at]) =>
      error('SERVICE_UNDECLARED', `the code provides the service ${name}, which pryx.provides does not name`, at, {
        hint: `Add it: { "${name}": "1.0.0" }.`,
      }),
    ),
    ...(use.open.provides ? [] : Object.keys(provides).filter((name) => !use.provides.has(name))).map((name) =>
      error('SERVICE_MISSING', `pryx.provides promises the service ${name}, which the code never provides`, undefined, {
        hint: 'Provide it in activate, or take it out.',
      }),
    ),
    ...(use.open.services ? [] : Object.keys(asked).filter((name) => !names.has(name))).map((name) =>
      warning('SERVICE_UNUSED', `the manifest names the service ${name}, which the code never uses`, {
        hint: 'Take it out of pryx.requires or pryx.optional.',
      }),
    ),
    ...Object.keys(optional)
      .filter((name) => use.required.has(name) && !use.optional.has(name))
      .map((name) =>
        warning('SERVICE_OPTIONAL', `${name} is optional in the manifest, and ctx.use fails where it is not there`, {
          hint: 'Use ctx.tryUse, or move it to pryx.requires.',
        }),
      ),
  ]
}

function eventFaults({ manifest, use }: Linted, kind: 'emits' | 'listens'): Finding[] {
  const asked = manifest.events[kind]
  const does = kind === 'emits' ? 'emits' : 'listens to'
  const missing = [...use[kind]].filter(([name]) => !asked.some((pattern) => matchesPattern(pattern, name)))
  const wakers = kind === 'listens' ? startedBy(manifest) : []
  const idle = use.open[kind] ? [] : asked.filter((name) => !wakers.includes(name) && !meets(name, use[kind]))
  return [
    ...missing.map(([name, at]) =>
      error('EVENT_UNDECLARED', `the code ${does} ${name}, which pryx.events.${kind} does not name`, at, {
        hint: `Add "${name}".`,
      }),
    ),
    ...idle.map((pattern) =>
      warning('EVENT_UNUSED', `pryx.events.${kind} has ${pattern}, and the code ${does} no such event`, {
        hint: 'Take it out.',
      }),
    ),
  ]
}

/** Events that start the plugin: it must be let hear them, and need not listen. */
function startedBy({ activation }: Linted['manifest']): string[] {
  return activation.filter((cause) => cause.startsWith('event:')).map((cause) => cause.slice('event:'.length))
}

function meets(pattern: string, names: Found): boolean {
  return [...names.keys()].some((name) => matchesPattern(pattern, name) || matchesPattern(name, pattern))
}

function hookFaults({ manifest, use }: Linted): Finding[] {
  return [...use.hooks]
    .filter(([name]) => !manifest.hooks.includes(name))
    .map(([name, at]) =>
      error('HOOK_UNDECLARED', `the code listens to the hook ${name}, which pryx.hooks does not name`, at, {
        hint: `Add "${name}".`,
      }),
    )
}

function toolFaults({ manifest, use }: Linted): Finding[] {
  const declared = new Map(manifest.tools.map((tool) => [tool.name, tool]))
  const idle = use.open.tools ? [] : manifest.tools.filter(({ name, handler }) => !handler && !use.tools.has(name))
  return [
    ...[...use.tools]
      .filter(([name]) => !declared.has(name))
      .map(([name, { line, column }]) =>
        error(
          'TOOL_UNDECLARED',
          `the code provides the tool ${name}, which pryx.tools does not name`,
          { line, column },
          {
            hint: `Add { "name": "${name}", "description": "…" }.`,
          },
        ),
      ),
    ...idle.map(({ name }) =>
      error('TOOL_MISSING', `pryx.tools promises ${name}, which the code never provides`, undefined, {
        hint: 'Name the export that handles it ("handler"), or call ctx.tools.provide.',
      }),
    ),
    ...manifest.tools
      .filter(({ handler }) => handler !== undefined && !use.exports.has(handler))
      .map(({ name, handler }) =>
        error('TOOL_HANDLER', `the handler of ${name} is "${handler}", which the entry does not export`, undefined, {
          hint: `It exports ${[...use.exports].join(', ') || 'nothing'}.`,
        }),
      ),
    ...manifest.tools.flatMap(describedFaults),
  ]
}

/** A model chooses by what it reads here. */
function describedFaults({ name, description = '', input }: Manifest['tools'][number]): Finding[] {
  const properties = Object.entries(
    ((input as { properties?: object } | undefined)?.properties ?? {}) as Record<string, { description?: string }>,
  )
  const bare = properties.filter(([, one]) => !one?.description).map(([key]) => key)
  const isShort = description.trim().length < SHORT_DESCRIPTION || description.trim() === name
  return [
    ...(isShort
      ? [
          warning('TOOL_DESCRIPTION', `"${description}" does not tell a model when to use ${name}`, {
            hint: 'Write a sentence.',
          }),
        ]
      : []),
    ...(bare.length > 0
      ? [
          warning('TOOL_DESCRIPTION', `${name} has inputs without a description: ${bare.join(', ')}`, {
            hint: 'Say in "description" what each is, with its unit.',
          }),
        ]
      : []),
  ]
}

// ── cost and package ─────────────────────────────────────────────────────────────────────────────────────────────────

function costFaults({ bytes, tokens }: Linted): Finding[] {
  const sum = [...tokens.values()].reduce((all, one) => all + one, 0)
  const dear = [...tokens].filter(([, count]) => count > TOOL_TOKENS)
  return [
    ...(bytes > BUNDLE_BYTES
      ? [
          warning('BUNDLE_LARGE', `the bundle has ${bytes} bytes; it is read and compiled at each start`, {
            hint: `Stay below ${BUNDLE_BYTES}: look which dependency brings it.`,
          }),
        ]
      : []),
    ...dear.map(([name, count]) =>
      warning('TOOL_COST', `${name} costs about ${count} tokens each time a model is asked`, {
        hint: `Shorten its description and schema below ${TOOL_TOKENS}.`,
      }),
    ),
    ...(sum > ALL_TOKENS
      ? [
          warning('TOOL_COST', `all tools together cost about ${sum} tokens each time a model is asked`, {
            hint: `Stay below ${ALL_TOKENS}: offer fewer, or put some into a plugin of their own.`,
          }),
        ]
      : []),
  ]
}

function packageFaults({ package: { license, files, description }, folder }: Linted): Finding[] {
  return [
    ...(description
      ? []
      : [
          warning('PACKAGE_DESCRIPTION', 'package.json has no description; users see it as they install', {
            hint: 'Write one sentence.',
          }),
        ]),
    ...(license
      ? []
      : [
          warning('PACKAGE_LICENSE', 'package.json names no license: nobody may use it', {
            hint: 'For example "MIT".',
          }),
        ]),
    ...(files
      ? []
      : [
          warning('PACKAGE_FILES', 'package.json has no "files": all of the folder would be published', {
            hint: 'Write "files": ["dist"].',
          }),
        ]),
    ...([...folder].some((name) => /^readme(\.|$)/i.test(name))
      ? []
      : [warning('PACKAGE_README', 'there is no README.md', { hint: 'Say what it does and what it asks for.' })]),
  ]
}

// ── small parts ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** All that may be asked of a capability; with `consented`, only what users are asked for before it runs. */
function restsOf({ permissions, optionalPermissions }: Manifest, capability: string, consented = false): string[] {
  return [...permissions, ...(consented ? [] : optionalPermissions)]
    .map((one: Permission) => splitPermission(one))
    .filter((one) => one.capability === capability)
    .map(({ rest }) => rest)
}

/** By the capability's own grammar; what it cannot read covers nothing. */
function covered(driver: Capability | undefined, granted: string, wanted: string): boolean {
  const nowhere = { plugin: '', workspace: '/', data: '/', package: '/' }
  try {
    return driver?.covers(driver.parse(granted, nowhere), driver.parse(wanted, nowhere)) ?? granted === wanted
  } catch {
    return false
  }
}

function exampleOf(capability: string): string {
  const examples: Record<string, string> = {
    fs: '"fs:read:${workspace}/**"',
    net: '"net:api.example.com"',
    shell: '"shell:git"',
    process: '"process:node server.js"',
    system: '"system:cpu"',
    env: '"env:HOME"',
    desktop: '"desktop:notify"',
    secrets: '"secrets:example.token"',
    http: '"http:serve"',
    kernel: '"kernel:read"',
    plugins: '"plugins:read"',
  }
  return examples[capability] ?? `"${capability}"`
}

function error(code: string, message: string, at: Place | undefined, { hint }: { hint: string }): Finding {
  return { level: 'error', code, message, hint, at }
}

function warning(code: string, message: string, { hint }: { hint: string }): Finding {
  return { level: 'warning', code, message, hint }
}
