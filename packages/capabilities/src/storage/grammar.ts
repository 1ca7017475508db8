// packages/capabilities/src/storage/grammar.ts: the permission `storage`. A plugin's namespace is its own, so there is nothing to name (K4).
import { type Consent, ManifestError } from '@pryx/kernel/contract'

/** The one normal form: empty. @throws MANIFEST_INVALID for anything after `storage`. */
export function parseStorage(rest: string): string {
  if (rest === '') return ''
  throw new ManifestError('MANIFEST_INVALID', `permission "storage:${rest.slice(0, 80)}" names a resource`, {
    found: `storage:${rest.slice(0, 80)}`,
    expected: 'storage',
    hint: 'Write "storage" alone: every plugin has one namespace of its own.',
  })
}

export function coversStorage(granted: string, wanted: string): boolean {
  return granted === '' && wanted === ''
}

export function storageConsent(): Consent {
  return { text: 'keep data of its own on this machine', risk: 'low', traits: [] }
}
