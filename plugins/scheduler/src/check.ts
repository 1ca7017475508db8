// plugins/scheduler/src/check.ts: a task that is being written, judged without being kept: what is wrong, and in which field (S14).
import { PryxError } from '@pryx/sdk'
import { readSpec } from './reading.ts'
import type { Problem } from './service.ts'
import { type FullSpec, taskSpecSchema } from './task.ts'

const MAX_PROBLEMS = 20

export type Judged = { problems: Problem[]; spec?: FullSpec }

/** What each kind of refusal is about. */
const ABOUT: Record<string, string> = {
  TASK_PHRASE: 'trigger.text',
  TASK_NEVER: 'trigger',
  TASK_FLOW: 'action.flow',
  TASK_NAME_TAKEN: 'name',
  TASK_REFUSED: 'action',
}

export function judge(given: unknown, now: number, timeZone: string): Judged {
  const shape = taskSpecSchema.safeParse(given)
  if (!shape.success)
    return {
      problems: shape.error.issues
        .slice(0, MAX_PROBLEMS)
        .map((issue) => ({ path: issue.path.map(String).join('.'), message: messageOf(issue) })),
    }
  try {
    return { problems: [], spec: readSpec(given, now, timeZone) }
  } catch (error) {
    return { problems: [problemOf(error, given)] }
  }
}

/** The commonest in plain words. */
function messageOf(issue: { code?: string; message: string; minimum?: unknown; origin?: string }): string {
  const empty = issue.code === 'too_small' && issue.origin === 'string' && issue.minimum === 1
  return empty ? 'This must not be empty.' : issue.message
}

/** A refusal as a problem at its field; what is no refusal is thrown on. */
export function problemOf(error: unknown, given: unknown): Problem {
  if (!PryxError.is(error) || !error.code.startsWith('TASK_')) throw error
  const { code, message, hint } = error
  const path = placeOf(code, given)
  return { path, message, ...(hint !== undefined && { hint }) }
}

function placeOf(code: string, given: unknown): string {
  const { trigger } = given as { trigger?: { kind?: string } }
  if (code === 'TASK_EXPRESSION') {
    if (trigger?.kind === 'predicate') return 'trigger.expression'
    return trigger?.kind === 'event' ? 'trigger.where' : 'action'
  }
  if (code === 'TASK_INVALID' && trigger?.kind === 'cron') return 'trigger.expression'
  if (code === 'TASK_PHRASE' && trigger?.kind !== 'phrase') return 'trigger'
  return ABOUT[code] ?? ''
}
