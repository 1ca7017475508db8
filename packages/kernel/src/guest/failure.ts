// packages/kernel/src/guest/failure.ts: anything thrown, as a plain bounded error, made inside the guest and inside its timed turn.
//   F1  Never throws: getters, proxies and a `toString` that throw end as "unreadable error".
//   F2  What comes out is text and numbers only, so nothing of the guest runs when it is turned into JSON later.
import { type ErrorJson, errorToJson } from '../contract/errors.ts'

const MAX_STACK = 8_192 // characters
const UNREADABLE: ErrorJson = Object.freeze({ name: 'Error', code: 'ERROR', message: 'unreadable error' })

/** The wire form of anything thrown, with the guest's own stack for the kernel to source-map. */
export function failureToJson(error: unknown): ErrorJson {
  try {
    return describe(error)
  } catch {
    return { ...UNREADABLE } // F1
  }
}

/** As `failureToJson`, short enough for any message limit. */
export function shortFailure(error: unknown): ErrorJson {
  const { name, code, message } = failureToJson(error)
  return { name: text(name, 64), code, message: text(message, 200) }
}

function describe(error: unknown): ErrorJson {
  const found = errorToJson(error)
  const json: ErrorJson = {
    name: text(found.name, 64) || 'Error',
    code: text(found.code, 64) || 'ERROR',
    message: text(found.message, 4_096),
  }
  if (found.hint !== undefined) json.hint = text(found.hint, 4_096)
  if (found.details !== undefined) json.details = found.details
  const stack = (error as { stack?: unknown } | null | undefined)?.stack
  if (typeof stack === 'string') json.stack = text(stack, MAX_STACK)
  return json
}

/** F2: whatever is not a string counts as none. */
function text(value: unknown, max: number): string {
  return typeof value === 'string' ? value.slice(0, max) : ''
}
