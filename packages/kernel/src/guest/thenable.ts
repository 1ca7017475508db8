// packages/kernel/src/guest/thenable.ts: is an answer still to come? Reading `then` may run plugin code: call it where a throw is caught.
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}
