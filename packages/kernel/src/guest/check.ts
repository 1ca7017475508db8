// packages/kernel/src/guest/check.ts: values against zod schemas, with errors that name the path.
import type { z } from 'zod'
import type { PryxError } from '../contract/errors.ts'

export interface Mismatch {
  /** `[0].city`; empty for the value itself. */
  path: string
  message: string
}

/** The value as the schema leaves it. @throws what `refuse` makes of the first mismatch. */
export function check<T>(schema: z.ZodType<T>, value: unknown, refuse: (mismatch: Mismatch) => PryxError): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  throw refuse(mismatchOf(result.error.issues[0]))
}

function mismatchOf(issue: z.core.$ZodIssue | undefined): Mismatch {
  if (issue === undefined) return { path: '', message: 'invalid' }
  const keys = issue.code === 'unrecognized_keys' ? [...issue.path, ...issue.keys.slice(0, 1)] : issue.path
  return { path: pathText(keys).slice(0, 256), message: issue.message.slice(0, 512) }
}

function pathText(keys: readonly PropertyKey[]): string {
  return keys.map((key, i) => (typeof key === 'number' ? `[${key}]` : `${i > 0 ? '.' : ''}${String(key)}`)).join('')
}
