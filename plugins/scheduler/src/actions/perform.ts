// plugins/scheduler/src/actions/perform.ts: does one deed. The kernel's gate judges each act; what it refuses is the deed's failure.
import { UsageError } from '@pryx/sdk'
import type { Usage } from '../money/usage.ts'
import { type Hands, usageOf } from '../ports.ts'
import type { Deed } from './action.ts'

const SAID_CHARS = 1_500

export interface Done {
  output: unknown
  usage?: Usage | undefined
  /** A notice the deed asks for; whoever keeps the books raises it. */
  notice?: { title: string; text: string; level: 'info' | 'warning' | 'error' }
}

export interface Circumstances {
  signal: AbortSignal
  /** The same for every try of the same deed: receivers can tell a repetition by it. */
  key: string
  /** Which try it is, from 1. Who has answered with an error is asked anew in the next; who was cut off is asked for the same. */
  attempt: number
  /** Of the task: what it says to the user is under this name unless it has a title. */
  name: string
  /** When nobody waits any more, ms. */
  timeoutMs: number
  /** What a prompt may cost at most, US dollars. */
  maxCostUsd?: number | undefined
}

/** @throws whatever the deed fails with. */
export async function perform(
  deed: Deed,
  hands: Hands,
  { signal, key, attempt, timeoutMs, maxCostUsd, name }: Circumstances,
): Promise<Done> {
  switch (deed.kind) {
    case 'tool':
      return { output: await hands.callTool(deed.name, deed.input, signal) }
    case 'shell': {
      const { command, args, cwd } = deed
      return {
        output: exited(
          await hands.callTool('shell.run', { command, args, ...(cwd !== undefined && { cwd }) }, signal),
          command,
        ),
      }
    }
    case 'http': {
      const { url, method, headers, body } = deed
      const keyed = method === 'GET' || method === 'HEAD' ? headers : { 'idempotency-key': key, ...headers }
      return { output: answered(await hands.callTool('http.request', { url, method, headers: keyed, body }, signal)) }
    }
    case 'prompt': {
      const { text, model, session } = deed
      const answer = await hands.prompt(
        {
          text,
          key: `${key}#${attempt}`,
          timeoutMs,
          ...(model !== undefined && { model }),
          ...(session !== undefined && { session }),
          ...(maxCostUsd !== undefined && { maxCostUsd }),
        },
        signal,
      )
      return { output: { text: answer.text }, usage: usageOf(answer) }
    }
    case 'emit':
      await hands.emit(`flow.${deed.name}`, { key, payload: deed.payload })
      return { output: null }
    case 'notify':
      return { output: null, notice: { title: deed.title ?? name, text: deed.text, level: deed.level } }
  }
}

/** A program that fails is a failed deed. */
function exited(result: unknown, command: string): unknown {
  const ended = (result ?? {}) as { exitCode?: number; signal?: string; stdout?: string; stderr?: string }
  const { exitCode, signal, stdout = '', stderr = '' } = ended
  if (exitCode === 0) return result
  const said = [stdout.slice(-SAID_CHARS), stderr.slice(-SAID_CHARS)].filter(Boolean).join('\n') // test runners tell on either
  throw new UsageError('TASK_COMMAND_FAILED', `${command} ended with ${signal ?? `exit code ${exitCode}`}: ${said}`, {
    found: exitCode ?? signal,
  })
}

function answered(result: unknown): unknown {
  const { status } = (result ?? {}) as { status?: number }
  if (typeof status === 'number' && status < 400) return result
  throw new UsageError('TASK_HTTP_FAILED', `the server answered with ${status}`, { found: status })
}
