// packages/pryx/src/cli/add.ts: `pryx add`: a plugin into the project; without a name, all that pryx.json names and is not there (K10).
import { UsageError } from '@pryx/kernel/contract'
import type { Candidate } from '../install/candidate.ts'
import type { Registry } from '../registry/registry.ts'
import { isInstalled, parseRequest, parseSource, type Source } from '../registry/source.ts'
import { createScreen } from '../terminal/screen.ts'
import { safe } from '../terminal/style.ts'
import { type Bench, openBench } from './bench.ts'
import { askConsent, type ConsentOptions, fetchCandidate, grantText, interruptible, tellFacts } from './install.ts'
import type { Output } from './output.ts'

export type AddOptions = ConsentOptions & { id?: string }

/** @param registry To ask; without it the one that `options` and the user's settings name. */
export async function add(
  output: Output,
  options: AddOptions,
  specs: readonly string[],
  registry?: Registry,
): Promise<void> {
  using stop = interruptible()
  await using bench = await openBench(options, { create: true, registry })
  if (specs.length === 0) return addMissing(output, options, bench, stop)
  if (options.id !== undefined && specs.length > 1) throw new UsageError('USAGE_ID', '--id is for one plugin')
  const added = []
  for (const spec of specs) {
    const source = parseRequest(spec, process.cwd(), bench.workshop.folder)
    added.push(await addOne(output, options, { bench, source, stop, id: options.id }))
  }
  output.result(options.json && added.length === 1 ? added[0] : added, '')
}

interface One {
  bench: Bench
  source: Exclude<Source, { kind: 'live' }>
  stop: ReturnType<typeof interruptible>
  id: string | undefined
}

async function addOne(output: Output, options: AddOptions, { bench, source, stop, id }: One) {
  using candidate = await fetchCandidate(bench, source, {
    minAge: options.minAge,
    id,
    signal: stop.signal,
    quiet: output.json,
  })
  const before = bench.sources.project.read().lock.plugins[candidate.id]
  if (
    before === undefined &&
    bench.config.plugins[candidate.id] !== undefined &&
    !isInstalled(bench.config.plugins[candidate.id]!.source)
  )
    throw taken(candidate)
  tellFacts(output, createScreen(process.stderr), candidate, before?.version)
  const wanted = before === undefined ? candidate.declared : candidate.wider
  const allow = await askConsent(bench, candidate, wanted, options, { json: output.json, interrupt: stop.interrupt })
  stop.signal.throwIfAborted()
  if (allow === undefined)
    throw new UsageError('INSTALL_DECLINED', `${candidate.entry.name} was not installed`, {
      hint: 'Everything is as it was.',
    })
  const { stage, reason } = await bench.adopt(
    candidate,
    before === undefined ? allow : [...before.permissions, ...allow],
  )
  const { entry } = candidate
  if (!output.json) {
    const state = bench.running ? `${stage}${reason ? `: ${reason}` : ''}` : 'it starts with `pryx up`'
    output.result(
      null,
      `${output.style.green('✔')} ${output.style.bold(safe(candidate.id))} ${entry.version} is installed; ${safe(state)}`,
    )
    if (candidate.screen.lines.length > 0) output.note(grantText(candidate, allow, output.style))
  }
  return {
    id: candidate.id,
    name: entry.name,
    version: entry.version,
    trust: entry.trust,
    integrity: entry.integrity,
    granted: allow,
    notes: candidate.notes,
    stage,
    ...(reason && { reason }),
  }
}

/** What the lock file names and the store lacks is fetched as it was locked; what is not locked yet is resolved and asked. */
async function addMissing(output: Output, options: AddOptions, bench: Bench, stop: One['stop']): Promise<void> {
  const done = []
  for (const [id, { source }] of Object.entries(bench.config.plugins)) {
    if (!isInstalled(source)) continue
    const locked = bench.sources.project.read().lock.plugins[id]
    if (locked?.source === source && isWhole(bench, locked.content)) continue
    const parsed = parseSource(source) as One['source']
    if (locked?.source !== source) {
      done.push(await addOne(output, options, { bench, source: parsed, stop, id }))
      continue
    }
    const exact: One['source'] =
      parsed.kind === 'npm' ? { ...parsed, want: { kind: 'version', version: locked.version } } : parsed
    using candidate = await fetchCandidate(bench, exact, { minAge: 0, id, signal: stop.signal, quiet: output.json })
    if (candidate.entry.content !== locked.content) throw changed(candidate, locked.version)
    candidate.staged.place().release()
    bench.sources.store.register(bench.sources.project.root)
    await bench.running?.reload(id)
    done.push({ id, version: locked.version, restored: true })
    output.note(`${safe(id)} ${locked.version} was fetched again`)
  }
  output.result(done, done.length === 0 ? 'Everything that pryx.json names is installed.' : '')
}

function isWhole({ sources }: Bench, content: string): boolean {
  try {
    sources.store.open(content)
    return true
  } catch {
    return false
  }
}

function taken({ id, entry }: Candidate): UsageError {
  return new UsageError('PLUGIN_TAKEN', `pryx.json has a plugin "${id}" already, from a folder`, {
    plugin: id,
    found: entry.name,
    hint: 'Give this one another name with --id, or take that one out first.',
  })
}

function changed({ entry }: Candidate, version: string): UsageError {
  return new UsageError(
    'LOCK_MISMATCH',
    `${entry.name}@${version} is not what was locked: its content is another now`,
    {
      found: entry.content,
      hint: 'Somebody changed a published version. Do not use it before you know who.',
    },
  )
}
