// packages/kernel/src/node/guest-context.ts: the context a guest lives in.
import { setFlagsFromString } from 'node:v8'
import type ivmTypes from 'isolated-vm'

const COMPACT_MS = 1_000

/**
 * A context, and a way to collect its isolate's garbage. V8 shows `gc` only to contexts made while a flag is set; the guest's own
 * reference is taken away before any of its code runs.
 */
export function openContext(
  isolate: ivmTypes.Isolate,
  inspector: boolean,
): { context: ivmTypes.Context; compactHeap(): Promise<unknown> } {
  setFlagsFromString('--expose-gc')
  const context = isolate.createContextSync({ inspector })
  setFlagsFromString('--no-expose-gc')
  const collect = context.global.getSync('gc', { reference: true }) as ivmTypes.Reference<(options: object) => void>
  context.evalSync('globalThis.gc = undefined')
  const options = { type: 'major', execution: 'sync', flavor: 'last-resort' }
  return {
    context,
    compactHeap: () => collect.apply(undefined, [options], { arguments: { copy: true }, timeout: COMPACT_MS }),
  }
}
