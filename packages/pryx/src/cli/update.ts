// packages/pryx/src/cli/update.ts: `pryx update`, `pryx rollback`, `pryx remove` (K10).
//   U1  Without names only plugins with a range or a tag move; one without an explicit version moves when it is named.
//   U2  Wider permissions are consented to, all of them, or the old version goes on.
import { PryxError, UsageError } from '@pryx/kernel/contract'
import { parseSource, type Source } from '../registry/source.ts'
import { createScreen } from '../terminal/screen.ts'
import { safe, table } from '../terminal/style.ts'
import { type Bench, type InstallOptions, openBench } from './bench.ts'
import { askConsent, type ConsentOptions, fetchCandidate, interruptible, tellFacts } from './install.ts'
import type { Output } from './output.ts'

type UpdateOptions = ConsentOptions & { to?: string }

interface Outcome {
  id: string
  from: string
  to?: string
  state: 'updated' | 'current' | 'kept' | 'waits' | 'failed'
  why?: string
  wider?: readonly string[]
}

export async function update(output: Output, options: UpdateOptions, ids: readonly string[]): Promise<void> {
  using stop = interruptible()
  await using bench = await openBench(options)
  const { plugins } = bench.sources.project.read().lock
  for (const id of ids) if (plugins[id] === undefined) throw unknown(id, Object.keys(plugins))
  if (options.to !== undefined && ids.length !== 1)
    throw new UsageError('USAGE_TO', '--to is for one plugin', { hint: 'pryx update NAME --to VERSION' })
  const outcomes: Outcome[] = []
  for (const id of ids.length > 0 ? ids : Object.keys(plugins)) {
    const outcome = await updateOne(output, options, { bench, id, named: ids.length > 0, stop })
    outcomes.push(outcome)
    stop.signal.throwIfAborted()
  }
  bench.collect()
  if (outcomes.some(({ state }) => state === 'failed' || state === 'waits')) process.exitCode = 1
  output.result(outcomes, outcomes.length === 0 ? 'Nothing is installed.' : table(outcomes.map((one) => row(one))))
}

interface One {
  bench: Bench
  id: string
  named: boolean
  stop: ReturnType<typeof interruptible>
}

async function updateOne(output: Output, options: UpdateOptions, { bench, id, named, stop }: One): Promise<Outcome> {
  const locked = bench.sources.project.read().lock.plugins[id]!
  const source = parseSource(locked.source) as Exclude<Source, { kind: 'live' }>
  if (!named && !follows(source))
    return { id, from: locked.version, state: 'kept', why: `no range was named; \`pryx update ${id}\` moves it` } // U1
  try {
    using candidate = await fetchCandidate(bench, aim(source, options.to), {
      minAge: options.minAge,
      id,
      signal: stop.signal,
      quiet: output.json,
    })
    const { entry, wider } = candidate
    if (entry.content === locked.content)
      return {
        id,
        from: locked.version,
        state: 'current',
        ...(candidate.passedOver[0] && {
          why: `${candidate.passedOver[0].version} waits: ${candidate.passedOver[0].reason}`,
        }),
      }
    tellFacts(output, createScreen(process.stderr), candidate, locked.version)
    const allow = await askConsent(bench, candidate, wider, options, {
      json: output.json,
      interrupt: stop.interrupt,
    }).catch((error: unknown) => {
      if (PryxError.is(error, 'CONSENT_NEEDED')) return undefined
      throw error
    })
    stop.signal.throwIfAborted()
    const refused = wider.filter((one) => !allow?.includes(one))
    if (refused.length > 0)
      return {
        id,
        from: locked.version,
        to: entry.version,
        state: 'waits',
        why: `it wants ${refused.join(', ')}: answer at a terminal, or say --yes${refused.map((one) => ` --allow ${one}`).join('')}`,
        wider: refused,
      } // U2
    await bench.adopt(candidate, [...locked.permissions.filter((one) => candidate.declared.includes(one)), ...wider])
    return { id, from: locked.version, to: entry.version, state: 'updated', ...(wider.length > 0 && { wider }) }
  } catch (error) {
    if (!PryxError.is(error) || stop.signal.aborted || named) throw error
    return { id, from: locked.version, state: 'failed', why: error.message }
  }
}

function follows(source: Source): boolean {
  return source.kind === 'npm' && (source.want.kind === 'range' || source.want.kind === 'tag')
}

/** Where `--to` points; without it, what the source says. */
function aim(source: Exclude<Source, { kind: 'live' }>, to: string | undefined): Exclude<Source, { kind: 'live' }> {
  if (to === undefined) return source
  if (source.kind !== 'npm') throw new UsageError('USAGE_TO', 'a folder or a tarball has no versions to choose from')
  return parseSource(`npm:${source.name}@${to}`) as Extract<Source, { kind: 'npm' }>
}

function row({ id, from, to, state, why }: Outcome): string[] {
  const versions = to === undefined ? from : `${from} → ${to}`
  return [safe(id), versions, state === 'current' ? 'is current' : state, safe(why ?? '')]
}

export async function rollback(output: Output, options: InstallOptions, id: string): Promise<void> {
  await using bench = await openBench(options)
  const from = bench.sources.project.read().lock.plugins[id]?.version
  if (from === undefined) throw unknown(id, Object.keys(bench.sources.project.read().lock.plugins))
  const { version } = await bench.back(id)
  output.result(
    { id, from, to: version },
    `${output.style.green('✔')} ${safe(id)} is ${version} again (it was ${from})`,
  )
}

export async function remove(
  output: Output,
  options: InstallOptions & { keepData?: boolean },
  ids: readonly string[],
): Promise<void> {
  await using bench = await openBench(options)
  for (const id of ids) if (bench.config.plugins[id] === undefined) throw unknown(id, Object.keys(bench.config.plugins))
  for (const id of ids) await bench.remove(id, options.keepData ?? false)
  const freed = bench.collect()
  output.result(
    { removed: ids, keptData: options.keepData ?? false, packagesFreed: freed },
    `${output.style.green('✔')} ${ids.map((id) => safe(id)).join(', ')} removed${options.keepData ? '; data kept' : ''}`,
  )
}

export function unknown(id: string, there: readonly string[]): UsageError {
  return new UsageError('PLUGIN_UNKNOWN', `there is no installed plugin "${id}"`, {
    plugin: id,
    hint: `There are: ${there.join(', ') || 'none'}.`,
  })
}
