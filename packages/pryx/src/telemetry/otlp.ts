// packages/pryx/src/telemetry/otlp.ts: traces to an OpenTelemetry collector, by OTLP over HTTP as JSON (N5).
//   O1  Nothing leaves unless pryx.json names a collector (`telemetry.otlp`); without it this file is not even loaded.
//   O2  Names, times and codes leave; no argument, answer or text of a plugin does.
//   O3  Bounded: what a slow collector does not take is left out and counted, and told once.
import { createHash, randomUUID } from 'node:crypto'
import { type HrTime, SpanKind as OtelKind, SpanStatusCode, TraceFlags } from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import type { Traces } from '@pryx/kernel'
import type { SpanKind, TraceRecord, TraceSpan } from '@pryx/kernel/contract'

const EVERY_MS = 1_000
const MAX_WAITING = 5_000 // spans
const TIMEOUT_MS = 5_000

type Span = Parameters<OTLPTraceExporter['export']>[0][number]

export interface OtlpOptions {
  /** Base URL of the collector; `/v1/traces` is added. */
  url: string
  version: string
  onTrouble(message: string): void
}

const KINDS: Partial<Record<SpanKind, OtelKind>> = { call: OtelKind.SERVER, request: OtelKind.CLIENT }

/** Records and sends traces until disposed; then sends what is left. */
export function exportTraces(traces: Pick<Traces, 'watch'>, options: OtlpOptions): AsyncDisposable {
  const exporter = new OTLPTraceExporter({
    url: new URL('v1/traces', options.url.endsWith('/') ? options.url : `${options.url}/`).href,
    timeoutMillis: TIMEOUT_MS,
  })
  const resource = resourceFromAttributes({
    'service.name': 'pryx',
    'service.version': options.version,
    'service.instance.id': randomUUID(),
  })
  const run = randomUUID() // ids of one run are apart from another's
  let waiting: Span[] = []
  let left = 0
  let sending = Promise.resolve()
  let troubled = false
  const release = traces.watch((trace) => {
    const spans = trace.spans.map((span) => spanOf(run, trace, span, resource))
    if (waiting.length + spans.length > MAX_WAITING)
      left += spans.length // O3
    else waiting.push(...spans)
  })
  const timer = setInterval(flush, EVERY_MS)
  timer.unref()
  return {
    async [Symbol.asyncDispose]() {
      await release()
      clearInterval(timer)
      flush()
      await sending
      await exporter.shutdown()
    },
  }

  function flush(): void {
    const batch = waiting
    waiting = []
    if (batch.length > 0) sending = sending.then(() => send(batch))
  }

  function send(batch: Span[]): Promise<void> {
    return new Promise((resolve) => {
      exporter.export(batch, ({ code, error }) => {
        if (code !== 0) trouble(error?.message ?? 'it refused them')
        else troubled = false
        resolve()
      })
    })
  }

  function trouble(why: string): void {
    if (!troubled)
      options.onTrouble(`traces could not be sent to ${options.url}: ${why}${left > 0 ? ` (${left} left out)` : ''}`)
    troubled = true
  }
}

function spanOf(run: string, trace: TraceRecord, span: TraceSpan, resource: Span['resource']): Span {
  const traceId = hash(`${run}:${trace.trace}`, 32)
  const context = (id: number) => ({ traceId, spanId: hash(`${traceId}:${id}`, 16), traceFlags: TraceFlags.SAMPLED })
  return {
    name: span.kind === 'call' || span.kind === 'request' ? span.name : `${span.kind} ${span.name}`,
    kind: KINDS[span.kind] ?? OtelKind.INTERNAL,
    spanContext: () => context(span.id),
    ...(span.parent > 0 && { parentSpanContext: context(span.parent) }),
    startTime: hrTime(trace.at + span.startMs),
    endTime: hrTime(trace.at + span.startMs + span.ms),
    duration: hrTime(span.ms),
    ended: true,
    status: span.error ? { code: SpanStatusCode.ERROR, message: span.error } : { code: SpanStatusCode.UNSET },
    attributes: { 'pryx.plugin': span.plugin, 'pryx.kind': span.kind, 'pryx.trace': trace.trace },
    links: [],
    events: [],
    resource,
    instrumentationScope: { name: 'pryx' },
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  }
}

function hash(text: string, digits: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, digits)
}

function hrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1_000)
  return [seconds, Math.round((ms - seconds * 1_000) * 1_000_000)]
}
