// packages/kernel/src/contract/manifest.ts: what a plugin says of itself before any of its code runs (K1).
//   The manifest is the `pryx` key of the package's own package.json; name, version and description are npm's.
import semver from 'semver'
import { z } from 'zod'
import { ManifestError } from './errors.ts'
import { type Limits, limitsSchema } from './limits.ts'
import { isEventPattern } from './pattern.ts'
import { type Permission, splitPermission } from './permission.ts'
import type { ManifestTool } from './wire.ts'

const serviceName = z
  .string()
  .regex(/^[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*)*$/, 'a service name: lower-case words joined by dots')
const range = z.string().refine((text) => semver.validRange(text) !== null, 'a semver range such as ^1.0.0')
const version = z.string().refine((text) => semver.valid(text) !== null, 'a semver version such as 1.2.0')
const eventPattern = z.string().refine(isEventPattern, 'an event pattern such as task.* or alert.raised')
const activation = z
  .string()
  .regex(/^(startup|(service|event|tool):.+)$/, 'startup, service:NAME, event:PATTERN or tool:NAME')
const permission = z.string().superRefine((text, context) => {
  try {
    splitPermission(text)
  } catch {
    context.addIssue({ code: 'custom', message: 'capability:resource, such as net:api.github.com or storage' })
  }
})

const tool = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9_-]*(\.[a-z0-9_-]+)*$/i, 'a tool name such as weather.now'),
  description: z.string().min(1).max(1_024),
  input: z.record(z.string(), z.unknown()).optional(),
  handler: z
    .string()
    .regex(/^[A-Za-z_$][\w$]*$/, 'the name of an export of the entry')
    .optional(),
})

/** Schema of the `pryx` key. The JSON Schema for editors is generated from it. */
export const manifestSchema = z.strictObject({
  engine: range.describe('Kernel versions the plugin runs on, a semver range'),
  entry: z
    .string()
    .min(1)
    .refine((path) => !path.startsWith('/') && !path.split('/').includes('..'), 'a path inside the package')
    .describe('The one bundled file that is loaded'),
  permissions: z
    .array(permission)
    .max(128)
    .default([])
    .describe('What the plugin may ask for; everything else is denied'),
  optionalPermissions: z
    .array(permission)
    .max(128)
    .default([])
    .describe('What it may come to need: never part of a blanket consent, asked for one by one at first use'),
  requires: z.record(serviceName, range).default({}).describe('Services it cannot work without'),
  optional: z.record(serviceName, range).default({}).describe('Services it uses when they are there'),
  provides: z.record(serviceName, version).default({}).describe('Services it offers'),
  events: z
    .strictObject({
      emits: z.array(eventPattern).max(64).default([]),
      listens: z.array(eventPattern).max(64).default([]),
    })
    .default({ emits: [], listens: [] }),
  hooks: z
    .array(z.string().regex(/^(before|after):.+$/, 'before:EVENT or after:EVENT'))
    .max(32)
    .default([]),
  activation: z.array(activation).min(1).max(32).default(['startup']),
  hibernate: z.boolean().default(true),
  tools: z.array(tool).max(128).default([]),
  config: z.record(z.string(), z.unknown()).default({}).describe('JSON Schema of its configuration'),
  limits: limitsSchema.default({}).describe('Limits below the defaults'),
})

/** The parts of a package.json that are read. */
const packageSchema = z.looseObject({
  name: z
    .string()
    .regex(/^(@[a-z0-9][\w.-]*\/)?[a-z0-9][\w.-]*$/, 'an npm package name')
    .max(214),
  version,
  description: z.string().max(1_024).default(''),
  pryx: manifestSchema,
})

export interface Manifest {
  /** npm's name, version and description. */
  name: string
  version: string
  description: string
  engine: string
  entry: string
  permissions: Permission[]
  /** Asked for at first use only, by the name of what is used: `net:any` becomes a question for each host. */
  optionalPermissions: Permission[]
  requires: Record<string, string>
  optional: Record<string, string>
  provides: Record<string, string>
  events: { emits: string[]; listens: string[] }
  hooks: string[]
  activation: string[]
  /** Whether a plugin that starts at first use may be put to sleep again when it has nothing to do. */
  hibernate: boolean
  tools: ManifestTool[]
  config: Record<string, unknown>
  limits: Partial<Limits>
}

/**
 * Reads a package.json already parsed as JSON.
 *
 * @param file Path shown in errors.
 * @throws MANIFEST_INVALID naming file, path in it, what was found and what to write instead.
 */
export function parseManifest(packageJson: unknown, file: string): Manifest {
  const parsed = packageSchema.safeParse(packageJson)
  if (!parsed.success) throw invalid(parsed.error.issues[0]!, packageJson, file)
  const { name, version: packageVersion, description, pryx } = parsed.data
  return { name, version: packageVersion, description, ...pryx } as Manifest
}

/** Everything a manifest declares, as permissions: its own lists and what follows from services, events and hooks. */
export function declaredPermissions(manifest: Manifest): Permission[] {
  return [...consentedPermissions(manifest), ...manifest.optionalPermissions]
}

/** Of what is declared, what the user is asked before the plugin runs: all but what it may come to need. */
export function consentedPermissions(manifest: Manifest): Permission[] {
  return [
    ...manifest.permissions,
    ...[...Object.keys(manifest.requires), ...Object.keys(manifest.optional)].map((name) => `service:${name}`),
    ...manifest.events.emits.map((pattern) => `events:emit:${pattern}`),
    ...manifest.events.listens.map((pattern) => `events:on:${pattern}`),
    ...manifest.hooks.map((name) => `hooks:${name}`),
  ]
}

/** The manifest's JSON Schema, for editors. */
export function manifestJsonSchema(): Record<string, unknown> {
  return z.toJSONSchema(manifestSchema, { io: 'input', unrepresentable: 'any' }) as Record<string, unknown>
}

function invalid(issue: z.core.$ZodIssue, root: unknown, file: string): ManifestError {
  const keys = issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0]!] : issue.path
  const path = keys
    .map((key, i) => (typeof key === 'number' ? `[${key}]` : `${i > 0 ? '.' : ''}${String(key)}`))
    .join('')
  const value = keys.reduce<unknown>(
    (at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key as string],
    root,
  )
  const found = value === undefined ? 'nothing' : clip(JSON.stringify(value) ?? String(value))
  const expected = issue.code === 'unrecognized_keys' ? 'no such key' : expectation(issue)
  return new ManifestError('MANIFEST_INVALID', `${file}: ${path || 'the file'} is ${found}; expected ${expected}`, {
    file,
    path,
    found,
    expected,
    hint:
      path.startsWith('pryx') || path === ''
        ? 'docs/guides/manifest.md lists every key.'
        : `Correct ${path} in ${file}.`,
  })
}

function expectation(issue: z.core.$ZodIssue): string {
  return issue.message.replace(/^Invalid input: expected /, '').replace(/, received.*$/, '')
}

function clip(text: string): string {
  return text.length > 80 ? `${text.slice(0, 79)}…` : text
}
