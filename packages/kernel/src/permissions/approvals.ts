// packages/kernel/src/permissions/approvals.ts: questions to the user, asked on every surface at once (K5).
//   A1  A question has exactly one outcome: the first answer, its time-out, or its withdrawal.
//   A2  Equal questions (plugin and permission) are one question; each asker gets the same answer object.
//   A3  No answer in time means deny.
//   A4  What waits is bounded, in all and per plugin; beyond it the asker is refused at once.
//   A5  An answer counts from the moment it is given, not from when its asker gets round to it.
import {
  type Consent,
  type Permission,
  PermissionError,
  type PluginId,
  type Release,
  UsageError,
} from '../contract/index.ts'
import type { Clock, Ids } from '../powers.ts'
import type { Duration, GrantScope } from './grant.ts'

const TIMEOUT_MS = 300_000
const MAX_PENDING = 100
const MAX_PENDING_PER_PLUGIN = 25
const MAX_REMEMBERED = 1_000 // answered questions, to tell a late surface who was first

export interface Question {
  readonly plugin: PluginId
  /** Exactly what is wanted now, in normal form. */
  readonly permission: Permission
  /** The wider permission of the manifest that covers it: an answer may be for that one instead. */
  readonly declared?: Permission | undefined
  /** Goes on from "It wants to …". */
  readonly sentence: string
  readonly risk: Consent['risk']
  readonly trace: string
}

export interface Approval extends Question {
  readonly id: string
  /** Both epoch ms. */
  readonly askedAt: number
  readonly expiresAt: number
}

export interface ApprovalAnswer {
  readonly answer: 'allow' | 'deny'
  readonly duration: Duration
  /** The surface or user that answered; `timeout` or `withdrawn` if none did. */
  readonly by: string
  /** What is granted or denied if not for once: the permission asked for (default) or the declared one. */
  readonly permission?: Permission | undefined
  /** Where a lasting answer holds. Default: the workspace. */
  readonly scope?: GrantScope['kind'] | undefined
}

export interface AskOptions {
  signal?: AbortSignal | undefined
  /**
   * Told the answer as it is given, so that what follows from it takes its place before whatever the user says next (A5).
   * Of equal questions the first one's. Must not throw.
   */
  onAnswer?: ((answer: ApprovalAnswer) => void) | undefined
}

export interface Approvals {
  /**
   * Asks and waits for the answer. Without a listener left (every asker's signal aborted) the question is withdrawn.
   *
   * @throws APPROVAL_TOO_MANY at the bound; the reason of `signal` if it aborts.
   */
  ask(question: Question & AskOptions): Promise<ApprovalAnswer>
  /** Oldest first. */
  pending(): readonly Approval[]
  /** For how long questions about `plugin` have waited until now, in all: ms, at any moment counted once. */
  waitedMs(plugin: PluginId): number
  /** Gives the answer. @throws APPROVAL_RESOLVED telling who was first; APPROVAL_UNKNOWN; APPROVAL_ANSWER for a foreign permission. */
  resolve(id: string, answer: ApprovalAnswer): void
}

export interface ApprovalsOptions {
  clock: Clock
  ids: Ids
  onNeeded?: (approval: Approval) => void
  onResolved?: (approval: Approval, answer: ApprovalAnswer) => void
  timeoutMs?: number
}

interface Open {
  readonly approval: Approval
  readonly askers: Set<(answer: ApprovalAnswer) => void>
  readonly stopTimer: Release
  readonly onAnswer: AskOptions['onAnswer']
}

/** Questions about a plugin that are open, since when (epoch ms), and how long some were before that. */
interface Wait {
  open: number
  since: number
  ms: number
}
const NO_WAIT: Wait = { open: 0, since: 0, ms: 0 }

export function createApprovals(options: ApprovalsOptions): Approvals {
  const { clock, ids, onNeeded = () => {}, onResolved = () => {}, timeoutMs = TIMEOUT_MS } = options
  const open = new Map<string, Open>()
  const byQuestion = new Map<string, string>()
  const answered = new Map<string, ApprovalAnswer>()
  const waits = new Map<PluginId, Wait>()
  return {
    async ask({ signal, onAnswer, ...question }) {
      signal?.throwIfAborted()
      const asked = open.get(byQuestion.get(keyOf(question)) ?? '') ?? begin(question, onAnswer) // A2
      return waitFor(asked, signal)
    },
    pending: () => [...open.values()].map((entry) => entry.approval),
    waitedMs(plugin) {
      const { ms, open: waiting, since } = waits.get(plugin) ?? NO_WAIT
      return ms + (waiting > 0 ? clock.now() - since : 0)
    },
    resolve(id, answer) {
      const entry = open.get(id)
      if (entry === undefined) throw alreadyGone(id)
      if (
        answer.permission !== undefined &&
        answer.permission !== entry.approval.permission &&
        answer.permission !== entry.approval.declared
      )
        throw foreignPermission(entry.approval, answer.permission)
      settle(entry, answer)
    },
  }

  function begin(question: Question, onAnswer: AskOptions['onAnswer']): Open {
    refuseFlood(question)
    const now = clock.now()
    const approval: Approval = { ...question, id: ids.next('approval'), askedAt: now, expiresAt: now + timeoutMs }
    const stopTimer = clock.after(timeoutMs, () => settle(entry, { answer: 'deny', duration: 'once', by: 'timeout' })) // A3
    const entry: Open = { approval, askers: new Set(), stopTimer, onAnswer }
    open.set(approval.id, entry)
    countWait(approval.plugin, 1)
    byQuestion.set(keyOf(approval), approval.id)
    queueMicrotask(() => open.has(approval.id) && onNeeded(approval)) // the asker waits already: an answer may come within the call
    return entry
  }

  function waitFor(entry: Open, signal: AbortSignal | undefined): Promise<ApprovalAnswer> {
    return new Promise((resolve, reject) => {
      const asker = (answer: ApprovalAnswer) => {
        signal?.removeEventListener('abort', leave)
        resolve(answer)
      }
      const leave = () => {
        entry.askers.delete(asker)
        reject(signal?.reason)
        if (entry.askers.size === 0) settle(entry, { answer: 'deny', duration: 'once', by: 'withdrawn' })
      }
      entry.askers.add(asker)
      signal?.addEventListener('abort', leave, { once: true })
    })
  }

  function settle(entry: Open, answer: ApprovalAnswer): void {
    const { approval, askers, stopTimer } = entry
    if (!open.delete(approval.id)) return // A1
    countWait(approval.plugin, -1)
    void stopTimer()
    byQuestion.delete(keyOf(approval))
    remember(approval.id, answer)
    if (answer.by !== 'withdrawn') entry.onAnswer?.(answer) // A5
    for (const asker of [...askers]) asker(answer)
    onResolved(approval, answer)
  }

  function countWait(plugin: PluginId, step: 1 | -1): void {
    const { ms, open: before, since } = waits.get(plugin) ?? NO_WAIT
    const now = clock.now()
    const waiting = before + step
    waits.set(plugin, {
      open: waiting,
      since: before === 0 ? now : since,
      ms: waiting === 0 ? ms + now - since : ms,
    })
  }

  function remember(id: string, answer: ApprovalAnswer): void {
    answered.set(id, answer)
    for (const oldest of answered.keys()) {
      if (answered.size <= MAX_REMEMBERED) return
      answered.delete(oldest)
    }
  }

  function refuseFlood({ plugin, permission }: Question): void {
    const own = [...open.values()].filter((entry) => entry.approval.plugin === plugin).length
    if (open.size < MAX_PENDING && own < MAX_PENDING_PER_PLUGIN) return
    throw new PermissionError(
      'APPROVAL_TOO_MANY',
      `${plugin} may not use ${permission}: too many questions wait for the user already`,
      {
        plugin,
        access: permission,
        max: open.size < MAX_PENDING ? MAX_PENDING_PER_PLUGIN : MAX_PENDING,
        hint: 'Answer the waiting questions, then try again.',
      },
    ) // A4
  }

  function alreadyGone(id: string): PermissionError | UsageError {
    const first = answered.get(id)
    if (first === undefined)
      return new UsageError('APPROVAL_UNKNOWN', `there is no question "${id}"`, {
        found: id,
        hint: '`pryx approvals` lists what waits.',
      })
    return new PermissionError('APPROVAL_RESOLVED', `${first.by} has answered already: ${first.answer}`, {
      by: first.by,
      answer: first.answer,
      hint: 'Nothing is left to do; change the grant to decide otherwise.',
    })
  }
}

function keyOf({ plugin, permission }: Question): string {
  return JSON.stringify([plugin, permission])
}

function foreignPermission({ permission, declared }: Approval, found: Permission): UsageError {
  const expected = [permission, declared].filter(Boolean).join(' or ')
  return new UsageError('APPROVAL_ANSWER', `the question was about ${expected}, not ${found}`, {
    found,
    expected,
    hint: `Answer for ${expected}.`,
  })
}
