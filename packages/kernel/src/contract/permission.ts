// packages/kernel/src/contract/permission.ts: how a permission is written: `capability:rest`, `net:api.github.com` (K4).
//   The capability owns the grammar of the rest (see capability.ts). Two grammars are the kernel's own: `service:NAME` and `events:emit|on:PATTERN`.
import { ManifestError } from './errors.ts'

/** A permission as text. Equal text, equal permission. */
export type Permission = string

const PERMISSION = /^([a-z][a-z0-9-]*)(?::(.+))?$/s
const MAX_LENGTH = 512

/** Splits `net:api.github.com:443` into capability `net` and rest `api.github.com:443`; `storage` has an empty rest. */
export function splitPermission(text: string): { capability: string; rest: string } {
  const match = text.length <= MAX_LENGTH ? PERMISSION.exec(text) : null
  if (match === null || hasControlCharacter(text)) {
    throw new ManifestError('PERMISSION_INVALID', `"${text.slice(0, 80)}" is not a permission`, {
      found: text.slice(0, 80),
      expected: 'capability:resource, such as net:api.github.com or storage',
      hint: 'Write capability:resource; `pryx permissions --help` lists the capabilities.',
    })
  }
  return { capability: match[1] as string, rest: match[2] ?? '' }
}

function hasControlCharacter(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) < 32) return true
  return false
}
