// packages/pryx/src/host/desk.ts: installs on behalf of a surface that is itself a plugin, the web page above all (K5, K10).
//   K1  A surface proposes, the user disposes: nothing is put in before an approval, shown on every surface, was answered with yes.
//   K2  What is approved is exactly what was fetched: the content, the version and the permissions stand in the question's plan.
//   K3  Plans are few and short-lived; what was fetched for them goes with them.
//   K4  A surface learns of a path only whether a plugin lies there, never what else does.
import type { NodeKernel } from '@pryx/kernel'
import { type Permission, PermissionError, type PluginId, type Risk, UsageError } from '@pryx/kernel/contract'
import type { InstalledPlugin, InstallPlan } from '@pryx/sdk'
import { type Candidate, obtain } from '../install/candidate.ts'
import { findOutdated, type Outdated } from '../install/outdated.ts'
import { parseRequest, parseSource, type Source } from '../registry/source.ts'
import type { LockEntry } from '../store/lock-file.ts'
import type { HostConfig } from './config.ts'
import type { ConsentWindow } from './consent-window.ts'
import type { BrokenPlugin } from './host.ts'
import type { Installs } from './installs.ts'
import type { PackageSources } from './packages.ts'
import { createWorkshop, type WorkshopOptions } from './workshop.ts'

const MAX_PLANS = 8
const PLAN_MS = 10 * 60_000
const RISKS: readonly Risk[] = ['low', 'medium', 'high']

export interface Asker {
  plugin: PluginId
  trace: string
  signal: AbortSignal
}

export interface Desk extends Disposable {
  installed(): InstalledPlugin[]
  /** Where the user answers, out of reach of whoever asked. */
  window(): Promise<string>
  outdated(signal: AbortSignal): Promise<Outdated[]>
  /** Fetches and proves; changes nothing. */
  plan(spec: string, signal: AbortSignal): Promise<InstallPlan>
  /** As `plan`, for the newest version that a plugin's source allows. */
  planUpdate(id: PluginId, signal: AbortSignal): Promise<InstallPlan>
  /** Asks the user, then installs. `allow`: what of the plan is granted at once; the rest is asked at first use. @throws PLAN_UNKNOWN, PERMISSION_DENIED */
  apply(plan: string, allow: readonly Permission[], by: Asker): Promise<void>
  rollback(id: PluginId, by: Asker): Promise<void>
  remove(id: PluginId, keepData: boolean): Promise<void>
  logs(id: PluginId): { at: number; level: string; text: string }[]
}

export interface DeskOptions {
  kernel: NodeKernel
  config: HostConfig
  broken: ReadonlyMap<PluginId, BrokenPlugin>
  installs: Installs
  sources: PackageSources
  window: ConsentWindow
  registry?: string | undefined
  workshop?: WorkshopOptions
}

export function createDesk({
  kernel,
  config,
  broken,
  installs,
  sources,
  window,
  registry,
  workshop,
}: DeskOptions): Desk {
  const plans = new Map<string, { candidate: Candidate; until: number }>()
  let count = 0
  const shop = () => createWorkshop(config, sources, { registry, ...workshop })
  return {
    installed,
    window: () => window.url(),
    outdated: (signal) => findOutdated(shop(), { signal }),
    plan: async (spec, signal) => hold(await fetched(parseRequest(spec, shop().folder, shop().folder), signal)),
    async planUpdate(id, signal) {
      const source = parseSource(find(id).source)
      if (source.kind === 'live') throw notInstalled(id)
      return hold(await obtain(source, shop(), { id, signal }))
    },
    apply,
    async rollback(id, { plugin }) {
      await installs.back(id, plugin)
    },
    remove: (id, keepData) => installs.drop(id, { keepData }),
    logs: (id) => kernel.logs(id).map((line) => ({ ...line })),
    [Symbol.dispose]: () => {
      for (const id of [...plans.keys()]) drop(id)
    },
  }

  function installed(): InstalledPlugin[] {
    const { lock, installs: before } = sources.project.read()
    return Object.entries(config.plugins).map(([id, { source }]) => {
      const entry = lock.plugins[id]
      const problem = broken.get(id)?.error
      return {
        id,
        source,
        ...(entry?.source === source && factsOf(entry)),
        previous: (before.previous[id] ?? []).map(({ version }) => version),
        ...(problem && { problem: { message: problem.message, ...(problem.hint && { hint: problem.hint }) } }),
      }
    })
  }

  async function fetched(source: Exclude<Source, { kind: 'live' }>, signal: AbortSignal): Promise<Candidate> {
    try {
      return await obtain(source, shop(), { signal })
    } catch (error) {
      throw source.kind === 'file' ? noPlugin(source.path) : error // K4
    }
  }

  function hold(candidate: Candidate): InstallPlan {
    for (const [id, { until }] of plans) if (until < Date.now()) drop(id) // K3
    while (plans.size >= MAX_PLANS) drop(plans.keys().next().value!)
    const plan = `plan-${++count}`
    plans.set(plan, { candidate, until: Date.now() + PLAN_MS })
    const { id, entry, manifest, screen, wider, notes, releaseNotes } = candidate
    const before = sources.project.read().lock.plugins[id]?.version
    return {
      plan,
      plugin: id,
      name: entry.name,
      version: entry.version,
      description: manifest.description,
      ...(before !== undefined && { before }),
      trust: entry.trust,
      ...(entry.provenance !== undefined && { provenance: entry.provenance }),
      lines: screen.lines,
      warnings: screen.warnings,
      wider,
      notes,
      ...(releaseNotes !== undefined && { releaseNotes }),
    }
  }

  /** K1 */
  async function apply(plan: string, allow: readonly Permission[], asker: Asker): Promise<void> {
    const held = plans.get(plan)
    if (held === undefined) throw unknownPlan()
    plans.delete(plan)
    using candidate = held.candidate
    const before = sources.project.read().lock.plugins[candidate.id]
    const granted = grantedBy(candidate, allow, before)
    const { answer, by } = await kernel.approvals.ask({
      plugin: asker.plugin,
      permission: `plugins:manage:${plan}`, // K2: a question of its own, never one with another plan's
      sentence: sentenceFor(candidate, granted, before),
      risk: riskOf(candidate),
      trace: asker.trace,
      signal: asker.signal,
    })
    if (answer === 'deny') throw refused(candidate)
    const { release } = candidate.staged.place()
    try {
      await installs.adopt(candidate.id, { ...candidate.entry, permissions: [...granted] }, { allow: granted, by })
      sources.store.register(sources.project.root)
    } finally {
      release()
    }
  }

  function find(id: PluginId): LockEntry {
    const entry = sources.project.read().lock.plugins[id]
    if (entry === undefined) throw notInstalled(id)
    return entry
  }

  function drop(plan: string): void {
    plans.get(plan)?.candidate[Symbol.dispose]()
    plans.delete(plan)
  }
}

function factsOf({ name, version, integrity, trust, provenance }: LockEntry) {
  return {
    name,
    version,
    trust,
    ...(integrity !== undefined && { integrity }),
    ...(provenance !== undefined && { provenance }),
  }
}

/** An update keeps what was consented to and takes all of what is wider, or it is not taken. */
function grantedBy(
  { declared, wider }: Candidate,
  allow: readonly Permission[],
  before: LockEntry | undefined,
): readonly Permission[] {
  if (before === undefined) return declared.filter((one) => allow.includes(one))
  return declared.filter((one) => before.permissions.includes(one) || wider.includes(one))
}

function sentenceFor(
  { entry, screen, wider }: Candidate,
  granted: readonly Permission[],
  before: LockEntry | undefined,
): string {
  const news = before === undefined ? granted : wider
  const may = screen.lines.filter(({ permission }) => news.includes(permission)).map(({ text }) => text)
  const what = `${entry.name} ${entry.version} from ${entry.source}`
  if (before === undefined)
    return `install ${what}, ${may.length === 0 ? 'with nothing granted yet' : `and let it ${may.join('; ')}`}`
  return `put ${what} in the place of ${before.version}, ${may.length === 0 ? 'which may do no more than before' : `and also let it ${may.join('; ')}`}`
}

function riskOf({ screen }: Candidate): Risk {
  const all = [...screen.lines, ...screen.warnings].map(({ risk }) => RISKS.indexOf(risk))
  return RISKS[Math.max(1, ...all)]!
}

function unknownPlan(): UsageError {
  return new UsageError('PLAN_UNKNOWN', 'this plan is not there any more', { hint: 'Look the plugin up again.' })
}

function noPlugin(path: string): UsageError {
  return new UsageError('PLAN_PATH', `no plugin that can be installed lies at ${path.slice(0, 256)}`, {
    found: path.slice(0, 256),
    hint: `\`pryx add ${path.slice(0, 256)}\` in a terminal says what is wrong with it.`,
  })
}

function notInstalled(id: PluginId): UsageError {
  return new UsageError('PLUGIN_LIVE', `${id} was not installed by Pryx`, {
    plugin: id,
    hint: 'A folder named in pryx.json is taken as it is; `pryx plugins reload` reads it again.',
  })
}

function refused({ id, entry }: Candidate): PermissionError {
  return new PermissionError(
    'PERMISSION_DENIED',
    `${id} ${entry.version} was not installed: you said no, or nobody answered`,
    {
      plugin: id,
      hint: 'Everything is as it was.',
    },
  )
}
