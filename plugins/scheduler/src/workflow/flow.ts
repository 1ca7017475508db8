// plugins/scheduler/src/workflow/flow.ts: what a workflow is, as written (S10). `parse.ts` reads and judges it.
//   Steps of a list follow one another; `needs` names others instead, so that what does not depend on one another runs side by side.
import { z } from 'zod'
import { deedSchema } from '../actions/action.ts'

const DAY_MS = 86_400_000
const stepId = z.string().regex(/^[a-z][a-z0-9_]{0,63}$/i, 'letters, digits and _, beginning with a letter')
const expression = z.string().min(1).max(1_024)
const ms = z
  .number()
  .int()
  .min(0)
  .max(365 * DAY_MS)

const common = {
  id: stepId,
  /** Steps of the same list that must have ended before. Default: the one before it; `[]`: none. */
  needs: z.array(stepId).max(64).optional(),
  /** Left out unless this is true. */
  when: expression.optional(),
  /** `continue`: its failure is its output (`error`), and the steps after it go on. */
  onError: z.enum(['fail', 'continue']).default('fail'),
}

export const waitSchema = z.union([
  z.strictObject({ event: z.string().min(1).max(128), where: expression.optional(), timeoutMs: ms.optional() }),
  z.strictObject({ file: z.string().min(1).max(1_024), timeoutMs: ms.optional() }),
  z.strictObject({ forMs: ms }),
  /** Epoch ms. */
  z.strictObject({ until: expression }),
  /** What the user is asked. */
  z.strictObject({ approval: z.string().min(1).max(500), timeoutMs: ms.optional() }),
])
export type Wait = z.output<typeof waitSchema>

const doSchema = z.strictObject({
  ...common,
  do: deedSchema,
  /** Its effect may be repeated (the receiver knows it by its key): after a crash it is simply done again. */
  idempotent: z.boolean().default(false),
  /** It changes nothing: a dry run does it too. */
  readOnly: z.boolean().default(false),
  retry: z
    .strictObject({
      attempts: z.number().int().min(0).max(20),
      backoffMs: ms.default(1_000),
      factor: z.number().min(1).max(10).default(2),
    })
    .optional(),
  timeoutMs: z.number().int().min(100).max(DAY_MS).default(600_000),
})
const waitStepSchema = z.strictObject({ ...common, wait: waitSchema })
const setSchema = z.strictObject({ ...common, set: z.unknown() })

export type DoStep = z.output<typeof doSchema>
export type WaitStep = z.output<typeof waitStepSchema>
export type SetStep = z.output<typeof setSchema>
interface Common {
  id: string
  needs?: string[] | undefined
  when?: string | undefined
  onError: 'fail' | 'continue'
}
export interface IfStep extends Common {
  if: string
  /** What workflow authors expect it to be called; it is a list, and never awaited. */
  then: Step[]
  else: Step[]
}
export interface ForEachStep extends Common {
  forEach: string
  as: string
  /** Iterations side by side. */
  atOnce: number
  max: number
  steps: Step[]
}
export interface RepeatStep extends Common {
  repeat: { until: string; max: number; everyMs: number }
  steps: Step[]
}
export interface ParallelStep extends Common {
  parallel: Record<string, Step[]>
  /** How many branches must end well; the rest is not waited for. */
  join: 'all' | 'any' | number
}
export interface CallStep extends Common {
  /** A name of `flows`. */
  call: string
  input?: unknown
}
export type Step = DoStep | WaitStep | SetStep | IfStep | ForEachStep | RepeatStep | ParallelStep | CallStep

const steps: z.ZodType<Step[]> = z.lazy(() => z.array(stepSchema).min(1).max(200)) as never
const stepSchema = z.union([
  doSchema,
  waitStepSchema,
  setSchema,
  z
    // biome-ignore lint/suspicious/noThenProperty: see IfStep
    .strictObject({ ...common, if: expression, then: steps, else: steps.optional() })
    .transform((step) => ({ ...step, else: step.else ?? [] })),
  z.strictObject({
    ...common,
    forEach: expression,
    as: stepId.default('item'),
    atOnce: z.number().int().min(1).max(50).default(1),
    max: z.number().int().min(1).max(10_000).default(1_000),
    steps,
  }),
  z.strictObject({
    ...common,
    repeat: z.strictObject({ until: expression, max: z.number().int().min(1).max(10_000), everyMs: ms.default(0) }),
    steps,
  }),
  z.strictObject({
    ...common,
    parallel: z.record(stepId, steps),
    join: z.union([z.enum(['all', 'any']), z.number().int().min(1)]).default('all'),
  }),
  z.strictObject({ ...common, call: stepId, input: z.unknown().optional() }),
])

export { stepSchema }

/** The keys one of which says what kind of step it is. */
export const KINDS = ['do', 'wait', 'set', 'if', 'forEach', 'repeat', 'parallel', 'call'] as const

export const flowSchema = z.strictObject({
  steps,
  output: z.unknown().optional(),
  /** Sub-workflows, by name: `call` runs one with its own `input`. */
  flows: z.record(stepId, z.strictObject({ steps, output: z.unknown().optional() })).optional(),
})

export interface Block {
  steps: Step[]
  output?: unknown
}
export interface Flow extends Block {
  flows?: Record<string, Block> | undefined
}
