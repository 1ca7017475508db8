// packages/kernel/src/contract/trace.ts: one request on its way through kernel, gate, sandbox and driver, as plain data.
import type { PluginId } from './capability.ts'

/**
 * What a part of the way is. `request`: a plugin asked the kernel for something, until its answer. `call`: a call into a
 * plugin, until its answer; of it, `queue`: until its turn began, `turn`: the turn that took it. `gate`: may it?
 * `driver`: a capability at work.
 */
export type SpanKind = 'request' | 'call' | 'queue' | 'turn' | 'gate' | 'driver'

export interface TraceSpan {
  /** Within its trace, from 1. */
  id: number
  /** 0: none. */
  parent: number
  kind: SpanKind
  /** `service.method`, a tool, a hook. */
  name: string
  /** Who asked, for `request`, `gate` and `driver`; who worked, for the others. */
  plugin: PluginId
  /** ms since the trace began, and how long it lasted; microseconds matter. */
  startMs: number
  ms: number
  /** Code of the error it ended with. */
  error?: string
}

export interface TraceRecord {
  trace: string
  /** Epoch ms. */
  at: number
  /** Of its first span. */
  name: string
  plugin: PluginId
  /** From the first beginning to the last end. */
  ms: number
  error?: string
  /** In order of beginning. */
  spans: TraceSpan[]
  /** Spans past the most a trace may have. */
  left: number
}

/** A trace in a list: what took how long, without its spans. */
export interface TraceSummary extends Omit<TraceRecord, 'spans' | 'left'> {
  /** Time of all spans of a kind, ms; nested ones are counted beside those they are in. */
  parts: Record<'queue' | 'turn' | 'gate' | 'driver', number>
  /** Those that were left out too. */
  spans: number
}

export interface TraceFilter {
  /** Shorter ones are left out, ms. */
  minMs?: number
  /** Those with a span of this plugin. */
  plugin?: PluginId
  /** Without those that began with this plugin. */
  except?: PluginId
}

/** What a plugin asks for. */
export interface TraceQuery extends Omit<TraceFilter, 'except'> {
  /** Without the requests of the asker itself. */
  others?: boolean
}
