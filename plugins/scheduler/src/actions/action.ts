// plugins/scheduler/src/actions/action.ts: what a task does when its time has come.
//   Inputs may hold `${expression}`: filled in when the run starts, from `input` (what the trigger brought), `task` and `run`.
import { z } from 'zod'

const toolName = z.string().min(1).max(128)

/** What one run, or one step of a workflow, can do. */
export const deedSchema = z.discriminatedUnion('kind', [
  /** Calls a tool. Only the host and managers may: it runs with the scheduler's permissions, not the caller's. */
  z.strictObject({ kind: z.literal('tool'), name: toolName, input: z.unknown().optional() }),
  /** Asks the agent (service `agent`), as one run of its own. */
  z.strictObject({
    kind: z.literal('prompt'),
    text: z.string().min(1).max(32_768),
    model: z.string().max(128).optional(),
    session: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9:_.@-]{0,127}$/, 'letters, digits and : _ . @ -')
      .optional(),
  }),
  /** Runs a program, by the tool `shell.run`. Its arguments are words, never a line for a shell. */
  z.strictObject({
    kind: z.literal('shell'),
    command: z.string().min(1).max(64),
    args: z.array(z.string().max(8_192)).max(256).default([]),
    cwd: z.string().max(1_024).optional(),
  }),
  /** Sends a request, by the tool `http.request`. An answer of 400 or more is a failure. */
  z.strictObject({
    kind: z.literal('http'),
    url: z.string().min(1).max(4_096),
    method: z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']).default('GET'),
    headers: z.record(z.string(), z.string()).default({}),
    body: z.unknown().optional(),
  }),
  /** Publishes `flow.NAME` on the bus. */
  z.strictObject({
    kind: z.literal('emit'),
    name: z.string().regex(/^[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*)*$/, 'words joined by dots; flow. is put before'),
    payload: z.unknown().optional(),
  }),
  /** Tells the user, by the rules for notices. */
  z.strictObject({
    kind: z.literal('notify'),
    title: z.string().max(200).optional(),
    text: z.string().min(1).max(4_096),
    level: z.enum(['info', 'warning', 'error']).default('info'),
  }),
])
export type Deed = z.output<typeof deedSchema>

/** A workflow as it comes in: YAML text, or the object it stands for. `workflow/parse.ts` reads and judges it. */
const workflowSchema = z.strictObject({
  kind: z.literal('workflow'),
  flow: z.union([z.string().min(1).max(65_536), z.record(z.string(), z.unknown())]),
})

export const actionSchema = z.discriminatedUnion('kind', [
  /** Emits `task.due` with `payload`; the owner works on it and calls `complete`. */
  z.strictObject({ kind: z.literal('event'), payload: z.unknown().optional() }),
  ...deedSchema.options,
  workflowSchema,
])
export type Action = z.output<typeof actionSchema>

/** Whether a deed changes anything outside: what a dry run must not do. Tools are judged as if they did. */
export function hasEffect(deed: Deed): boolean {
  return !(deed.kind === 'http' && (deed.method === 'GET' || deed.method === 'HEAD'))
}
