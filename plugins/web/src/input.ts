// plugins/web/src/input.ts: what the page sends is checked before it means anything.
import { UsageError } from '@pryx/sdk'
import type { Context } from 'hono'
import type { z } from 'zod'

/** The JSON of a request. @throws WEB_INPUT */
export async function bodyOf<T>(c: Context, schema: z.ZodType<T>): Promise<T> {
  const json: unknown = await c.req.json().catch(() => undefined)
  return check(schema, json, 'the body')
}

/** @throws WEB_INPUT */
export function check<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]!
  const path = [what, ...issue.path.map(String)].join('.')
  throw new UsageError('WEB_INPUT', `${path}: ${issue.message}`, {
    path,
    hint: 'See the table of routes in the README of this plugin.',
  })
}
