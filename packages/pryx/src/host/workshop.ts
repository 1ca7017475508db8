// packages/pryx/src/host/workshop.ts: what an install needs, put together for a host or a command.
import { dirname } from 'node:path'
import type { Workshop } from '../install/candidate.ts'
import { createRegistry, type Registry } from '../registry/registry.ts'
import { readSettings } from '../registry/settings.ts'
import { createBundleVerifier, type VerifyBundle } from '../registry/trust.ts'
import type { HostConfig } from './config.ts'
import type { PackageSources } from './packages.ts'

export interface WorkshopOptions {
  /** Its address. Default: as the user's settings say. */
  registry?: string | undefined
  /** Asks it. Default: made here. */
  ask?: Registry | undefined
  verifyBundle?: VerifyBundle
  now?: () => number
  stallMs?: number
}

export function createWorkshop(
  { file }: Pick<HostConfig, 'file'>,
  { store, policy, judge, place, project }: PackageSources,
  { registry, ask, verifyBundle = createBundleVerifier(), now = Date.now, stallMs }: WorkshopOptions = {},
): Workshop {
  const settings = readSettings({ registry })
  return {
    store,
    policy,
    judge,
    place,
    verifyBundle,
    now,
    folder: dirname(file),
    registry: ask ?? createRegistry({ settings, ...(stallMs !== undefined && { stallMs }) }),
    registryOf: settings.registryOf,
    installed: () => project.read().lock.plugins,
  }
}
