// plugins/web/page/trace-tree.ts: the parts of one request in the order they are drawn. Pure.
import type { SpanKind, TraceRecord, TraceSpan } from '@pryx/sdk'

export const KINDS: Readonly<Record<SpanKind, { word: string; means: string }>> = {
  request: { word: 'asks', means: 'a plugin asked the kernel for something, until its answer' },
  call: { word: 'call', means: 'a call into a plugin, until its answer' },
  queue: { word: 'waits', means: 'until the plugin had its turn' },
  turn: { word: 'turn', means: 'the plugin at work' },
  gate: { word: 'gate', means: 'whether it may, with your answer if you were asked' },
  driver: { word: 'driver', means: 'a capability at work' },
}

/** The kinds that take time themselves; the others hold them. */
export const WORK = ['queue', 'turn', 'gate', 'driver'] as const satisfies readonly SpanKind[]

export interface Branch {
  span: TraceSpan
  depth: number
}

/** Parents before children, children by their beginning. A part whose parent was left out stands at the root. */
export function branchesOf({ spans }: Pick<TraceRecord, 'spans'>): Branch[] {
  const known = new Set(spans.map(({ id }) => id))
  const children = new Map<number, TraceSpan[]>()
  for (const span of spans) {
    const parent = known.has(span.parent) ? span.parent : 0
    children.set(parent, [...(children.get(parent) ?? []), span])
  }
  const walk = (parent: number, depth: number): Branch[] =>
    [...(children.get(parent) ?? [])]
      .sort((a, b) => a.startMs - b.startMs || a.id - b.id)
      .flatMap((span) => [{ span, depth }, ...walk(span.id, depth + 1)])
  return walk(0, 0)
}

/** Where its bar lies, in percent of the whole; never too thin to see. */
export function barOf(
  { startMs, ms }: Pick<TraceSpan, 'startMs' | 'ms'>,
  wholeMs: number,
): { left: number; width: number } {
  const scale = 100 / Math.max(wholeMs, 0.001)
  const left = Math.min(99.4, Math.max(0, startMs * scale))
  return { left, width: Math.min(100 - left, Math.max(0.6, ms * scale)) }
}
