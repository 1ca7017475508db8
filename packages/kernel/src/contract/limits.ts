// packages/kernel/src/contract/limits.ts: what one plugin may use (K3). A manifest may lower a limit; only the host may raise it.
import { z } from 'zod'

export interface Limits {
  /** Heap of the isolate, MiB. Passing it ends the isolate. */
  memoryMb: number
  /** Longest turn of guest code without returning to its event loop, ms. Passing it ends the isolate. */
  turnMs: number
  /** Longest time from a call into the plugin to its answer, ms. Passing it fails the call and cancels it. */
  callMs: number
  /** Longest `activate`, ms. */
  activateMs: number
  /** Messages that may wait for the plugin. Further calls are refused; events follow their subscription's policy. */
  queue: number
  /** Bytes of what waits for the plugin: calls and answers as text, events in memory. Past it, as past `queue`. */
  queueBytes: number
  /** Largest message in either direction, bytes. */
  messageBytes: number
  /** Messages a second the plugin may send, averaged over 2 s. Passing it refuses calls and drops emits, and says so. */
  messagesPerSecond: number
  /** What it may use over a while; none by default. Past it the plugin is slowed, then ended. */
  budget: Budget
}

/** A budget is a vessel that holds one minute's worth and drains at that rate. Full, it slows the plugin; twice full, it ends it. */
export interface Budget {
  /** Processor time of its turns, ms. */
  cpuMsPerMinute?: number
  /** Calls it makes. */
  callsPerMinute?: number
  /** Bytes of messages, both ways. */
  bytesPerMinute?: number
  /** Events it publishes. */
  eventsPerMinute?: number
}

export const DEFAULT_LIMITS: Readonly<Limits> = Object.freeze({
  memoryMb: 64,
  turnMs: 250,
  callMs: 10_000,
  activateMs: 10_000,
  queue: 1_000,
  queueBytes: 33_554_432,
  messageBytes: 1_048_576,
  messagesPerSecond: 20_000,
  budget: Object.freeze({}),
})

const perMinute = z.number().int().min(1).max(1_000_000_000_000)
const budgetSchema = z
  .strictObject({
    cpuMsPerMinute: perMinute,
    callsPerMinute: perMinute,
    bytesPerMinute: perMinute,
    eventsPerMinute: perMinute,
  })
  .partial()

/** Partial limits as a manifest or host config states them. */
export const limitsSchema = z
  .strictObject({
    memoryMb: z.number().int().min(8).max(4_096),
    turnMs: z.number().int().min(5).max(60_000),
    callMs: z.number().int().min(10).max(3_600_000),
    activateMs: z.number().int().min(10).max(120_000),
    queue: z.number().int().min(1).max(100_000),
    queueBytes: z.number().int().min(65_536).max(1_073_741_824),
    messageBytes: z.number().int().min(1_024).max(67_108_864),
    messagesPerSecond: z.number().int().min(10).max(1_000_000),
    budget: budgetSchema,
  })
  .partial()

/** The limits in force: host config over defaults, then the manifest, which can only lower. */
export function effectiveLimits(host: Partial<Limits> = {}, manifest: Partial<Limits> = {}): Limits {
  const { budget, ...limits }: Limits = { ...DEFAULT_LIMITS, ...defined(host) }
  for (const key of Object.keys(limits) as (keyof typeof limits)[]) {
    limits[key] = Math.min(limits[key], manifest[key] ?? Number.POSITIVE_INFINITY)
  }
  return { ...limits, budget: lowest(budget, manifest.budget ?? {}) }
}

function lowest(host: Budget, manifest: Budget): Budget {
  const budget: Budget = { ...manifest, ...defined(host) }
  for (const key of Object.keys(budget) as (keyof Budget)[])
    budget[key] = Math.min(budget[key] ?? Number.POSITIVE_INFINITY, manifest[key] ?? Number.POSITIVE_INFINITY)
  return budget
}

function defined<T extends object>(partial: T): Partial<T> {
  return Object.fromEntries(Object.entries(partial).filter(([, value]) => value !== undefined)) as Partial<T>
}
