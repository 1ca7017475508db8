// packages/pryx/src/terminal/error-text.ts: an error as people read it: what happened, its code, what to do. A stack only where the fault is ours.
import { type ErrorJson, errorToJson, PryxError } from '@pryx/kernel/contract'
import { type Style, safeLines } from './style.ts'

export function errorText(error: unknown, style: Style): string {
  const { code, message, hint } = errorToJson(error)
  const text = `${style.red('✖')} ${safeLines(message)} ${style.dim(`[${code}]`)}`
  return hint === undefined ? text : `${text}\n  ${style.cyan('→')} ${safeLines(hint)}`
}

/** For `--json`. */
export function errorJson(error: unknown): { error: ErrorJson } {
  return { error: errorToJson(error) }
}

/** True for a mistake or a trouble outside; false for a fault of the program itself. */
export function isExpected(error: unknown): boolean {
  return PryxError.is(error) || (error instanceof Error && typeof (error as NodeJS.ErrnoException).syscall === 'string')
}
