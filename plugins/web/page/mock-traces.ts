// plugins/web/page/mock-traces.ts: requests that only pretend, for work on the page. Not shipped.
import type { SpanKind, TraceQuery, TraceRecord, TraceSpan, TraceSummary } from '@pryx/sdk'

const KEEP = 500

/** A call into a plugin, with the calls it makes. */
interface Step {
  plugin: string
  name: string
  turnMs: number
  /** A capability it uses, or another plugin's service. */
  asks?: { driver: string; ms: number; error?: string } | Step
}

const STEPS: readonly Step[] = [
  {
    plugin: 'scheduler',
    name: 'scheduler.runNow',
    turnMs: 1.4,
    asks: {
      plugin: 'weather',
      name: 'weather.week',
      turnMs: 6,
      asks: { driver: 'net.fetch', ms: 160 },
    },
  },
  { plugin: 'log-monitor', name: 'task.started', turnMs: 0.4, asks: { driver: 'fs.readFrom', ms: 3 } },
  {
    plugin: 'backup',
    name: 'backup.now',
    turnMs: 2,
    asks: { driver: 'net.fetch', ms: 900, error: 'PERMISSION_DENIED' },
  },
  { plugin: 'scheduler', name: 'scheduler.list', turnMs: 0.6, asks: { driver: 'storage.list', ms: 1.2 } },
]

export function createMockTraces() {
  const whole: TraceRecord[] = []
  let n = 0
  return {
    happen(): void {
      n += 1
      whole.push(traceOf(STEPS[n % STEPS.length]!, n))
      if (whole.length > KEEP) whole.shift()
    },
    recent: (count: number, { minMs = 0, plugin }: TraceQuery = {}): TraceSummary[] =>
      whole
        .filter(({ ms, spans }) => ms >= minMs && (!plugin || spans.some((span) => span.plugin === plugin)))
        .slice(-count)
        .map(summary),
    find: (id: string) => whole.find(({ trace }) => trace === id) ?? null,
  }
}

function traceOf(step: Step, n: number): TraceRecord {
  const spans: TraceSpan[] = []
  const ms = addCall(spans, step, 0, 0)
  const { name, plugin, error } = spans[0]!
  return { trace: `2fc74234ef8a6b97-${n}`, at: Date.now(), name, plugin, ms, spans, left: 0, ...(error && { error }) }
}

/** @returns When it ended. */
function addCall(spans: TraceSpan[], { plugin, name, turnMs, asks }: Step, parent: number, startMs: number): number {
  const add = (kind: SpanKind, of: string, from: number, ms: number, under = call.id): TraceSpan => {
    const span = { id: spans.length + 1, parent: under, kind, name: of, plugin, startMs: from, ms }
    spans.push(span)
    return span
  }
  const call: TraceSpan = { id: spans.length + 1, parent, kind: 'call', name, plugin, startMs, ms: 0 }
  spans.push(call)
  const began = startMs + vary(0.2)
  add('queue', name, startMs, began - startMs)
  add('turn', name, began, vary(turnMs))
  let end = began + turnMs
  if (asks !== undefined) {
    const asked = add('request', 'driver' in asks ? asks.driver : asks.name, end, 0)
    if ('driver' in asks) {
      const gate = add('gate', asks.driver, end, vary(0.06), asked.id)
      const work = add('driver', asks.driver, end + gate.ms, vary(asks.ms), asked.id)
      if (asks.error) Object.assign(work, { error: asks.error })
      end = work.startMs + work.ms
    } else end = addCall(spans, asks, asked.id, end + 0.05)
    asked.ms = end - asked.startMs
    const failed = spans.at(-1)!.error
    if (failed) for (const span of [asked, call]) span.error = failed
  }
  call.ms = end + 0.02 - startMs
  return end + 0.02
}

function summary({ spans, left, ...trace }: TraceRecord): TraceSummary {
  const parts = { queue: 0, turn: 0, gate: 0, driver: 0 }
  for (const { kind, ms } of spans) if (kind in parts) parts[kind as keyof typeof parts] += ms
  return { ...trace, parts, spans: spans.length + left }
}

function vary(ms: number): number {
  return ms * (0.5 + Math.random())
}
