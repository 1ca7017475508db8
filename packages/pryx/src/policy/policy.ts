// packages/pryx/src/policy/policy.ts: what an organisation, or the user, allows to be installed and run: policy.json (K10).
//   O1  All policies that are found hold, each by itself: one cannot allow what another refuses.
//   O2  They are asked before anything is placed, and again each time a plugin is loaded, as they stand then.
//   O3  A policy that cannot be read refuses everything: a mistake in it must not open the door.
import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { ManifestError, type Permission, PermissionError } from '@pryx/kernel/contract'
import semver from 'semver'
import { z } from 'zod'
import type { Trust } from '../store/lock-file.ts'

const DEFAULT_MIN_AGE_DAYS = 3

const pattern = z.string().min(1).max(512)
const list = z.strictObject({
  allow: z.array(pattern).max(1_000).optional(),
  deny: z.array(pattern).max(10_000).optional(),
})

/** Schema of policy.json. */
export const policySchema = z.strictObject({
  $schema: z.string().optional(),
  version: z.literal(1),
  sources: list
    .optional()
    .describe('Registries by URL, `file` for tarballs and copied folders, `live` for folders in pryx.json'),
  names: list.optional().describe('Package names, NAME@RANGE for some versions; * stands for any text'),
  permissions: list.optional().describe('What plugins may declare; * stands for any text'),
  minimumReleaseAgeDays: z.number().min(0).max(3_650).optional(),
  trust: z.enum(['signed', 'provenance']).optional().describe('How far the origin must be proved'),
})
type Rules = z.infer<typeof policySchema>

/** What is judged. */
export interface Subject {
  /** URL of a registry, `file` or `live`. */
  origin: string
  name: string
  version: string
  /** Absent where it is not known: a locked plugin's origin was judged as it was installed. */
  trust?: Trust | undefined
  /** In normal form. */
  permissions: readonly Permission[]
}

export interface Policy {
  /** Where rules were found. */
  readonly files: readonly string[]
  /** Days; what the policies say, or else `chosen`, or else 3. A policy can be tightened by a choice, not loosened. */
  minAgeDays(chosen?: number): number
  /** Why a version may not be taken; undefined if names and versions say nothing against it. */
  refusal(name: string, version: string): string | undefined
  /** @throws POLICY_REFUSED naming the file and the rule; POLICY_INVALID */
  check(subject: Subject, covers: (granted: Permission, wanted: Permission) => boolean): void
}

/** Where policies lie: the machine's, the user's, and one named by option or PRYX_POLICY. */
export function policyFiles(chosen: string | undefined, env: NodeJS.ProcessEnv = process.env): string[] {
  const named = chosen ?? env.PRYX_POLICY
  const machine = env.ProgramData ? join(env.ProgramData, 'pryx', 'policy.json') : '/etc/pryx/policy.json'
  const user = join(env.XDG_CONFIG_HOME || join(env.HOME || homedir(), '.config'), 'pryx', 'policy.json')
  return [...[machine, user].filter((file) => existsSync(file)), ...(named === undefined ? [] : [named])]
}

/** @throws POLICY_INVALID (O3) */
export function openPolicy(files: readonly string[]): Policy {
  const read = () => files.map((file) => ({ file, rules: readRules(file) }))
  read() // O3: at once
  return {
    files,
    minAgeDays(chosen) {
      const said = read().flatMap(({ rules }) => rules.minimumReleaseAgeDays ?? [])
      return said.length > 0 ? Math.max(...said, chosen ?? 0) : (chosen ?? DEFAULT_MIN_AGE_DAYS)
    },
    refusal(name, version) {
      for (const { file, rules } of read()) {
        const rule = refusedBy(rules.names, (one) => matchesName(one, name, version))
        if (rule !== undefined) return `${file}: names.${rule}`
      }
      return undefined
    },
    check(subject, covers) {
      for (const { file, rules } of read()) judge(file, rules, subject, covers)
    },
  }
}

function judge(
  file: string,
  rules: Rules,
  subject: Subject,
  covers: (granted: Permission, wanted: Permission) => boolean,
): void {
  const { origin, name, version, trust, permissions } = subject
  const label = `${name}@${version}`
  const source = refusedBy(rules.sources, (one) => matches(one, origin))
  if (source !== undefined) throw refused(file, `sources.${source}`, `${label} from ${origin}`)
  const named = refusedBy(rules.names, (one) => matchesName(one, name, version))
  if (named !== undefined) throw refused(file, `names.${named}`, label)
  if (rules.trust !== undefined && trust !== undefined && !isEnough(trust, rules.trust))
    throw refused(
      file,
      `trust "${rules.trust}"`,
      `${label}, whose origin is ${trust === 'signed' ? 'signed only' : trust}`,
    )
  for (const permission of permissions) {
    const rule = refusedPermission(rules.permissions, permission, covers)
    if (rule !== undefined) throw refused(file, `permissions.${rule}`, `${label}, which wants ${permission}`)
  }
}

/** The rule that refuses, as it stands in the file; undefined if none does. */
function refusedBy(rules: z.infer<typeof list> | undefined, fits: (pattern: string) => boolean): string | undefined {
  const denied = rules?.deny?.findIndex(fits) ?? -1
  if (denied >= 0) return `deny[${denied}] ("${rules?.deny?.[denied]}")`
  return rules?.allow !== undefined && !rules.allow.some(fits) ? 'allow, which does not list it' : undefined
}

/** A permission is denied if a rule names it, or a part of it: `net:*` holds what `net:evil.example` forbids. */
function refusedPermission(
  rules: z.infer<typeof list> | undefined,
  permission: Permission,
  covers: (granted: Permission, wanted: Permission) => boolean,
): string | undefined {
  const safely = (granted: Permission, wanted: Permission) => {
    try {
      return covers(granted, wanted)
    } catch {
      return false // a pattern, not a permission
    }
  }
  const denied = rules?.deny?.findIndex(
    (one) => matches(one, permission) || safely(one, permission) || safely(permission, one),
  )
  if (denied !== undefined && denied >= 0) return `deny[${denied}] ("${rules?.deny?.[denied]}")`
  return rules?.allow !== undefined && !rules.allow.some((one) => matches(one, permission) || safely(one, permission))
    ? 'allow, which does not list it'
    : undefined
}

function matchesName(one: string, name: string, version: string): boolean {
  const at = one.indexOf('@', 1)
  if (at < 0) return matches(one, name)
  return matches(one.slice(0, at), name) && inRange(version, one.slice(at + 1))
}

function matches(pattern: string, text: string): boolean {
  const source = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${source.join('.*')}$`, 's').test(text)
}

function isEnough(trust: Trust, wanted: 'signed' | 'provenance'): boolean {
  return trust === 'provenance' || (trust === 'signed' && wanted === 'signed')
}

function readRules(file: string): Rules {
  try {
    return policySchema.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch (cause) {
    const issue = cause instanceof z.ZodError ? cause.issues[0] : undefined
    const problem = issue ? `${issue.path.join('.') || 'the file'}: ${issue.message}` : (cause as Error).message
    throw new ManifestError('POLICY_INVALID', `the policy ${file} cannot be used: ${problem}`, {
      file,
      found: problem,
      cause,
      hint: 'Nothing is installed or loaded until it is corrected.',
    })
  }
}

function refused(file: string, rule: string, what: string): PermissionError {
  return new PermissionError('POLICY_REFUSED', `${file} refuses ${what}, by its rule ${rule}`, {
    file,
    rule,
    hint: 'Choose another plugin, or ask whoever keeps the policy.',
  })
}

function inRange(version: string, range: string): boolean {
  return semver.satisfies(version, range, { includePrerelease: true })
}
