// plugins/scheduler/src/ports.ts: what the scheduler is handed. The plugin fills it from its context, tests from memory.
import type { EventToken, Release } from '@pryx/sdk'
import type { Usage } from './money/usage.ts'
import type { Store } from './store/store.ts'
import type { Trigger } from './task.ts'

export interface Clock {
  /** Epoch ms. */
  now(): number
  /** Runs `fn` once, `ms` from now, unless released before. */
  after(ms: number, fn: () => void): Release
  /** Ends this turn and goes on in the next: whoever computes much lets others in. */
  breathe(): Promise<void>
}

/** What a prompt brought back. `costUsd` undefined: the price is unknown. */
export interface Answer {
  text: string
  usage?: { calls?: number; inputTokens?: number; outputTokens?: number; costUsd?: number | undefined } | undefined
}

/** The outside, as deeds reach it. Each may be refused by the kernel's gate: that is the deed's failure. */
export interface Hands {
  callTool(name: string, input: unknown, signal: AbortSignal): Promise<unknown>
  /** @throws TASK_NO_AGENT if there is none. */
  prompt(
    request: { text: string; model?: string; session?: string; maxCostUsd?: number; key: string; timeoutMs: number },
    signal: AbortSignal,
  ): Promise<Answer>
  emit(name: string, payload: unknown): Promise<void>
}

/** Where the machine and its files are looked at. */
export interface Senses {
  /** A number, or undefined where this machine has no such thing. */
  fact(name: Extract<Trigger, { kind: 'state' }>['fact']): Promise<number | undefined>
  watch(path: string, onChanges: (changes: { kind: string; path: string }[]) => void): Promise<Release>
  exists(path: string): Promise<boolean>
  /** Events of a pattern, as they come. */
  listen(
    pattern: string,
    handler: (event: { name: string; from: string; at: number; payload: unknown }) => void,
  ): Release
}

export interface Ports {
  readonly store: Store
  readonly clock: Clock
  readonly hands: Hands
  readonly senses: Senses
  /** A new id, unique for ever. */
  nextId(): string
  /** In [0, 1). */
  random(): number
  emit<P>(event: EventToken<P>, payload: P): Promise<void>
  warn(message: string, error: unknown): void
}

/** Which notices are made, and when they are held back. */
export interface NoticeRule {
  /** Kinds of notice. Default: all but `succeeded`. */
  kinds?: readonly string[] | undefined
  /** Only of tasks with this tag. */
  tag?: string | undefined
  /** From–to in the user's zone, such as `['22:00', '07:00']`: held back until its end, but for errors. */
  quiet?: readonly [string, string] | undefined
}

export interface Settings {
  /** IANA zone for cron tasks that name none, for days and months of costs, for quiet hours. */
  timeZone: string
  /** How late an occurrence may be and still count as on time. */
  graceMs: number
  /** Runs in progress at once, over all tasks. */
  maxRunning: number
  /** Runs in progress at once, of the tasks of a group. */
  groupLimits: Readonly<Record<string, number>>
  /** Who sees and changes the tasks of all. */
  managers: readonly string[]
  /** Who may end an escalation for the user, beside the managers. */
  messengers: readonly string[]
  /** A run that waits so long raises `task.late`. */
  lateMs: number
  /** Of all tasks together, US dollars. */
  monthlyBudgetUsd: number | undefined
  notices: readonly NoticeRule[]
}

/** An answer's usage, summed as U1 wants it. */
export function usageOf({ usage }: Pick<Answer, 'usage'>): Usage {
  const { calls = 1, inputTokens = 0, outputTokens = 0, costUsd } = usage ?? {}
  return { calls, inputTokens, outputTokens, costUsd: costUsd ?? 0, unpriced: costUsd === undefined ? calls : 0 }
}
