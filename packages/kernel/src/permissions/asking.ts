// packages/kernel/src/permissions/asking.ts: a call waits while the user is asked for what it needs (K5).
//   Q1  A lasting answer is recorded once, however many calls waited for it.
//   Q2  A no is felt before it is on disk, a yes after; what is taken back while it is being written is taken from the call too.
import type { Audit } from '../audit/audit.ts'
import type { Permission, PluginId } from '../contract/index.ts'
import type { ApprovalAnswer, Approvals } from './approvals.ts'
import type { Decision } from './decide.ts'
import { consentTo, type Grammars } from './grammar.ts'
import type { GrantScope, Where } from './grant.ts'
import type { Grants } from './grants.ts'
import type { Judge } from './judge.ts'
import type { Lease } from './lease.ts'
import { refused } from './refusal.ts'

export interface AskingOptions {
  approvals: Pick<Approvals, 'ask'>
  grants: Pick<Grants, 'add'>
  audit: Pick<Audit, 'append'>
  judge: Judge
  grammars: Grammars
  where: Where
}

interface Question {
  plugin: PluginId
  permission: Permission
  trace: string
}

/**
 * Asks the user for `permission` and stands the lease on it after a yes.
 *
 * @param verdict By which it must be asked for.
 * @throws PERMISSION_DENIED, PERMISSION_REVOKED, APPROVAL_TOO_MANY; why the lease ended, if it did first.
 */
export type Ask = (lease: Lease, permission: Permission, verdict: MustAsk, trace: string) => Promise<void>

type MustAsk = Extract<Decision, { kind: 'ask' }>

export function createAsking({ approvals, grants, audit, judge, grammars, where }: AskingOptions): Ask {
  const recorded = new WeakMap<ApprovalAnswer, Promise<unknown>>()
  return async (lease, permission, { declared, until }, trace) => {
    const { caller } = lease
    const { text, risk } = consentTo(grammars, permission)
    const question = { plugin: caller.plugin, permission, declared, sentence: text, risk, trace }
    const answered = lease.waitFor(permission)
    lease.lookAgain(until)
    const onAnswer = (given: ApprovalAnswer) => void record(question, given)
    const answer = await told().finally(answered)
    if (answer.answer === 'deny') throw refused(caller.plugin, permission, 'PERMISSION_DENIED', answer.by)
    const now = judge(caller, permission) // it may have been denied elsewhere meanwhile
    if (now.kind === 'deny') throw refused(caller.plugin, permission, now.code)
    const lasting = now.kind === 'allow' && now.grant.duration !== 'once'
    lease.standOn(permission, { once: !lasting, expiresAt: lasting ? now.until : Number.POSITIVE_INFINITY })

    /** Q2 */
    async function told(): Promise<ApprovalAnswer> {
      const given = await approvals.ask({ ...question, signal: lease.signal, onAnswer })
      if (given.answer === 'deny') answered()
      else await recorded.get(given)
      return given
    }
  }

  /** Audits an answer and, if it is to last, makes it a grant (Q1); as it is given, so that a later word overrules it. */
  function record({ plugin, permission, trace }: Question, answer: ApprovalAnswer): void {
    const { by, duration } = answer
    const outcome = answer.answer === 'allow' ? 'allowed' : 'denied'
    audit.append({ plugin, act: 'approval.answered', access: [permission], outcome, detail: { by, duration }, trace })
    if (duration === 'once') return
    const scope = scopeOf(answer.scope ?? 'workspace', where)
    const wanted = answer.permission ?? permission
    const saved = grants.add({ plugin, permission: wanted, mode: answer.answer, duration, scope, by })
    saved.catch(() => {}) // each asker is told
    recorded.set(answer, saved)
  }
}

function scopeOf(kind: GrantScope['kind'], where: Where): GrantScope {
  if (kind === 'host') return { kind }
  const key = where[kind]
  return key === undefined ? { kind: 'workspace', key: where.workspace } : { kind, key }
}
