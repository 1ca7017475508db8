// plugins/agent/src/service.ts: the contract of the agent: token, types, events.
import { defineService, type ServiceCaller } from '@pryx/sdk'
import { z } from 'zod'

export { agentEvents } from './events.ts'

export type RunStatus = 'queued' | 'running' | 'ok' | 'error' | 'timeout' | 'cancelled' | 'superseded'

export interface RunRequest {
  /** At most 131,072 characters. */
  text: string
  /** Default `main`, the one that surfaces share. Made if it is not there. */
  session?: string | undefined
  /** Where it was said. Default `host`. */
  surface?: string | undefined
  /** The caller's own id for this: asked again, it is the same run. */
  key?: string | undefined
  /** Who said it, where it was not the user: marked as such for the model. */
  origin?: string | undefined
  /** `provider/id`, or the router's choice. */
  model?: string | undefined
  /** Default `main`; `background` for what nobody waits for. */
  lane?: string | undefined
  /** Takes the place of a run in progress in this session, instead of waiting for it. */
  interrupt?: boolean | undefined
  /** USD; no model call that could cost more is made in this run. */
  maxCostUsd?: number | undefined
  /** Of the run, ms, 1,000 to 3,600,000. Default 600,000. */
  timeoutMs?: number | undefined
}

export interface Run {
  id: string
  session: string
  lane: string
  status: RunStatus
  /** Epoch ms. */
  acceptedAt: number
  startedAt?: number
  endedAt?: number
  /** The answer, once `ok`. */
  text?: string
  error?: string
  code?: string
  usage: { calls: number; inputTokens: number; outputTokens: number; costUsd: number; unpriced: number }
}

/** `timeout`: the wait is over, the run goes on. */
export type Waited = { status: 'ok' | 'error'; run: Run } | { status: 'timeout'; run: Run }

export interface PromptPart {
  name: string
  /** Estimated. */
  tokens: number
  text: string
}

/** What a prompt brought back, for schedules. */
export interface Answer {
  text: string
  usage: { calls: number; inputTokens: number; outputTokens: number; costUsd?: number | undefined }
}

/**
 * Runs of the agent: one at a time in a session, a bounded number in all.
 *
 * @throws RUN_UNKNOWN; RUN_KEY_REUSED if a key comes again with something else; RUN_FAILED, RUN_TIMEOUT, RUN_CANCELLED from `ask`.
 */
export interface Agent {
  /** Accepts a run and answers at once: the message is on disk, and the run survives a restart. */
  start(request: RunRequest): Promise<Run>
  /** Waits for the end of a run, at most `timeoutMs` (default 30,000, at most 600,000). The run does not mind. */
  wait(run: string, options?: { timeoutMs?: number | undefined }): Promise<Waited>
  /** `start`, then waits to the end. */
  run(request: RunRequest): Promise<Answer>
  /** Stops a run, queued or in progress. From then on it writes nothing. False if it had ended. */
  stop(run: string): Promise<boolean>
  get(run: string): Promise<Run>
  /** Newest first, at most 100. */
  runs(filter?: {
    session?: string | undefined
    open?: boolean | undefined
    limit?: number | undefined
  }): Promise<Run[]>
  /** The parts of the system prompt as a run would get them now, with the tokens of each, and of the tools. */
  prompt(): Promise<{ parts: PromptPart[]; toolTokens: number; tools: string[] }>
}

/** Longest single wait that is taken, ms: below the time any call may take. */
const MAX_SLICE_MS = 5_000
/** What the face asks for: a longer wait is many of them, so that a consumer with a short time limit, as tests have, loses none. */
const SLICE_MS = 2_000
const id = z.string().min(1).max(128)
export const runRequestSchema = z.strictObject({
  text: z.string().min(1).max(131_072),
  session: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9:_.@-]{0,127}$/)
    .optional(),
  surface: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,31}(:[A-Za-z0-9_.@-]{1,95})?$/)
    .optional(),
  key: z.string().min(1).max(128).optional(),
  origin: z.string().min(1).max(128).optional(),
  model: z.string().min(1).max(256).optional(),
  lane: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,31}$/)
    .optional(),
  interrupt: z.boolean().optional(),
  maxCostUsd: z.number().min(0).optional(),
  timeoutMs: z.number().int().min(1_000).max(3_600_000).optional(),
})

export const Agent = defineService<Agent>('agent', '1.0.0', {
  methods: {
    start: { input: z.tuple([runRequestSchema]) },
    waitSome: { input: z.tuple([id, z.number().int().min(0).max(MAX_SLICE_MS)]) },
    answer: { input: z.tuple([id]) },
    stop: { input: z.tuple([id]) },
    get: { input: z.tuple([id]) },
    runs: {
      input: z.tuple([]).rest(
        z
          .strictObject({
            session: id.optional(),
            open: z.boolean().optional(),
            limit: z.number().int().min(1).max(100).optional(),
          })
          .optional(),
      ),
    },
    prompt: { input: z.tuple([]) },
  },
  face: agentFace,
})

const WAIT_MS = 30_000
const MAX_WAIT_MS = 600_000
const MAX_RUN_MS = 3_600_000

function agentFace(call: ServiceCaller): Agent {
  const start = (request: RunRequest) => call('start', [request]) as Promise<Run>
  return {
    start,
    wait: (run, { timeoutMs = WAIT_MS } = {}) => waitFor(call, run, Math.min(timeoutMs, MAX_WAIT_MS)),
    async run(request) {
      const { id } = await start(request)
      const { run } = await waitFor(call, id, MAX_RUN_MS)
      return (await call('answer', [run.id])) as Answer
    },
    stop: (run) => call('stop', [run]) as Promise<boolean>,
    get: (run) => call('get', [run]) as Promise<Run>,
    runs: (filter) => call('runs', [filter]) as Promise<Run[]>,
    prompt: () => call('prompt', []) as ReturnType<Agent['prompt']>,
  }
}

async function waitFor(call: ServiceCaller, run: string, timeoutMs: number): Promise<Waited> {
  const until = Date.now() + timeoutMs
  for (;;) {
    const leftMs = Math.max(0, until - Date.now())
    const waited = (await call('waitSome', [run, Math.min(leftMs, SLICE_MS)])) as Waited
    if (waited.status !== 'timeout' || Date.now() >= until) return waited
  }
}
