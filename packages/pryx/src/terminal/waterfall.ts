// packages/pryx/src/terminal/waterfall.ts: one request as a tree with a bar for when each part ran. Pure.
import type { SpanKind, TraceRecord, TraceSpan } from '@pryx/kernel/contract'
import { clockTime, type Style, safe } from './style.ts'

const BAR = 32 // characters
const WORDS: Record<SpanKind, string> = {
  request: 'asks',
  call: 'call',
  queue: 'waits',
  turn: 'turn',
  gate: 'gate',
  driver: 'driver',
}

/** One line about a whole trace. */
export function traceLine(trace: TraceRecord, style: Style): string {
  const error = trace.error ? ` ${style.red(safe(trace.error))}` : ''
  const parts = partsOf(trace).map(([kind, ms]) => `${WORDS[kind]} ${msText(ms)}`)
  return `${style.dim(clockTime(trace.at))} ${msText(trace.ms).padStart(9)} ${style.bold(safe(trace.name))} ${style.dim(`of ${safe(trace.plugin)}`)}${error}  ${style.dim(parts.join(' · '))}  ${style.cyan(safe(trace.trace))}`
}

/** The whole tree. */
export function traceText(trace: TraceRecord, style: Style): string {
  const rows = inOrder(trace).map(({ span, depth }) => ({
    left: `${'  '.repeat(depth)}${WORDS[span.kind]} ${safe(span.name)} ${style.dim(safe(span.plugin))}${span.error ? ` ${style.red(safe(span.error))}` : ''}`,
    width:
      depth * 2 +
      WORDS[span.kind].length +
      safe(span.name).length +
      safe(span.plugin).length +
      (span.error ? safe(span.error).length + 1 : 0) +
      2,
    span,
  }))
  const widest = Math.max(0, ...rows.map(({ width }) => width))
  const lines = rows.map(
    ({ left, width, span }) =>
      `${left}${' '.repeat(widest - width + 2)}${bar(span, trace.ms, style)} ${msText(span.ms).padStart(9)}`,
  )
  const left = trace.left > 0 ? [style.dim(`${trace.left} more parts were left out`)] : []
  return [traceLine(trace, style), ...lines, ...left].join('\n')
}

/** Parents before children, children by their beginning. */
export function inOrder({ spans }: TraceRecord): { span: TraceSpan; depth: number }[] {
  const children = Map.groupBy(spans, ({ parent }) => parent)
  const walk = (parent: number, depth: number): { span: TraceSpan; depth: number }[] =>
    (children.get(parent) ?? [])
      .toSorted((a, b) => a.startMs - b.startMs || a.id - b.id)
      .flatMap((span) => [{ span, depth }, ...walk(span.id, depth + 1)])
  return walk(0, 0)
}

/** Time spent in the parts that do something, summed. */
function partsOf({ spans }: TraceRecord): [SpanKind, number][] {
  return (['queue', 'turn', 'gate', 'driver'] as const).flatMap((kind) => {
    const ms = spans.reduce((sum, span) => sum + (span.kind === kind ? span.ms : 0), 0)
    return ms > 0 ? [[kind, ms] as [SpanKind, number]] : []
  })
}

function bar({ kind, startMs, ms }: TraceSpan, total: number, style: Style): string {
  const scale = BAR / Math.max(total, 0.001)
  const from = Math.min(BAR - 1, Math.floor(startMs * scale))
  const length = Math.max(1, Math.min(BAR - from, Math.round(ms * scale)))
  const colour =
    kind === 'turn' ? style.green : kind === 'driver' ? style.cyan : kind === 'gate' ? style.yellow : style.dim
  const sign = kind === 'request' || kind === 'call' ? '─' : kind === 'queue' ? '·' : '█'
  return `${style.dim('│')}${' '.repeat(from)}${colour(sign.repeat(length))}${' '.repeat(BAR - from - length)}${style.dim('│')}`
}

export function msText(ms: number): string {
  if (ms >= 1_000) return `${(ms / 1_000).toFixed(2)} s`
  return ms >= 10 ? `${ms.toFixed(1)} ms` : `${ms.toFixed(2)} ms`
}
