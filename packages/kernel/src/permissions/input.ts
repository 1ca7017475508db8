// packages/kernel/src/permissions/input.ts: checks a call's arguments before anything looks at them (K4).
import type { z } from 'zod'
import { CapabilityError } from '../contract/index.ts'

const MAX_FOUND = 80 // characters of a wrong value that are told

/** The input as the driver shall see it. @throws CAPABILITY_INPUT with `path`, `found` and `expected`. */
export function readInput(
  schema: z.ZodType<readonly unknown[]>,
  args: readonly unknown[],
  act: string,
): readonly unknown[] {
  const parsed = schema.safeParse(args)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]!
  const path = issue.path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('')
  const found = shown(
    issue.path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key], args),
  )
  const expected = issue.message.replace(/^Invalid input: expected /, '').replace(/, received.*$/, '')
  throw new CapabilityError(
    'CAPABILITY_INPUT',
    `${act}: argument ${path || 'list'} is ${found}; expected ${expected}`,
    {
      path,
      found,
      expected,
      hint: `Correct argument ${path || 'list'} of ${act}.`,
    },
  )
}

function shown(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (typeof value === 'function' || typeof value === 'bigint') return `a ${typeof value}`
  if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`
  const text = JSON.stringify(value) ?? typeof value
  return text.length > MAX_FOUND ? `${text.slice(0, MAX_FOUND - 1)}…` : text
}
