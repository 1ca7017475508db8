// plugins/agent/src/prompt/window.ts: how full a model's window is, and where a log that fills it can be cut (M1, M2). Pure.
//   W1  A cut never parts a tool's request from its outcome: what is kept begins with a message or a run.
//   W2  It takes at least a fifth of the messages that no summary stands for yet, and as little more as W1 allows.
import type { SessionEvent } from '@pryx/plugin-sessions/service'

const SHARE = 0.2

/** Tokens of the last prompt and its answer, and whose window they fill; undefined where nothing is known since the last summary. */
export function lastFilled(log: readonly SessionEvent[]): { model: string; tokens: number } | undefined {
  const last = log.findLast((event) => event.kind === 'summary' || (event.kind === 'message' && isAnswer(event)))
  if (last?.kind !== 'message') return undefined
  const { model, inputTokens = 0, outputTokens = 0 } = last.body
  return model === undefined ? undefined : { model, tokens: inputTokens + outputTokens }
}

/** What is to be summed up; undefined if nothing can be cut. */
export function oldestPart(log: readonly SessionEvent[]): { upTo: number; messages: number } | undefined {
  const from = summedUpTo(log)
  const rest = log.filter(({ version, kind }) => version > from && kind !== 'summary')
  const wanted = Math.ceil(rest.filter(({ kind }) => kind === 'message').length * SHARE)
  const open = new Set<string>()
  let messages = 0
  for (const [i, event] of rest.entries()) {
    const before = rest[i - 1]
    if (before && wanted > 0 && messages >= wanted && open.size === 0 && isStart(event))
      return { upTo: before.version, messages } // W1 W2
    if (event.kind === 'message') messages++
    if (event.kind === 'tool.requested') open.add(event.body.call)
    if (event.kind === 'tool.completed') open.delete(event.body.call)
  }
  return undefined
}

/** The entries up to this version have a summary in their place. */
export function summedUpTo(log: readonly SessionEvent[]): number {
  const summary = log.findLast(({ kind }) => kind === 'summary')
  return summary?.kind === 'summary' ? summary.body.upTo : 0
}

function isAnswer(event: SessionEvent): boolean {
  return event.kind === 'message' && event.body.role === 'assistant'
}

function isStart({ kind }: SessionEvent): boolean {
  return kind === 'message' || kind === 'run.started'
}
