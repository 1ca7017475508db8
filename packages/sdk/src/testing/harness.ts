// packages/sdk/src/testing/harness.ts: a real kernel and a real isolate around one plugin, with everything recorded.
//   H1  Nothing is granted unless the test grants it; a question is answered by the test's policy, at once, and by default with no.
//   H2  Nothing touches the disk but a temporary folder, which goes with the harness.
//   H3  Ending the harness ends the plugin and the kernel, then fails if effects, offers, timers or processes are left.
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AuditEntry, Kernel, PluginPackage } from '@pryx/kernel'
import {
  type Capability,
  type EventToken,
  type GrantDuration,
  LifecycleError,
  type Limits,
  type Permission,
  type PermissionMode,
  type PluginId,
  type PluginStatus,
  type ServiceToken,
  shortName,
} from '@pryx/kernel/contract'
import { createCountedClock, createFakeClock, type EndingClock, type TestClock } from './clock.ts'
import { type EventRecords, type RecordedEvent, recordEvents } from './events.ts'
import { createCapabilities, type Fakes } from './fakes.ts'
import { type AskPolicy, openHost } from './host.ts'
import { assertNoLeaks, survivors } from './leaks.ts'
import { createMemoryHttp, type MemoryHttp } from './memory-http.ts'
import { openWorkbench, type PluginSource, type Workbench } from './package.ts'
import { createRecorder, type RecordedCall, type Recorder } from './recording.ts'

const USE_MS = 4_000 // below a test runner's own time-out, so that the error says which service is missing

/** What is tested, and around it what. */
export interface HarnessOptions extends PluginSource {
  /** Id within the harness. Default: the package's short name. */
  id?: PluginId
  config?: unknown
  /** What is granted for good before the plugin starts. `'declared'`: all that its manifest asks for. Default: nothing. */
  grant?: readonly Permission[] | 'declared'
  /** Default `deny`. */
  ask?: AskPolicy
  /** Real drivers. What the manifest names and nobody plays is `storage` or `http` in memory, or a stub that says what the test lacks. */
  capabilities?: readonly Capability[]
  /** Methods the test plays: of capabilities, or of other plugins' services (`fake: { scheduler: { schedule: … } }`). */
  fake?: Fakes
  /** Plugins that run beside it, started first, with all they declare granted. */
  beside?: readonly (PluginSource & { id?: PluginId; config?: unknown })[]
  limits?: Partial<Limits>
  /** `fake`: the kernel's time stands still until `clock.advance`. Default: real time. */
  clock?: 'fake'
  /** True: a plugin that fails to start does not fail `createHarness`; `status` and `logs` tell. */
  mayFail?: boolean
}

/** Default: what is on disk now. */
export interface ReloadOptions {
  /** New text of the plugin, for a harness that was made with a text. */
  plugin?: string
}

/** A running plugin, what it is asked through, and what was recorded. */
export interface Harness extends AsyncDisposable {
  readonly id: PluginId
  /** The kernel itself, for what is not offered here. */
  readonly kernel: Kernel
  readonly clock: TestClock
  /** `${workspace}` of permissions: an empty folder of this harness. */
  readonly workspace: string
  readonly status: PluginStatus
  /** A service of the plugin, called as the host calls it. @throws SERVICE_MISSING after 4 s */
  use<T extends object>(token: ServiceToken<T>): Promise<T>
  /** Calls a tool of the plugin. */
  tool(name: string, input: unknown): Promise<unknown>
  /** Asks what the plugin serves by `http`: `fetch('/weather/api')`. What its handler throws is thrown here. */
  fetch(path: string, init?: RequestInit): Promise<Response>
  /** Publishes an event as the host. */
  emit<P>(event: EventToken<P> | string, payload: P): void
  /** Default: allowed for good. @throws PERMISSION_UNDECLARED */
  grant(permission: Permission, choice?: { mode?: PermissionMode; duration?: GrantDuration }): Promise<void>
  /** In force as the call returns. */
  revoke(permission: Permission): Promise<void>
  /** Builds again and swaps the code in, state handed over as in hot reload. Rejects if it does not come up; the old code runs on. */
  reload(options?: ReloadOptions): Promise<void>
  /** The payload of the first event, recorded already or yet to come, that `match` takes. @throws HARNESS_NOT_SEEN after 4 s */
  seen<P>(event: EventToken<P>, match?: (payload: P) => boolean): Promise<P>
  seen(pattern: string, match?: (payload: unknown) => boolean): Promise<unknown>
  /** Events of plugins and of the test, in order. */
  readonly events: readonly RecordedEvent[]
  /** Facts of the kernel (`plugin.stage`, `permission.revoked` …), in order. */
  readonly facts: readonly RecordedEvent[]
  /** Calls that reached a capability, in order. */
  readonly calls: readonly RecordedCall[]
  /** The audit log's newest 1,000 entries, oldest first. */
  readonly audit: readonly AuditEntry[]
  /** Lines of the plugin's log. */
  readonly logs: readonly { at: number; level: string; text: string }[]
}

/**
 * Starts a kernel with the plugin in it, ready to be used. `await using` it: its end is the leak check.
 *
 * @throws BUILD_FAILED, MANIFEST_*; HARNESS_NOT_STARTED with the reason and the plugin's log if it does not come up; HARNESS_LEAK at its end.
 */
export async function createHarness(options: HarnessOptions): Promise<Harness> {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'pryx-harness-')))
  const owned = new AsyncDisposableStack()
  owned.defer(() => rmSync(root, { recursive: true, force: true, maxRetries: 3 }))
  try {
    return await start(options, root, owned)
  } catch (error) {
    await owned.disposeAsync()
    throw error
  }
}

interface Opened {
  id: PluginId
  config: unknown
  bench: Workbench
  pkg: PluginPackage
}

/** All that a running harness is made of. */
interface Parts {
  own: Opened
  root: string
  kernel: Kernel
  clock: EndingClock
  records: EventRecords
  recorder: Recorder
  web: MemoryHttp
  end(): Promise<void>
}

async function start(options: HarnessOptions, root: string, owned: AsyncDisposableStack): Promise<Harness> {
  const sources = [options, ...(options.beside ?? [])]
  const plugins = await Promise.all(sources.map((source, i) => openPlugin(source, join(root, `plugin-${i}`), owned)))
  const own = plugins[0] as Opened
  const recorder = createRecorder()
  const clock = options.clock === 'fake' ? createFakeClock() : createCountedClock()
  const manifests = plugins.map(({ pkg }) => pkg.manifest)
  const web = createMemoryHttp()
  const { capabilities = [], fake = {}, limits, ask = 'deny', grant = [] } = options
  const kernel = await openHost({
    root,
    clock,
    capabilities: createCapabilities(manifests, capabilities, fake, web).map(recorder.record),
    limits,
    ask,
    grant,
    plugin: own.id,
  })
  const records = recordEvents(kernel)
  const pids = watchProcesses(kernel)
  const harness = createFace({ own, root, kernel, clock, records, recorder, web, end })
  try {
    for (const { pkg, id, config } of [...plugins.slice(1), own]) await kernel.install(pkg, { id, config })
    if (options.mayFail !== true) assertStarted(kernel, own.id)
    return harness
  } catch (error) {
    await kernel.stop()
    throw error
  }

  /** H3 */
  async function end(): Promise<void> {
    const leaks: string[] = []
    const processes = pids()
    try {
      await kernel.disable(own.id).catch((error: unknown) => leaks.push(textOf(error)))
      leaks.push(...recorder.effects().map((act) => `an effect of ${act}`), ...offersOf(kernel, own.id))
      await kernel.stop()
      const timers = await clock.runOut()
      if (timers > 0) leaks.push(`${timers} timers that set themselves again`)
      leaks.push(...(await survivors(processes)).map((pid) => `sandbox process ${pid}`))
    } finally {
      await owned.disposeAsync()
    }
    assertNoLeaks(leaks)
  }
}

async function openPlugin(
  source: PluginSource & { id?: PluginId; config?: unknown },
  folder: string,
  owned: AsyncDisposableStack,
): Promise<Opened> {
  const bench = owned.use(await openWorkbench(source, folder))
  const pkg = await bench.build()
  return { id: source.id ?? shortName(pkg.manifest.name), config: source.config ?? {}, bench, pkg }
}

function createFace({ own, root, kernel, clock, records, recorder, web, end }: Parts): Harness {
  const { id, bench } = own
  return {
    id,
    kernel,
    clock,
    workspace: join(root, 'workspace'),
    get status() {
      return kernel.status(id)
    },
    use: (token) => kernel.use(token, { timeoutMs: USE_MS }),
    tool: (name, input) => kernel.tools.call(name, input),
    fetch: web.fetch,
    emit: (event, payload) => kernel.emit(event, payload),
    grant: (permission, { mode = 'allow', duration = 'forever' } = {}) =>
      kernel.permissions.grant(id, permission, { mode, duration, by: 'harness' }),
    revoke: (permission) => kernel.permissions.revoke(id, permission, 'harness'),
    async reload({ plugin } = {}) {
      if (plugin !== undefined) await bench.write(plugin)
      await kernel.reload(id, await bench.build())
    },
    seen: records.seen as Harness['seen'], // one body for both shapes
    events: records.events,
    facts: records.facts,
    calls: recorder.calls,
    get audit() {
      return kernel.audit.tail(1_000)
    },
    get logs() {
      return kernel.logs(id)
    },
    [Symbol.asyncDispose]: end,
  }
}

/** Answers every process that ever held the plugins. */
function watchProcesses(kernel: Kernel): () => ReadonlySet<number> {
  const pids = new Set<number>()
  const look = () => {
    for (const { pid } of kernel.host().processes) pids.add(pid)
    return pids
  }
  kernel.on('plugin.stage', look)
  return look
}

function offersOf(kernel: Kernel, id: PluginId): string[] {
  const own = kernel.tools.list().filter(({ plugin }) => plugin === id)
  return own.map(({ name }) => `the tool ${name}`)
}

/** What went wrong while it ended, each cause named. */
function textOf(error: unknown): string {
  if (error instanceof AggregateError) return `${error.message} (${error.errors.map(textOf).join(', ')})`
  return error instanceof Error ? error.message : String(error)
}

function assertStarted(kernel: Kernel, id: PluginId): void {
  const { stage, reason, failures } = kernel.status(id)
  if (failures === 0 && stage !== 'failed') return
  const log = kernel.logs(id).map(({ level, text }) => `${level}: ${text}`)
  throw new LifecycleError('HARNESS_NOT_STARTED', `${id} did not start: ${reason ?? stage}\n${log.join('\n')}`, {
    plugin: id,
    hint: 'For a test of the failure itself, make the harness with mayFail: true.',
  })
}
