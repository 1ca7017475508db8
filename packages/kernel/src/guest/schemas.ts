// packages/kernel/src/guest/schemas.ts: the schema library, where this runtime has it. Half of a realm’s heap is zod: a plugin whose
//   bundle does not import it starts from a snapshot without.
import type { z } from 'zod'
import { LifecycleError } from '../contract/errors.ts'

type Zod = typeof import('zod')
let supplied: Zod | undefined

/** Called once, while the snapshot is made. */
export function supplySchemas(zod: Zod): void {
  supplied = zod
}

/** Makes one of each kind that plugins use most: a class is finished by its first instance, here for all realms at once. */
export function useCommonSchemas({ z }: Zod): void {
  const text = z.string().min(1).max(2).optional().nullable().default('')
  const count = z.number().int().positive().min(0).max(1)
  z.object({ text, count, kind: z.enum(['a']), flags: z.array(z.boolean()).max(1) })
  z.record(z.string(), z.union([z.unknown(), z.any(), z.null(), z.literal('a'), z.tuple([text])]))
}

/** JSON Schema of a tool's input, for models. A schema can only come from a plugin that brought zod. */
export function toJsonSchema(schema: z.ZodType): unknown {
  return supplied?.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
}

/** The check of a JSON Schema. The kernel starts a plugin whose manifest needs this with the library. */
export function fromJsonSchema(schema: unknown): z.ZodType {
  if (supplied === undefined) throw new LifecycleError('PLUGIN_RUNTIME', 'this runtime has no schema library')
  return supplied.fromJSONSchema(schema as Parameters<Zod['fromJSONSchema']>[0])
}
