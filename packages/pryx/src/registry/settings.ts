// packages/pryx/src/registry/settings.ts: which registry is asked for which names, and with what token: the user's own .npmrc, as npm reads it.
//   A project's .npmrc is not read: a cloned repository must not send anyone to a registry of its choice.
import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { UsageError } from '@pryx/kernel/contract'

export const NPM_REGISTRY = 'https://registry.npmjs.org/'

export interface RegistrySettings {
  /** The registry for a package, with a slash at the end. */
  registryOf(name: string): string
  /** Tokens by `//HOST/PATH/:_authToken`. Secret. */
  readonly auth: Readonly<Record<string, string>>
}

/** @param choice.registry From `--registry`; goes before everything else. */
export function readSettings(
  choice: { registry?: string | undefined },
  env: NodeJS.ProcessEnv = process.env,
): RegistrySettings {
  const file = env.NPM_CONFIG_USERCONFIG || env.npm_config_userconfig || join(env.HOME || homedir(), '.npmrc')
  const rc = existsSync(file) ? parseRc(readFileSync(file, 'utf8'), env) : {}
  const chosen = choice.registry ?? env.PRYX_REGISTRY
  const usual = chosen ?? env.npm_config_registry ?? rc.registry ?? NPM_REGISTRY
  const auth = Object.fromEntries(Object.entries(rc).filter(([key]) => key.startsWith('//')))
  return {
    auth,
    registryOf(name) {
      const scope = name.startsWith('@') ? name.slice(0, name.indexOf('/')) : undefined
      return withSlash(chosen ?? (scope && rc[`${scope}:registry`]) ?? usual)
    },
  }
}

function withSlash(url: string): string {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw new UsageError('USAGE_REGISTRY', `"${url.slice(0, 120)}" is not the address of a registry`, {
      found: url.slice(0, 120),
      expected: `such as ${NPM_REGISTRY}`,
      hint: 'Correct --registry, PRYX_REGISTRY or the .npmrc in your home folder.',
    })
  return url.endsWith('/') ? url : `${url}/`
}

function parseRc(text: string, env: NodeJS.ProcessEnv): Record<string, string> {
  const found: Record<string, string> = {}
  for (const line of text.split(/\r?\n/)) {
    const [, key, value] = /^\s*([^#;=\s][^=]*?)\s*=\s*(.*?)\s*$/.exec(line) ?? []
    if (key === undefined || value === undefined) continue
    found[key] = value.replace(/^"(.*)"$/, '$1').replace(/\$\{(\w+)\}/g, (_whole, name: string) => env[name] ?? '')
  }
  return found
}
