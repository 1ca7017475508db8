// packages/sdk/src/testing/harness.ts: a real kernel and a real isolate around one plugin, with everything recorded.
//   H1  Nothing is granted unless the test grants it; a question is answered by the test's policy, at once, and by default with no.
//   H2  Nothing touches the disk but a temporary folder, which goes with the harness.
//   H3  Ending the harness ends the plugin and the kernel, then fails if effects, offers, timers or processes are left.
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Approval,
  type AuditEntry,
  createIds,
  createSandboxes,
  type Kernel,
  openKernel,
  type PluginPackage,
  sha256,
  VERSION,
} from '@pryx/kernel'
import {
  type Capability,
  type EventToken,
  type GrantDuration,
  LifecycleError,
  type Limits,
  matchesPattern,
  type Permission,
  type PermissionMode,
  type PluginId,
  type PluginStatus,
  type ServiceToken,
  shortName,
} from '@pryx/kernel/contract'
import { createCountedClock, createFakeClock, type TestClock } from './clock.ts'
import { createCapabilities, type Fakes } from './fakes.ts'
import { assertNoLeaks, survivors } from './leaks.ts'
import { openWorkbench, type PluginSource, type Workbench } from './package.ts'
import { createRecorder, type RecordedCall } from './recording.ts'
import { createMemoryAudit, createMemoryGrants, snapshots } from './stores.ts'

const USE_MS = 4_000 // below a test runner's own time-out, so that the error says which service is missing
const SEEN_MS = 4_000

/** What to answer to a question of the kernel, as the user would. `wait`: nobody answers. */
export type AskPolicy = 'allow' | 'deny' | 'wait' | ((approval: Approval) => 'allow' | 'deny' | 'wait')

export interface HarnessOptions extends PluginSource {
  /** Id within the harness. Default: the package's short name. */
  id?: PluginId
  config?: unknown
  /** What is granted for good before the plugin starts. `'declared'`: all that its manifest asks for. Default: nothing. */
  grant?: readonly Permission[] | 'declared'
  /** Default `deny`. */
  ask?: AskPolicy
  /** Real drivers. What the manifest names and nobody plays is `storage` in memory, or a stub that says what the test lacks. */
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

export interface RecordedEvent {
  readonly name: string
  readonly payload: unknown
  /** A plugin's id, or `host` for the test. */
  readonly from: string
  /** Epoch ms of the kernel's clock. */
  readonly at: number
}

export interface ReloadOptions {
  /** New text of the plugin, for a harness that was made with a text. */
  plugin?: string
}

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
  /** Publishes an event as the host. */
  emit<P>(event: EventToken<P> | string, payload: P): void
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
  const stack = new AsyncDisposableStack()
  stack.defer(() => rmSync(root, { recursive: true, force: true, maxRetries: 3 }))
  try {
    const [own, ...others] = await openAll([options, ...(options.beside ?? [])], root, stack)
    return await start(options, own as Opened, others, root, stack)
  } catch (error) {
    await stack.disposeAsync()
    throw error
  }
}

interface Opened {
  source: PluginSource & { id?: PluginId; config?: unknown }
  bench: Workbench
  pkg: PluginPackage
  id: PluginId
}

async function openAll(
  sources: readonly Opened['source'][],
  root: string,
  stack: AsyncDisposableStack,
): Promise<Opened[]> {
  return Promise.all(
    sources.map(async (source, i) => {
      const bench = stack.use(await openWorkbench(source, join(root, `plugin-${i}`)))
      const pkg = await bench.build()
      return { source, bench, pkg, id: source.id ?? shortName(pkg.manifest.name) }
    }),
  )
}

async function start(
  options: HarnessOptions,
  own: Opened,
  others: Opened[],
  root: string,
  stack: AsyncDisposableStack,
): Promise<Harness> {
  const recorder = createRecorder()
  const clock = options.clock === 'fake' ? createFakeClock() : createCountedClock()
  const workspace = join(root, 'workspace')
  mkdirSync(workspace)
  const manifests = [own, ...others].map(({ pkg }) => pkg.manifest)
  const startedAt = Date.now()
  const kernel: Kernel = await openKernel(
    {
      clock,
      ids: createIds(),
      sandboxes: createSandboxes({ snapshots }),
      grants: createMemoryGrants(),
      audit: createMemoryAudit(),
      hash: sha256,
    },
    {
      version: VERSION,
      capabilities: createCapabilities(manifests, options.capabilities ?? [], options.fake ?? {}).map(recorder.record),
      workspace,
      dataOf: (plugin) => dataFolder(root, plugin),
      consent: async ({ plugin, undecided }) => ({
        allow: plugin !== own.id || options.grant === 'declared' ? undecided : await granted(plugin),
        duration: 'forever',
        by: 'harness',
      }),
      limits: options.limits,
      standby: 'never',
      host: () => ({ node: process.versions.node, pid: process.pid, startedAt, rssBytes: process.memoryUsage.rss() }),
    },
  )
  const pids = new Set<number>()
  const { events, facts } = recordEvents(kernel, () => notePids())
  answerQuestions(kernel, options.ask ?? 'deny')
  const harness = createFace()
  try {
    for (const { pkg, id, source } of [...others, own]) await kernel.install(pkg, { id, config: source.config ?? {} })
    if (options.mayFail !== true) assertStarted(kernel, own.id)
    return harness
  } catch (error) {
    await kernel.stop()
    throw error
  }

  /** Grants what the test listed, in the normal form of this host. Nothing is left for the blanket answer. */
  async function granted(plugin: PluginId): Promise<readonly Permission[]> {
    for (const permission of options.grant ?? [])
      await kernel.permissions.grant(plugin, permission, { mode: 'allow', duration: 'forever', by: 'harness' })
    return []
  }

  function notePids(): void {
    for (const { pid } of kernel.host().processes) pids.add(pid)
  }

  function createFace(): Harness {
    const { id } = own
    return {
      id,
      kernel,
      clock,
      workspace,
      get status() {
        return kernel.status(id)
      },
      use: (token) => kernel.use(token, { timeoutMs: USE_MS }),
      tool: (name, input) => kernel.tools.call(name, input),
      emit: (event, payload) => kernel.emit(event, payload),
      grant: (permission, { mode = 'allow', duration = 'forever' } = {}) =>
        kernel.permissions.grant(id, permission, { mode, duration, by: 'harness' }),
      revoke: (permission) => kernel.permissions.revoke(id, permission, 'harness'),
      async reload({ plugin } = {}) {
        if (plugin !== undefined) await own.bench.write(plugin)
        await kernel.reload(id, await own.bench.build())
      },
      seen: seen as Harness['seen'], // one body for both shapes
      events,
      facts,
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

  function seen(event: EventToken<never> | string, match: (payload: never) => boolean = () => true): Promise<never> {
    const pattern = typeof event === 'string' ? event : event.name
    const found = [...events, ...facts].find(
      ({ name, payload }) => matchesPattern(pattern, name) && match(payload as never),
    )
    if (found) return Promise.resolve(found.payload as never)
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => {
        void release()
        reject(notSeen(pattern, [...events, ...facts]))
      }, SEEN_MS)
      const release = kernel.on(pattern, (payload) => {
        if (!match(payload as never)) return
        clearTimeout(late)
        void release()
        resolve(payload as never)
      })
    })
  }

  /** H3 */
  async function end(): Promise<void> {
    const leaks: string[] = []
    try {
      notePids()
      await kernel.disable(own.id).catch((error: unknown) => leaks.push(textOf(error)))
      leaks.push(...recorder.effects().map((act) => `an effect of ${act}`))
      leaks.push(
        ...kernel.tools
          .list()
          .filter(({ plugin }) => plugin === own.id)
          .map(({ name }) => `the tool ${name}`),
      )
      await kernel.stop()
      const timers = await clock.runOut()
      if (timers > 0) leaks.push(`${timers} timers that set themselves again`)
      leaks.push(...(await survivors(pids)).map((pid) => `sandbox process ${pid}`))
    } finally {
      await stack.disposeAsync()
    }
    assertNoLeaks(leaks)
  }
}

/** What went wrong while it ended, each cause named. */
function textOf(error: unknown): string {
  if (error instanceof AggregateError) return `${error.message} (${error.errors.map(textOf).join(', ')})`
  return error instanceof Error ? error.message : String(error)
}

function dataFolder(root: string, plugin: PluginId): string {
  const folder = join(root, 'data', plugin.replaceAll('/', '__'))
  mkdirSync(folder, { recursive: true })
  return folder
}

function recordEvents(kernel: Kernel, onStage: () => void): { events: RecordedEvent[]; facts: RecordedEvent[] } {
  const events: RecordedEvent[] = []
  const facts: RecordedEvent[] = []
  kernel.on('**', (payload, { name, from, at }) => {
    ;(from === 'kernel' ? facts : events).push({ name, payload, from, at })
    if (name === 'plugin.stage' && from === 'kernel') onStage()
  })
  return { events, facts }
}

/** H1 */
function answerQuestions(kernel: Kernel, policy: AskPolicy): void {
  kernel.on('approval.needed', (payload) => {
    const approval = payload as Approval
    const answer = typeof policy === 'function' ? policy(approval) : policy
    if (answer === 'wait') return
    queueMicrotask(() => kernel.approvals.resolve(approval.id, { answer, duration: 'once', by: 'harness' }))
  })
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

function notSeen(pattern: string, all: readonly RecordedEvent[]): LifecycleError {
  const names = [...new Set(all.map(({ name }) => name))].join(', ')
  return new LifecycleError(
    'HARNESS_NOT_SEEN',
    `no event ${pattern} that matches came within ${SEEN_MS} ms; there were: ${names || 'none'}`,
  )
}
