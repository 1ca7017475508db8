// packages/pryx/src/chat/questions.ts: what plugins ask, answered in the conversation; the first answer on any surface wins (K5).
//   Q1  One question stands at a time. A line counts as its answer only if it is one, and the question stood for a moment before.
//   Q2  A question that was answered elsewhere leaves, and says by whom.
import { type PendingApproval, PryxError } from '@pryx/kernel/contract'
import type { JournalEvent } from '../host/journal.ts'
import { riskColour } from '../terminal/consent.ts'
import { type Style, safe } from '../terminal/style.ts'
import type { Host } from './wire.ts'

const DEAF_MS = 300 // a line sent as the question appeared was meant for something else

const ANSWERS: Record<string, { answer: 'allow' | 'deny'; span: 'once' | 'session' | 'forever' }> = {
  y: { answer: 'allow', span: 'once' },
  yes: { answer: 'allow', span: 'once' },
  s: { answer: 'allow', span: 'session' },
  a: { answer: 'allow', span: 'forever' },
  always: { answer: 'allow', span: 'forever' },
  n: { answer: 'deny', span: 'once' },
  no: { answer: 'deny', span: 'once' },
}

export interface Questions {
  /** What the prompt says while a question stands. */
  readonly prompt: string | undefined
  /** What waits already: at the start, and after the connection was lost. */
  look(): Promise<void>
  heard(event: JournalEvent): void
  /** True if `line` was an answer. */
  take(line: string): boolean
}

export interface QuestionsOptions {
  host: Pick<Host, 'approvals' | 'answer'>
  print(text: string): void
  /** Another question stands, or none. */
  onChange(): void
  style: Style
  now(): number
}

export function createQuestions({ host, print, onChange, style, now }: QuestionsOptions): Questions {
  const open = new Map<string, PendingApproval>()
  let standing: { id: string; since: number } | undefined
  return {
    get prompt() {
      return standing && `Allow?  ${style.bold('y')} once  ${style.bold('a')} always  ${style.bold('n')} no ›`
    },
    async look() {
      const waiting = await host.approvals()
      for (const id of open.keys()) if (!waiting.some((one) => one.id === id)) open.delete(id)
      for (const one of waiting) open.set(one.id, one)
      settle()
    },
    heard({ event, from, data }) {
      if (from !== 'kernel' || typeof data !== 'object' || data === null) return
      if (event === 'approval.needed') open.set((data as PendingApproval).id, data as PendingApproval)
      if (event === 'approval.resolved') resolved(data as { id: string; answer: string; by: string })
      settle()
    },
    take(line) {
      const said = ANSWERS[line.trim().toLowerCase()]
      const one = standing && open.get(standing.id)
      if (said === undefined || one === undefined || now() - standing!.since < DEAF_MS) return false // Q1
      open.delete(one.id)
      settle()
      host.answer(one.id, said.answer, said.span).then(
        () => print(style.dim(`  → ${said.answer === 'allow' ? `allowed (${said.span})` : 'denied'}`)),
        (error: unknown) => print(style.dim(`  → ${PryxError.is(error) ? safe(error.message) : safe(error)}`)),
      )
      return true
    },
  }

  /** Q2 */
  function resolved({ id, answer, by }: { id: string; answer: string; by: string }): void {
    if (!open.delete(id)) return
    const words =
      by === 'timeout'
        ? 'nobody answered in time, so it was denied'
        : by === 'withdrawn'
          ? 'it asks no more'
          : `${answer === 'allow' ? 'allowed' : 'denied'} by ${safe(by)}`
    print(style.dim(`  → ${words}`))
  }

  function settle(): void {
    if (standing && open.has(standing.id)) return
    const before = standing
    const next = open.values().next().value
    standing = next && { id: next.id, since: now() }
    if (next) print(`${riskColour(next.risk, style)('?')} ${questionText(next, style)}`)
    if (before !== standing) onChange()
  }
}

function questionText({ plugin, sentence, permission, risk }: PendingApproval, style: Style): string {
  return `${style.bold(safe(plugin))} wants to ${safe(sentence)}  ${style.dim(`${safe(permission)} · ${risk} risk`)}`
}
