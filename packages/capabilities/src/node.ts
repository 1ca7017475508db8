// packages/capabilities/src/node.ts: all drivers on Node, in one call.
import { createHttpServerCapability, type HttpOptions } from './http/http.ts'
import { createSecretsCapability } from './secrets/secrets.ts'
import type { Secrets } from './secrets/vault.ts'
import { createStorageCapability, type StorageOptions } from './storage/storage.ts'

export interface NodeCapabilitiesOptions {
  /** The opened vault; it stays the host's. */
  secrets: Secrets
  storage?: StorageOptions
  http?: HttpOptions
}

export type NodeCapabilities = ReturnType<typeof nodeCapabilities>

/** Every capability by its name: `Object.values(…)` is what a kernel takes, `.http.listen()` is the host's to call. */
export function nodeCapabilities(options: NodeCapabilitiesOptions) {
  return {
    storage: createStorageCapability(options.storage),
    secrets: createSecretsCapability(options.secrets),
    http: createHttpServerCapability(options.http),
  }
}
