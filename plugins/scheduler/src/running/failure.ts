// plugins/scheduler/src/running/failure.ts: what was thrown, and what was brought back, as text of bounded length.
import { MAX_ERROR_CHARS, MAX_RESULT_CHARS } from '../task.ts'

export function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, MAX_ERROR_CHARS)
}

/** As JSON; what is too long or no JSON is replaced by a note that says so. */
export function resultText(result: unknown): string | undefined {
  try {
    const text = JSON.stringify(result)
    if (text === undefined || text.length <= MAX_RESULT_CHARS) return text
    return JSON.stringify(`[result of ${text.length} characters, not kept: more than ${MAX_RESULT_CHARS}]`)
  } catch {
    return JSON.stringify('[result not kept: it is no JSON]')
  }
}
