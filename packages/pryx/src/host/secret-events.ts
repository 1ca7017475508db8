// packages/pryx/src/host/secret-events.ts: tells on the bus that a secret is there or gone: `secret.kept.telegram.token`, `secret.removed.…`.
//   A plugin that is no use without its secret names the event in `activation`: it starts once there is one, and costs nothing before.
import type { Kernel } from '@pryx/kernel'
import { isEventName } from '@pryx/kernel/contract'

/** Names only, never values; a name that cannot stand in an event's is not told. */
export function tellSecret(kernel: Pick<Kernel, 'emit'>, what: 'kept' | 'removed', name: string): void {
  const event = `secret.${what}.${name}`
  if (isEventName(event)) void kernel.emit(event, { name })
}
