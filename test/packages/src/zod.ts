// test/packages/src/zod.ts: zod 4 as the runtime supplies it.
import { z } from 'zod'
import { pluginOf } from './work.ts'

const Shape = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('circle'), radius: z.number().positive() }),
  z.object({ kind: z.literal('box'), sides: z.tuple([z.number(), z.number()]) }),
])
const Order = z.strictObject({
  id: z.uuid(),
  at: z.iso.datetime().transform((text) => new Date(text).getTime()),
  mail: z.email().optional(),
  lines: z.array(z.object({ name: z.string().trim().min(1), count: z.coerce.number().int() })).min(1),
  shape: Shape.default({ kind: 'circle', radius: 1 }),
  tags: z.record(z.string(), z.union([z.string(), z.null()])).optional(),
})

export function work(inputs: unknown[]): unknown[] {
  const outcomes = inputs.map((input) => {
    const { success, data, error } = Order.safeParse(input)
    return success ? data : z.prettifyError(error)
  })
  return [...outcomes, z.toJSONSchema(Shape)]
}

export default pluginOf(work)
