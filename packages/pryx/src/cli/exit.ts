// packages/pryx/src/cli/exit.ts: how the command ends.
import { PryxError } from '@pryx/kernel/contract'

export const EXIT = {
  ok: 0,
  /** It was understood and did not work. */
  failure: 1,
  /** It was not understood. */
  usage: 2,
  /** It needs a running host, and there is none. */
  noHost: 3,
  /** Ctrl-C. */
  interrupted: 130,
} as const

export function exitCodeOf(error: unknown): number {
  if (PryxError.is(error, 'INTERRUPTED')) return EXIT.interrupted
  if (PryxError.is(error, 'HOST_DOWN')) return EXIT.noHost
  return PryxError.is(error) && error.code.startsWith('USAGE_') ? EXIT.usage : EXIT.failure
}
