// packages/capabilities/src/env/env.ts: the capability `env`: single variables of the host's environment (K4).
import { type Capability, type Consent, defineMethod, ManifestError } from '@pryx/kernel/contract'
import { z } from 'zod'

const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/
const SECRET = /TOKEN|SECRET|KEY|PASS|CREDENTIAL|AUTH|COOKIE|DSN|DATABASE_URL|CONNECTION/i

/** @param env Default: this process's own environment. It is read at each call. */
export function createEnvCapability(env: Readonly<Record<string, string | undefined>> = process.env): Capability {
  return {
    name: 'env',
    version: '1.0.0',
    summary: 'Environment variables of the host',
    parse: parseEnv,
    covers: (granted, wanted) => granted === wanted,
    consent: envConsent,
    methods: {
      get: defineMethod({
        input: z.tuple([z.string().regex(NAME, 'the name of a variable')]),
        access: ([name]) => [name],
        run: async ([name]) => (Object.hasOwn(env, name) ? env[name] : undefined),
      }),
    },
  }
}

/** One name, as it is: case counts. @throws MANIFEST_INVALID, for patterns too: each variable is named. */
export function parseEnv(rest: string): string {
  if (NAME.test(rest)) return rest
  throw new ManifestError('MANIFEST_INVALID', `"env:${rest.slice(0, 80)}" does not name a variable`, {
    found: `env:${rest.slice(0, 80)}`,
    expected: 'env:NAME, such as env:HOME',
    hint: 'Name each variable the plugin reads: letters, digits and _.',
  })
}

export function envConsent(name: string): Consent {
  if (SECRET.test(name))
    return { text: `read the variable ${name}, which may hold a secret`, risk: 'high', traits: ['reads-private'] }
  return { text: `read the variable ${name}`, risk: 'low', traits: [] }
}
