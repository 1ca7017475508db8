// @pryx/capabilities: the drivers of the microkernel. A host takes them all, leaves some out, or adds its own.

export type { HttpOptions, HttpServerCapability, Listening } from './http/http.ts'
export { createHttpServerCapability } from './http/http.ts'
export type { NodeCapabilities, NodeCapabilitiesOptions } from './node.ts'
export { nodeCapabilities } from './node.ts'
export type { KeySource } from './secrets/key.ts'
export { createKeyFile, createPassphraseKey } from './secrets/key.ts'
export { createSecretsCapability } from './secrets/secrets.ts'
export type { Secrets } from './secrets/vault.ts'
export { openSecrets, SHARED } from './secrets/vault.ts'
export type { StorageIncident, StorageOptions } from './storage/storage.ts'
export { createMemoryStorage, createStorageCapability } from './storage/storage.ts'
