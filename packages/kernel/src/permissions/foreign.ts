// packages/kernel/src/permissions/foreign.ts: what a driver throws, as the guest may see it (K4).
//   X1  No stack and no cause crosses; the code of the platform (ENOENT) does.
//   X2  A path of the host stays out, unless the plugin itself named it.
import { CapabilityError, PryxError } from '../contract/index.ts'

const MAX_MESSAGE = 512 // characters

// An absolute path: not the middle of a word, of a URL or of a longer path.
const HOST_PATH = /(?:file:\/\/|(?<![\w:/.~-]))(?:\/[^\s'"`,;)]+|[A-Za-z]:\\[^\s'"`,;)]+)/g

/** The error for the guest. Errors of Pryx are meant for it and pass as they are. `args` is what it asked with. */
export function foreignError(error: unknown, act: string, args: unknown): PryxError {
  if (PryxError.is(error)) return error
  const { code, message } = described(error)
  const text = withoutHostPaths(message.slice(0, MAX_MESSAGE), named(args))
  return new CapabilityError(code, `${act}: ${text}`, { act })
}

function described(error: unknown): { code: string; message: string } {
  if (!(error instanceof Error)) return { code: 'CAPABILITY_FAILED', message: String(error) }
  const { code } = error as { code?: unknown }
  const inner = error.cause instanceof Error ? described(error.cause) : undefined // fetch hides ECONNREFUSED in its cause
  if (typeof code === 'string') return { code, message: error.message }
  return {
    code: inner?.code ?? 'CAPABILITY_FAILED',
    message: inner && inner.code !== 'CAPABILITY_FAILED' ? inner.message : error.message,
  }
}

function withoutHostPaths(message: string, asked: string): string {
  return message.replace(HOST_PATH, (path) => (asked.includes(path) ? path : '(path)')) // X2
}

/** All text in the arguments, to look paths up in. */
function named(args: unknown): string {
  if (typeof args === 'string') return args
  if (
    !Array.isArray(args) &&
    (typeof args !== 'object' || args === null || Object.getPrototypeOf(args) !== Object.prototype)
  )
    return ''
  return Object.values(args).map(named).join('\n')
}
