// packages/capabilities/src/secrets/grammar.ts: `secrets:telegram.token`, `secrets:github.*`, `secrets:*` (K4).
import { type Consent, ManifestError } from '@pryx/kernel/contract'

const WORDS = '[A-Za-z0-9_-]+(?:\\.[A-Za-z0-9_-]+)*'
const NAME = new RegExp(`^${WORDS}$`)
const PATTERN = new RegExp(`^(?:${WORDS}(?:\\.\\*)?|\\*)$`)
const MAX_NAME = 128 // characters

export function isSecretName(name: string): boolean {
  return name.length <= MAX_NAME && NAME.test(name)
}

/** The normal form is what was written. @throws MANIFEST_INVALID for what is neither a name nor `prefix.*` nor `*`. */
export function parseSecrets(rest: string): string {
  if (rest.length <= MAX_NAME + 2 && PATTERN.test(rest)) return rest
  throw new ManifestError('MANIFEST_INVALID', `"secrets:${rest.slice(0, 80)}" does not name a secret`, {
    found: `secrets:${rest.slice(0, 80)}`,
    expected: 'secrets:NAME, such as secrets:telegram.token, or secrets:telegram.*',
    hint: 'Name each secret the plugin needs: letters, digits, _ and -, joined by dots.',
  })
}

/** A `prefix.*` covers the names below it, not `prefix` itself. */
export function coversSecrets(granted: string, wanted: string): boolean {
  return granted === wanted || granted === '*' || (granted.endsWith('.*') && wanted.startsWith(granted.slice(0, -1)))
}

export function secretsConsent(rest: string): Consent {
  if (rest === '*') return { text: 'read every secret you have saved', risk: 'high', traits: ['reads-private'] }
  if (rest.endsWith('.*'))
    return { text: `read and keep every secret named ${rest}`, risk: 'high', traits: ['reads-private'] }
  return { text: `read and keep the secret ${rest}`, risk: 'medium', traits: ['reads-private'] }
}
