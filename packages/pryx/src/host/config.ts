// packages/pryx/src/host/config.ts: pryx.json: which plugins a host runs, from where, with which configuration.
//   Paths in it are relative to the folder it lies in. Grants are not in it: they are the user's, in the data folder.
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { parseJson } from '@pryx/kernel'
import { type Limits, limitsSchema, ManifestError, type PluginId, PryxError } from '@pryx/kernel/contract'
import { z } from 'zod'
import { isInstalled } from '../registry/source.ts'
import { openProjectFiles } from '../store/project.ts'

export const CONFIG_FILE = 'pryx.json'
export const DATA_FOLDER = '.pryx'
const MAX_STORAGE_MB = 1_048_576 // a tebibyte

export interface PluginEntry {
  /** Absolute folder of the package; for what `pryx add` installed, `npm:…` or `file:…` as it stands in the file. */
  source: string
  config?: unknown
  enabled?: boolean
  isolation?: 'shared' | 'own'
  limits?: Partial<Limits>
  /** Largest database the plugin may have in `storage`, MiB; 256 if it is not said. */
  storageMb?: number
}

export interface HostConfig {
  /** Absolute path of pryx.json, whether it is there or not. */
  file: string
  plugins: Record<PluginId, PluginEntry>
  /** 0: a free one. */
  port: number
  host: string
  /** Names the server goes by beyond the loopback. */
  hosts: string[]
  /** Absolute, as is `workspace`. */
  data: string
  workspace: string
  limits: Partial<Limits>
  /** What leaves this machine about its running: nothing, unless a collector is named. */
  telemetry?: { otlp: string }
}

/** What the command line says instead of the file. Relative paths are relative to the current folder. */
export interface ConfigOverrides {
  port?: number | undefined
  host?: string | undefined
  data?: string | undefined
  workspace?: string | undefined
}

const id = z
  .string()
  .regex(/^(@[a-z0-9][\w.-]*\/)?[a-z0-9][\w.-]{0,63}$/i, 'a plugin id: letters, digits, dots, dashes')
const entrySchema = z.strictObject({
  source: z.string().min(1),
  config: z.record(z.string(), z.unknown()).optional(),
  enabled: z.boolean().optional(),
  isolation: z.enum(['shared', 'own']).optional(),
  limits: limitsSchema.optional(),
  storageMb: z.number().int().min(1).max(MAX_STORAGE_MB).optional(),
})
const configSchema = z.strictObject({
  $schema: z.string().optional(),
  plugins: z.record(id, entrySchema).default({}),
  port: z.number().int().min(0).max(65_535).optional(),
  host: z.string().min(1).optional(),
  hosts: z.array(z.string().min(1)).max(32).optional(),
  data: z.string().min(1).optional(),
  workspace: z.string().min(1).optional(),
  limits: limitsSchema.optional(),
  telemetry: z
    .strictObject({
      otlp: z.url({ protocol: /^https?$/, error: 'the URL of a collector, such as http://127.0.0.1:4318' }),
    })
    .optional(),
})

/** Reads a host's configuration. @throws CONFIG_MISSING, CONFIG_SYNTAX, CONFIG_INVALID with file, path, found, expected. */
export function loadConfig(path: string, overrides: ConfigOverrides = {}): HostConfig {
  const file = resolve(path)
  const text = firstText(file, overrides) ?? readText(file)
  const config = parseConfig(parsed(text, file), file, overrides)
  const current = openProjectFiles(config).config() // a change that was cut off counts
  return current === null || current === text ? config : parseConfig(parsed(current, file), file, overrides)
}

/** A configuration without a file: no plugins, everything by default, paths as if pryx.json lay in `folder`. */
export function emptyConfig(folder: string, overrides: ConfigOverrides = {}): HostConfig {
  return parseConfig({}, join(resolve(folder), CONFIG_FILE), overrides)
}

/** Checks a configuration already parsed as JSON. @throws CONFIG_INVALID */
export function parseConfig(json: unknown, file: string, overrides: ConfigOverrides = {}): HostConfig {
  const result = configSchema.safeParse(json)
  if (!result.success) throw invalid(result.error.issues[0]!, json, file)
  const { plugins, limits = {}, hosts = [], ...given } = result.data
  const folder = dirname(file)
  const pathOf = (override: string | undefined, inFile: string) =>
    override === undefined ? resolve(folder, inFile) : resolve(override)
  return {
    file,
    plugins: Object.fromEntries(
      Object.entries(plugins).map(([key, entry]) => [
        key,
        { ...entry, source: isInstalled(entry.source) ? entry.source : resolve(folder, entry.source) } as PluginEntry,
      ]),
    ),
    port: overrides.port ?? given.port ?? 0,
    host: overrides.host ?? given.host ?? '127.0.0.1',
    hosts,
    data: pathOf(overrides.data, given.data ?? DATA_FOLDER),
    workspace: pathOf(overrides.workspace, given.workspace ?? '.'),
    limits: limits as Partial<Limits>,
    ...(given.telemetry && { telemetry: given.telemetry }),
  }
}

/** A first install that was cut off before it made the file: what the file will be. */
function firstText(file: string, overrides: ConfigOverrides): string | null {
  return existsSync(file) ? null : openProjectFiles(emptyConfig(dirname(file), overrides)).config()
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT'
    throw new ManifestError(
      'CONFIG_MISSING',
      missing ? `there is no ${file}` : `${file} cannot be read: ${(cause as Error).message}`,
      {
        file,
        found: missing ? 'nothing' : (cause as NodeJS.ErrnoException).code,
        expected: 'a readable pryx.json',
        cause,
        hint: 'Install a plugin with `pryx add NAME`, which writes it, or point to another file with --config.',
      },
    )
  }
}

function parsed(text: string, file: string): unknown {
  try {
    return parseJson(text, file)
  } catch (cause) {
    if (!PryxError.is(cause, 'MANIFEST_SYNTAX')) throw cause
    throw new ManifestError('CONFIG_SYNTAX', cause.message, { ...cause.details, hint: cause.hint, cause })
  }
}

function invalid(issue: z.core.$ZodIssue, root: unknown, file: string): ManifestError {
  const keys = issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0]!] : issue.path
  const path = keys
    .map((key, i) => (typeof key === 'number' ? `[${key}]` : `${i > 0 ? '.' : ''}${String(key)}`))
    .join('')
  const value = keys.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | null | undefined)?.[key], root)
  const found = value === undefined ? 'nothing' : clip(JSON.stringify(value))
  const expected = expectation(issue)
  return new ManifestError('CONFIG_INVALID', `${file}: ${path || 'the file'} is ${found}; expected ${expected}`, {
    file,
    path,
    found,
    expected,
    hint: `Correct ${path || 'it'} and start again.`,
  })
}

function expectation(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys') return 'no such key'
  if (issue.code === 'invalid_key') return issue.issues[0]?.message ?? 'a plugin id'
  return issue.message.replace(/^Invalid (input|option): expected /, '').replace(/, received.*$/, '')
}

function clip(text: string): string {
  return text.length > 80 ? `${text.slice(0, 79)}…` : text
}
