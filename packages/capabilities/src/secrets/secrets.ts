// packages/capabilities/src/secrets/secrets.ts: the capability `secrets`: a plugin's own secrets, and those the user shares by name.
//   R1  A plugin writes its own namespace only; what it did not set itself it finds among the shared names, if the user put it there.
//   R2  It is told its own names only, and of them those it may use now.
//   R3  Audit and errors hold names, never values.
import { type Capability, type CapabilityCall, defineMethod, PryxError } from '@pryx/kernel/contract'
import { z } from 'zod'
import { coversSecrets, isSecretName, parseSecrets, secretsConsent } from './grammar.ts'
import { type Secrets, SHARED } from './vault.ts'

const name = z.string().refine(isSecretName, 'a name such as telegram.token')

/** @param secrets Stays the host's: disposing the capability does not end it. */
export function createSecretsCapability(secrets: Secrets): Capability {
  return {
    name: 'secrets',
    version: '1.0.0',
    summary: 'Secrets, sealed on disk',
    parse: parseSecrets,
    covers: coversSecrets,
    consent: secretsConsent,
    methods: {
      get: defineMethod({
        input: z.tuple([name]),
        access: ([name]) => [name],
        run: async ([name], { plugin }) => (await secrets.get(plugin, name)) ?? secrets.get(SHARED, name), // R1
      }),
      has: defineMethod({
        input: z.tuple([name]),
        access: ([name]) => [name],
        run: async ([name], { plugin }) => (await secrets.has(plugin, name)) || secrets.has(SHARED, name),
      }),
      set: defineMethod({
        input: z.tuple([name, z.string()]),
        access: ([name]) => [name],
        run: async ([name, value], { plugin }) => secrets.set(plugin, name, value),
        redact: ([name]) => name, // R3
      }),
      delete: defineMethod({
        input: z.tuple([name]),
        access: ([name]) => [name],
        run: ([name], { plugin }) => secrets.delete(plugin, name),
      }),
      list: defineMethod({
        input: z.tuple([]),
        access: () => [],
        run: async (_input, { plugin, check }) => allowedOf(await secrets.list(plugin), check),
      }),
    },
  }
}

/** R2: each name is judged as if it were read; what is refused is left out. */
async function allowedOf(names: readonly string[], check: CapabilityCall['check']): Promise<string[]> {
  const allowed: string[] = []
  for (const name of names) {
    try {
      await check(name)
      allowed.push(name)
    } catch (error) {
      if (!PryxError.is(error, 'PERMISSION_DENIED') && !PryxError.is(error, 'PERMISSION_UNDECLARED')) throw error
    }
  }
  return allowed
}
