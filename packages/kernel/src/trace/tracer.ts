// packages/kernel/src/trace/tracer.ts: records where the time of requests goes, while somebody looks (N5).
//   T1  Off, it is one look at `on`: nothing is made, nothing is kept.
//   T2  Bounded: so many traces, so many spans each. Past it spans are counted, and traces left out.
//   T3  A trace is whole, and told, a moment after the last of its spans has ended: turns are reported late.
//   T4  Ids of traces come from guests. A forged one mixes up what people see of the forger and nothing else.
import {
  PryxError,
  type Release,
  type SpanKind,
  type TraceFilter,
  type TraceRecord,
  type TraceSpan,
  type TraceSummary,
} from '../contract/index.ts'
import type { Clock } from '../powers.ts'

const KEEP = 500 // whole traces
const MAX_OPEN = 1_000
const MAX_SPANS = 256
const SETTLE_MS = 60 // turns are reported within 20 ms
const STALE_MS = 600_000 // a trace this old whose request never ended is told as it is

/** A span that has not ended. */
export interface OpenSpan extends TraceSpan {
  readonly live: LiveTrace
}

interface LiveTrace {
  readonly trace: string
  readonly at: number
  readonly began: number
  readonly spans: TraceSpan[]
  readonly open: OpenSpan[]
  left: number
  /** When its last span ended; undefined while one is open. */
  quietAt: number | undefined
}

export interface Traces {
  readonly on: boolean
  /** Whole traces, newest last, at most `n`. Says that somebody looks: recording goes on for a while from now. */
  recent(n: number, filter?: TraceFilter): TraceRecord[]
  find(trace: string): TraceRecord | undefined
  /** Records from now on and tells of each whole trace, until released. */
  watch(listener: (trace: TraceRecord) => void): Release
}

export interface Tracer extends Traces {
  /** A part of the way begins; undefined past the bounds. Call it only while `on`. */
  begin(kind: SpanKind, trace: string, name: string, plugin: string, from?: string): OpenSpan | undefined
  end(span: OpenSpan, error?: unknown): void
  /** The turn that took a call: from `began` (ticks), for `ms`. */
  turn(call: OpenSpan, plugin: string, began: number, ms: number): void
}

export interface TracerPowers {
  clock: Clock
  /** Monotonic ms with fractions, the same in all processes of this machine. */
  ticks(): number
  /** Recording begins or ends. */
  onSwitch(on: boolean): void
  /** Look for so long after a `recent`, ms. */
  glanceMs?: number
}

/** The kinds a span can hang from: the newest open one of the right plugin. */
const PARENTS: Record<SpanKind, SpanKind | undefined> = {
  request: 'call',
  call: 'request',
  gate: 'request',
  driver: 'request',
  queue: undefined,
  turn: undefined,
}

export function createTracer({ clock, ticks, onSwitch, glanceMs = 30_000 }: TracerPowers): Tracer {
  const live = new Map<string, LiveTrace>()
  const whole: TraceRecord[] = []
  const listeners = new Set<(trace: TraceRecord) => void>()
  let glance: Release | undefined
  let on = false
  let sweeping = false

  return {
    get on() {
      return on
    },
    begin,
    end(span, error) {
      const { live: trace } = span
      const index = trace.open.indexOf(span)
      if (index < 0) return
      trace.open.splice(index, 1)
      span.ms = ticks() - trace.began - span.startMs
      if (error !== undefined) span.error = PryxError.is(error) ? error.code : 'ERROR'
      if (trace.open.length > 0) return
      trace.quietAt = clock.now()
      sweep()
    },
    turn(call, plugin, began, ms) {
      const { live: trace, startMs } = call
      const at = Math.max(startMs, began - trace.began)
      add(trace, { kind: 'queue', name: call.name, plugin, parent: call.id, startMs, ms: at - startMs })
      add(trace, { kind: 'turn', name: call.name, plugin, parent: call.id, startMs: at, ms })
    },
    recent(n, filter = {}) {
      void glance?.()
      glance = clock.after(glanceMs, () => {
        glance = undefined
        flip()
      })
      flip()
      return whole.filter((trace) => passes(trace, filter)).slice(-n)
    },
    find: (id) => whole.findLast(({ trace }) => trace === id),
    watch(listener) {
      listeners.add(listener)
      flip()
      return () => {
        listeners.delete(listener)
        flip()
      }
    },
  }

  function flip(): void {
    const next = listeners.size > 0 || glance !== undefined
    if (next === on) return
    on = next
    onSwitch(on)
  }

  function begin(kind: SpanKind, id: string, name: string, plugin: string, from = plugin): OpenSpan | undefined {
    if (id === '') return undefined
    const now = ticks()
    const trace = live.get(id) ?? openTrace(id, now)
    if (trace === undefined) return undefined
    const parent = parentOf(trace, kind, name, from)
    const span = add(trace, { kind, name, plugin, parent, startMs: now - trace.began, ms: 0 })
    if (span === undefined) return undefined
    const open: OpenSpan = Object.assign(span, { live: trace })
    trace.open.push(open)
    trace.quietAt = undefined
    return open
  }

  function openTrace(id: string, began: number): LiveTrace | undefined {
    if (live.size >= MAX_OPEN) return undefined // T2
    const trace: LiveTrace = {
      trace: id,
      at: clock.now(),
      began,
      spans: [],
      open: [],
      left: 0,
      quietAt: undefined,
    }
    live.set(id, trace)
    sweep()
    return trace
  }

  /** One timer for all open traces. */
  function sweep(): void {
    if (sweeping) return
    sweeping = true
    clock.after(SETTLE_MS, () => {
      sweeping = false
      const now = clock.now()
      for (const trace of live.values()) {
        const quiet = trace.quietAt !== undefined && now - trace.quietAt >= SETTLE_MS
        if (quiet || now - trace.at > STALE_MS) finish(trace)
      }
      if (live.size > 0) sweep()
    })
  }

  /** T3 */
  function finish(trace: LiveTrace): void {
    live.delete(trace.trace)
    const record = recordOf(trace)
    if (record === undefined) return
    whole.push(record)
    if (whole.length > KEEP) whole.shift()
    for (const listener of listeners) listener(record)
  }
}

function add(trace: LiveTrace, span: Omit<TraceSpan, 'id'>): TraceSpan | undefined {
  if (trace.spans.length >= MAX_SPANS) {
    trace.left++ // T2
    return undefined
  }
  const made: TraceSpan = { id: trace.spans.length + 1, ...span }
  trace.spans.push(made)
  return made
}

/** Of several requests with this name, made at once, the first that has no such child yet; else the newest of any name. */
function parentOf({ open, spans }: LiveTrace, kind: SpanKind, name: string, from: string): number {
  const fitting = open.filter((span) => span.kind === PARENTS[kind] && span.plugin === from)
  const bare = fitting.find(
    (span) => span.name === name && !spans.some((child) => child.parent === span.id && child.kind === kind),
  )
  return (bare ?? fitting.at(-1))?.id ?? 0
}

function recordOf({ trace, at, spans, open, left }: LiveTrace): TraceRecord | undefined {
  const first = spans[0]
  if (first === undefined) return undefined
  const endless = new Set<TraceSpan>(open)
  const ms = spans.reduce((last, span) => (endless.has(span) ? last : Math.max(last, span.startMs + span.ms)), 0)
  const plain = spans.map(({ id, parent, kind, name, plugin, startMs, ms: lasted, error }): TraceSpan => {
    return { id, parent, kind, name, plugin, startMs: micro(startMs), ms: micro(lasted), ...(error && { error }) }
  })
  const { name, plugin, error } = first
  return { trace, at, name, plugin, ms: micro(ms), ...(error && { error }), spans: plain, left }
}

/** A trace for a list. */
export function summaryOf({ spans, left, ...trace }: TraceRecord): TraceSummary {
  const parts = { queue: 0, turn: 0, gate: 0, driver: 0 }
  for (const { kind, ms } of spans) if (kind !== 'request' && kind !== 'call') parts[kind] = micro(parts[kind] + ms)
  return { ...trace, parts, spans: spans.length + left }
}

function passes(trace: TraceRecord, { minMs = 0, plugin, except }: TraceFilter): boolean {
  if (trace.ms < minMs || trace.plugin === except) return false
  return plugin === undefined || trace.spans.some((span) => span.plugin === plugin)
}

/** Three digits of a millisecond. */
function micro(ms: number): number {
  return Math.round(ms * 1_000) / 1_000
}
