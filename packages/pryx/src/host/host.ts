// packages/pryx/src/host/host.ts: the reference host: a kernel with drivers, plugins from pryx.json, a control socket, a lock.
//   H1  One host per data folder; the lock is taken before anything is read or written there.
//   H2  The port is ours before any plugin's code runs: a taken port costs nothing.
//   H3  A plugin that cannot be taken in is reported and kept in `broken`; it stops no other.
//   H5  Whoever asks for a reload, the package is proved again: its files against the store, its rights against the policy.
//   H4  The end is bounded: what has not ended by itself after STOP_MS is ended by SIGKILL, and no process is left.
import { existsSync, mkdirSync, realpathSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type Login, reapLeftovers, sessionOf } from '@pryx/capabilities'
import { type ConsentPrompt, createKernel, type NodeKernel, type PluginPackage } from '@pryx/kernel'
import {
  CapabilityError,
  type ErrorJson,
  errorToJson,
  type PluginId,
  type PluginPlace,
  UsageError,
} from '@pryx/kernel/contract'
import { createControl } from '../control/control.ts'
import { openControlServer } from '../control/server.ts'
import { openPolicy, policyFiles } from '../policy/policy.ts'
import { openProjectFiles } from '../store/project.ts'
import { openStore, storeRoot } from '../store/store.ts'
import type { HostConfig, PluginEntry } from './config.ts'
import { createConsentWindow } from './consent-window.ts'
import { createDesk } from './desk.ts'
import { openDrivers, openVault, processRecords } from './drivers.ts'
import { forgetPlugin } from './forget.ts'
import { type Consented, createInstalls, type Installs } from './installs.ts'
import { createJournal, type Journal } from './journal.ts'
import { lockFolder } from './lock.ts'
import { openLogins } from './logins.ts'
import { openEntryPackage, type PackageSources } from './packages.ts'
import { createPluginsCapability } from './plugins-capability.ts'
import { tellSecret } from './secret-events.ts'
import { createSetupForms } from './setup-forms.ts'
import { openSwitches, type Switches } from './switches.ts'

const STOP_MS = 2_400 // of the 3 s a quit may take (N2)
const GONE_STEP_MS = 5 // between looks whether the ended processes are gone
const GONE_TRIES = 40

/** Damage that was found and put aside. */
export interface Incident {
  what: string
  /** Where it lies now. */
  kept?: string
}

export interface BrokenPlugin {
  id: PluginId
  folder: string
  error: ErrorJson
}

export interface HostOptions {
  config: HostConfig
  /** As in `createKernel`. */
  consent?: ConsentPrompt | 'declared' | undefined
  /** Told of what `declared` granted. */
  onConsent?(plugin: PluginId, granted: readonly string[]): void
  /** Plugins that a debugger may attach to. */
  inspect?: ReadonlySet<PluginId> | undefined
  /** Folder of installed packages. Default: the user's. */
  store?: string | undefined
  /** A policy.json beside the machine's and the user's. */
  policy?: string | undefined
  /** Registry that the host's pages install from. Default: the user's. */
  registry?: string | undefined
  onIncident?(incident: Incident): void
  /** Told of each plugin that could not be taken in. */
  onBroken?(plugin: BrokenPlugin): void
}

export interface Host extends AsyncDisposable {
  readonly kernel: NodeKernel
  readonly config: HostConfig
  readonly url: string
  readonly login: Login
  /** A new link that opens the pages once, in the browser that opens it. */
  link(): { link: string; expiresAt: number }
  /** Plugins of the configuration that could not be taken in, by id. */
  readonly broken: ReadonlyMap<PluginId, BrokenPlugin>
  readonly journal: Journal
  readonly installs: Installs
  /** Takes the configured plugins in; resolves when each has started, failed, or waits for something. Never rejects. */
  start(): Promise<void>
  /** Reads the plugin's folder again and swaps it in; takes it in if that failed before. @throws PLUGIN_UNKNOWN; what opening or starting it threw */
  reload(plugin: PluginId): Promise<void>
  /** Ends it all, within 3 s (H4). */
  stop(): Promise<void>
}

/**
 * Opens a host: its folder, port and control socket. No plugin runs before `start`.
 *
 * @throws HOST_RUNNING, HOST_DATA, HOST_WORKSPACE, HTTP_PORT_TAKEN, HTTP_LISTEN
 */
export async function openHost(options: HostOptions): Promise<Host> {
  const { config, onIncident = () => {} } = options
  await using resources = new AsyncDisposableStack()
  openFolders(config)
  resources.use(lockFolder(config.data)) // H1
  reapLeftovers(processRecords(config))
  const switches = openSwitches(join(config.data, 'switches.json'), (kept) =>
    onIncident({ what: 'the file of switched-off plugins was damaged', kept }),
  )
  const vault = openVault(config)
  const login = openLogins(join(config.data, 'logins.json'), (kept) =>
    onIncident({ what: 'the file of logged-in browsers was damaged: open a new link', kept }),
  )
  const drivers = openDrivers(config, vault, login, onIncident)
  resources.defer(() => drivers.http.close())
  const { url, port } = await drivers.http.listen() // H2
  const decided = new Map<PluginId, Consented>()
  const kernel: NodeKernel = await createKernel({
    data: config.data,
    workspace: config.workspace,
    capabilities: [...Object.values(drivers), createPluginsCapability(() => desk)],
    ...consentOf(options, (plugin) => isOff(plugin), decided),
    limits: config.limits,
    url: () => url,
    reopen, // H5
    onIncident: ({ what, kept }) => onIncident({ what, kept }),
  })
  resources.defer(() => stopKernel(kernel))
  const journal = createJournal(kernel)
  const broken = new Map<PluginId, BrokenPlugin>()
  const isOff = (plugin: PluginId) => !(switches.of(plugin) ?? config.plugins[plugin]?.enabled ?? true)
  rememberSwitches(kernel, switches, isOff)
  const sources: PackageSources = {
    store: openStore(options.store ?? storeRoot()),
    project: openProjectFiles(config),
    policy: openPolicy(policyFiles(options.policy)),
    judge: kernel.permissions,
    place: (plugin, folder) => placeOf(config, plugin, folder),
  }
  const installs = createInstalls({
    kernel,
    sources,
    entries: config.plugins,
    broken,
    decided,
    choiceOf,
    dataOf: (plugin) => privateFolder(config.data, plugin),
    forget: (plugin) => forgetPlugin(config, plugin, switches),
    onIncident,
  })
  const window = createConsentWindow({
    approvals: kernel.approvals,
    admits: (cookies) => sessionOf(login, cookies, port) !== undefined,
    form: createSetupForms(kernel, () => createControl({ ...host, vault }, { by: 'window' })),
  })
  resources.use(window)
  const desk = createDesk({ kernel, config, broken, installs, sources, window, registry: options.registry })
  resources.use(desk)
  const host: Host = {
    kernel,
    config,
    url,
    login,
    link,
    broken,
    journal,
    installs,
    start,
    reload,
    stop,
    [Symbol.asyncDispose]: stop,
  }
  resources.use(
    await openControlServer(config.data, createControl({ ...host, vault }, { by: 'cli' }), {
      journal,
      traces: kernel.traces,
    }),
  )
  if (config.telemetry) {
    const { exportTraces } = await import('../telemetry/otlp.ts')
    const onTrouble = (what: string) => onIncident({ what })
    resources.use(exportTraces(kernel.traces, { url: config.telemetry.otlp, version: kernel.version, onTrouble }))
  }
  const owned = resources.move()
  let ending: Promise<void> | undefined
  return host

  function link(): { link: string; expiresAt: number } {
    const { code, expiresAt } = login.code()
    return { link: `${url}/login/${code}`, expiresAt }
  }

  async function start(): Promise<void> {
    const opened = await Promise.all(Object.entries(config.plugins).map(([id, entry]) => openEntry(id, entry)))
    const present = opened.filter((one) => one !== undefined)
    await Promise.all(present.filter(({ id }) => isOff(id)).map(({ id, pkg }) => acquaint(kernel, config, id, pkg)))
    if (options.consent === 'declared') for (const { id, pkg } of present) if (!isOff(id)) await grantPostponed(id, pkg)
    const results = await kernel.installAll(
      present.map(({ id, entry, pkg }) => ({ pkg, options: choiceOf(id, entry) })),
    )
    for (const [i, result] of results.entries())
      if (result.status === 'rejected') failed(present[i]!.id, present[i]!.entry, result.reason)
    await installs.proveUntried()
    await tellSecrets()
    kernel.emit('host.up', { at: Date.now() })
  }

  /** What was left to be asked at first use, as `pryx add --yes` leaves it. What was denied stays so. */
  async function grantPostponed(id: PluginId, pkg: PluginPackage): Promise<void> {
    if (!(await acquaint(kernel, config, id, pkg))) return
    const postponed = kernel.permissions.list(id).filter((one) => one.mode === 'ask' && one.duration !== undefined)
    for (const { permission } of postponed)
      await kernel.permissions.grant(id, permission, { mode: 'allow', duration: 'forever', by: 'consent' })
    if (postponed.length > 0)
      options.onConsent?.(
        id,
        postponed.map(({ permission }) => permission),
      )
  }

  /** Plugins that need a secret start when it is there (`event:secret.kept.NAME`), and cost nothing before. Names, never values. */
  async function tellSecrets(): Promise<void> {
    try {
      const names = await Promise.all((await vault.owners()).map((owner) => vault.list(owner)))
      for (const name of new Set(names.flat())) tellSecret(kernel, 'kept', name)
    } catch (error) {
      onIncident({ what: `the secrets could not be listed: ${errorToJson(error).message}` })
    }
  }

  async function openEntry(
    id: PluginId,
    entry: PluginEntry,
  ): Promise<{ id: PluginId; entry: PluginEntry; pkg: PluginPackage } | undefined> {
    try {
      return { id, entry, pkg: await openEntryPackage(id, entry, sources) }
    } catch (error) {
      failed(id, entry, error)
      return undefined
    }
  }

  /** H3 */
  function failed(id: PluginId, { source }: PluginEntry, error: unknown): void {
    const plugin: BrokenPlugin = { id, folder: source, error: errorToJson(error) }
    broken.set(id, plugin)
    options.onBroken?.(plugin)
  }

  async function reload(id: PluginId): Promise<void> {
    const entry = config.plugins[id]
    if (entry === undefined || !broken.has(id)) return kernel.reload(id)
    await kernel.install(await openEntryPackage(id, entry, sources), choiceOf(id, entry))
    broken.delete(id)
  }

  /** H5 */
  async function reopen({ folder }: PluginPackage, id: PluginId): Promise<PluginPackage> {
    return openEntryPackage(id, config.plugins[id] ?? { source: folder }, sources)
  }

  function choiceOf(id: PluginId, { config: own, isolation, limits }: PluginEntry) {
    return {
      id,
      enabled: !isOff(id),
      ...(own !== undefined && { config: own }),
      ...(isolation && { isolation }),
      ...(options.inspect?.has(id) && { inspect: true }),
      ...(limits && { limits }),
    }
  }

  function stop(): Promise<void> {
    ending ??= owned.disposeAsync()
    return ending
  }
}

/**
 * Makes a plugin's permissions known without asking or starting anything.
 * A plugin that is switched off is never asked about; it shall be listed with what it would ask for all the same.
 *
 * @returns False if what it declares cannot be read; its install tells why.
 */
export async function acquaint(
  { permissions }: Pick<NodeKernel, 'permissions'>,
  { data, workspace }: HostConfig,
  id: PluginId,
  pkg: PluginPackage,
): Promise<boolean> {
  const place = placeOf({ data, workspace }, id, pkg.folder)
  try {
    permissions.know(id, permissions.declared(pkg.manifest, place), place)
    return true
  } catch {
    return false
  }
}

/** The folders a plugin's permissions speak of. */
export function placeOf(
  { data, workspace }: Pick<HostConfig, 'data' | 'workspace'>,
  plugin: PluginId,
  packageFolder: string,
): PluginPlace {
  return { plugin, workspace: realpathSync(workspace), data: privateFolder(data, plugin), package: packageFolder }
}

/** Where the kernel keeps a plugin's own data; it need not be there yet. */
export function privateFolder(data: string, plugin: PluginId): string {
  return join(existsSync(data) ? realpathSync(data) : data, 'plugins', plugin.replaceAll('/', '__'))
}

/** What the user said as a plugin was installed goes before asking. Without a prompt the rest is asked at first use. */
function consentOf(
  { consent, onConsent }: HostOptions,
  isOff: (plugin: PluginId) => boolean,
  decided: ReadonlyMap<PluginId, Consented>,
): { consent: ConsentPrompt } {
  const ask: ConsentPrompt =
    consent === 'declared'
      ? async ({ plugin, undecided }) => {
          onConsent?.(plugin, undecided)
          return { allow: undecided, duration: 'forever', by: 'consent' }
        }
      : consent!
  return {
    consent: async (question) => {
      const said = decided.get(question.plugin)
      if (said !== undefined) return { allow: said.allow, duration: 'forever', by: said.by }
      if (consent === undefined) return { allow: [], duration: 'forever', by: 'consent' }
      return isOff(question.plugin) ? undefined : ask(question)
    },
  }
}

/** A plugin switched on or off, on whichever surface, stays so after a restart. */
function rememberSwitches(kernel: NodeKernel, switches: Switches, isOff: (plugin: PluginId) => boolean): void {
  kernel.on('plugin.stage', (payload, { from }) => {
    if (from !== 'kernel') return
    const { plugin, stage, reason } = payload as { plugin: PluginId; stage: string; reason?: string }
    if (stage === 'disabled' && reason === 'it was switched off') switches.set(plugin, false)
    else if (stage === 'starting' && isOff(plugin)) switches.set(plugin, true)
  })
}

/** H4 */
async function stopKernel(kernel: NodeKernel): Promise<void> {
  const pids = kernel.host().processes.map(({ pid }) => pid)
  if ((await Promise.race([kernel.stop(), delay(STOP_MS, 'late' as const)])) === 'late') killAll(pids)
  for (let tries = 0; tries < GONE_TRIES && pids.some(isThere); tries++) await delay(GONE_STEP_MS)
}

function isThere(pid: number): boolean {
  try {
    return pid > 0 && process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Ends processes of ours that are still there. */
export function killAll(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      if (pid > 0) process.kill(pid, 'SIGKILL')
    } catch {
      // It has ended by itself.
    }
  }
}

function openFolders({ file, data, workspace }: HostConfig): void {
  if (!statSync(workspace, { throwIfNoEntry: false })?.isDirectory()) {
    throw new UsageError('HOST_WORKSPACE', `the workspace ${workspace} is not a folder`, {
      file,
      path: 'workspace',
      found: workspace,
      expected: 'a folder',
      hint: 'Make it, or name another with --workspace.',
    })
  }
  try {
    mkdirSync(data, { recursive: true, mode: 0o700 })
  } catch (cause) {
    throw new CapabilityError('HOST_DATA', `the data folder ${data} cannot be made: ${(cause as Error).message}`, {
      file: data,
      cause,
      hint: 'Make room for it or name another folder with --data.',
    })
  }
}
