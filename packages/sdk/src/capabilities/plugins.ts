// packages/sdk/src/capabilities/plugins.ts: the token of plugins: what is installed, and proposals to change it. `plugins:read`, `plugins:manage`.
import { defineService, type Permission, type PluginId, type Risk } from '@pryx/kernel/contract'

/** How far a package's origin was proved. */
export type PackageTrust = 'provenance' | 'signed' | 'unsigned' | 'local'

/** One plugin of pryx.json. */
export interface InstalledPlugin {
  id: PluginId
  /** As in pryx.json: `npm:NAME@RANGE`, `file:PATH`, or the path of a folder that is taken as it is. */
  source: string
  name?: string
  version?: string
  /** Of its tarball, as the registry names it. */
  integrity?: string
  trust?: PackageTrust
  /** Repository and commit that its provenance names. */
  provenance?: string
  /** Versions it can go back to, newest last. */
  previous: string[]
  /** Why it could not be loaded. */
  problem?: { message: string; hint?: string }
}

/** What a registry says of an installed plugin. */
export interface OutdatedPlugin {
  id: PluginId
  name: string
  version: string
  /** The newest version that its source allows and that is old enough; the one it has if there is none. */
  wanted: string
  /** The registry's `latest`. */
  latest: string
  /** False: the user named no version, so it moves only when told to. */
  follows: boolean
  /** The author's words about the version that is there. */
  deprecated?: string
  /** The version is not in the registry any more. */
  withdrawn?: boolean
  /** Why nothing could be found out. */
  problem?: string
}

/** A package fetched and proved, of which nothing has run: what the user decides about. */
export interface InstallPlan {
  plan: string
  plugin: PluginId
  name: string
  version: string
  description: string
  /** The version that is there now. */
  before?: string
  trust: PackageTrust
  provenance?: string
  /** What it asks for; `text` goes on from "It may …". */
  lines: readonly { permission: Permission; text: string; risk: Risk }[]
  /** What is risky about the combination. */
  warnings: readonly { text: string; risk: Risk }[]
  /** What the version before did not ask for. An update grants all of it, or is not taken. */
  wider: readonly Permission[]
  /** What to know before deciding, in plain words. */
  notes: readonly string[]
  /** What its changelog says of this version. */
  releaseNotes?: string
}

/** Installs in the user's name: a plan is proposed, the user answers on a surface that is not the proposer's. */
export interface Plugins {
  installed(): Promise<InstalledPlugin[]>
  outdated(): Promise<OutdatedPlugin[]>
  /** The last log lines, oldest first. */
  logs(plugin: PluginId): Promise<{ at: number; level: string; text: string; place?: string }[]>
  /** Where the user answers questions that the asking plugin may not answer itself: this URL with the question's id after it. */
  window(): Promise<string>
  /** Fetches and proves; changes nothing. @param spec `NAME[@RANGE]`, or the path of a folder or tarball. */
  plan(spec: string): Promise<InstallPlan>
  /** As `plan`, for the newest version that an installed plugin's source allows. */
  planUpdate(plugin: PluginId): Promise<InstallPlan>
  /**
   * Asks the user, then installs.
   *
   * @param allow What of the plan is granted at once; the rest is asked at first use.
   * @throws PLAN_UNKNOWN, PERMISSION_DENIED if the user said no; what starting it threw, and then the version before goes on
   */
  apply(plan: string, allow: readonly Permission[]): Promise<void>
  /** Goes back to the version before. @throws ROLLBACK_NOTHING */
  rollback(plugin: PluginId): Promise<void>
  remove(plugin: PluginId, options: { keepData: boolean }): Promise<void>
}

export const Plugins = defineService<Plugins>('plugins', '1.0.0')
