// packages/capabilities/src/node.ts: all drivers on Node, in one call.
import { createDesktopCapability } from './desktop/desktop.ts'
import { createEnvCapability } from './env/env.ts'
import { createFsCapability, type FsOptions } from './fs/fs.ts'
import { createHttpServerCapability, type HttpOptions } from './http/http.ts'
import { createNetCapability, type NetOptions } from './net/net.ts'
import { createProcessCapability, type ProcessOptions } from './process/process.ts'
import { createSecretsCapability } from './secrets/secrets.ts'
import type { Secrets } from './secrets/vault.ts'
import { createShellCapability } from './shell/shell.ts'
import { createStorageCapability, type StorageOptions } from './storage/storage.ts'
import { createSystemCapability } from './system/system.ts'

export interface NodeCapabilitiesOptions {
  /** The opened vault; it stays the host's. */
  secrets: Secrets
  storage?: StorageOptions
  http?: HttpOptions
  net?: NetOptions
  /** Name the host's own folders in `guarded`, so that no grant opens them. */
  fs?: FsOptions
  process?: ProcessOptions
}

export type NodeCapabilities = ReturnType<typeof nodeCapabilities>

/** Every capability by its name: `Object.values(…)` is what a kernel takes, `.http.listen()` is the host's to call. */
export function nodeCapabilities(options: NodeCapabilitiesOptions) {
  return {
    storage: createStorageCapability(options.storage),
    secrets: createSecretsCapability(options.secrets),
    http: createHttpServerCapability(options.http),
    net: createNetCapability(options.net),
    fs: createFsCapability(options.fs),
    shell: createShellCapability(),
    process: createProcessCapability(options.process),
    system: createSystemCapability(),
    env: createEnvCapability(),
    desktop: createDesktopCapability(),
  }
}
