// packages/pryx/src/cli/list.ts: `pryx list`, `info`, `why`, `outdated`, `audit plugins`: what is installed, from where, for whom, and how good it is.
//   L1  Every plugin of pryx.json is in the list, with the reason if it does not run.
import { type Manifest, PryxError } from '@pryx/kernel/contract'
import semver from 'semver'
import { openEntryPackage } from '../host/packages.ts'
import { findOutdated, type Outdated } from '../install/outdated.ts'
import { dateTime, type Style, safe, table } from '../terminal/style.ts'
import { type Bench, type InstallOptions, openBench } from './bench.ts'
import type { Output } from './output.ts'
import { showPlugin } from './plugins.ts'
import { withControl } from './target.ts'
import { unknown } from './update.ts'

export async function listInstalled(output: Output, options: InstallOptions): Promise<void> {
  await using bench = await openBench(options)
  const { lock } = bench.sources.project.read()
  const { plugins, broken } = await withControl(options, {}, (control) => control.plugins())
  const rows = Object.entries(bench.config.plugins).map(([id, { source }]) => {
    const status = plugins.find((one) => one.id === id)
    const problem = broken.find((one) => one.id === id)?.error
    const entry = lock.plugins[id]
    return {
      id,
      source,
      ...(entry?.source === source && { name: entry.name, trust: entry.trust }),
      version: status?.version ?? entry?.version ?? null,
      stage: problem ? 'broken' : (status?.stage ?? 'unknown'),
      ...((problem?.message ?? status?.reason) && { reason: problem?.message ?? status?.reason }),
      ...(problem?.hint && { next: problem.hint }),
    }
  })
  output.result({ running: bench.running !== undefined, plugins: rows }, listText(rows, output.style))
}

function listText(
  rows: readonly {
    id: string
    source: string
    version: string | null
    stage: string
    reason?: string | undefined
    next?: string
  }[],
  style: Style,
): string {
  if (rows.length === 0) return 'No plugin yet. `pryx add NAME` installs one.'
  const reasons = rows.flatMap(({ id, stage, reason, next }) =>
    stage === 'active' || stage === 'stopped' || reason === undefined
      ? []
      : [
          `  ${style.yellow('○')} ${safe(id)}: ${safe(reason)}`,
          ...(next ? [`    ${style.cyan('→')} ${safe(next)}`] : []),
        ],
  )
  const head = ['PLUGIN', 'VERSION', 'STATE', 'FROM'].map(style.dim)
  return [
    table([head, ...rows.map((one) => [style.bold(safe(one.id)), one.version ?? '–', one.stage, safe(one.source)])]),
    ...reasons,
  ].join('\n')
}

/** An installed plugin, or what the registry says of a package. */
export async function info(output: Output, options: InstallOptions, name: string): Promise<void> {
  await using bench = await openBench(options, { create: true })
  if (bench.config.plugins[name] !== undefined) return showPlugin(output, options, name)
  const document = await bench.workshop.registry.document(name)
  const version = document.tags.latest ?? document.versions[0]
  if (version === undefined) throw unknown(name, Object.keys(bench.config.plugins))
  const release = document.release(version)
  const facts = {
    name,
    registry: document.registry,
    latest: version,
    versions: document.versions,
    publishedAt: release.publishedAt,
    publisher: release.publisher,
    deprecated: release.deprecated,
    signed: release.signatures.length > 0,
    provenance: release.attestations !== undefined,
  }
  const rows = [
    ['latest', version],
    ['published', release.publishedAt === undefined ? 'unknown' : dateTime(release.publishedAt)],
    ['by', safe(release.publisher ?? 'unknown')],
    ['versions', safe(document.versions.slice(0, 12).join(', '))],
    ['signed', facts.signed ? 'yes' : 'no'],
    ['provenance', facts.provenance ? 'offered' : 'none'],
    ...(release.deprecated ? [['deprecated', safe(release.deprecated)]] : []),
  ]
  output.result(
    facts,
    `${output.style.bold(safe(name))}\n${table(rows.map(([key, value]) => [`  ${output.style.dim(key!)}`, value!]))}`,
  )
}

/** Who provides a service or is a plugin, and who needs it. */
export async function why(output: Output, options: InstallOptions, subject: string): Promise<void> {
  await using bench = await openBench(options)
  const manifests = await manifestsOf(bench)
  const services = new Set([
    ...(manifests.has(subject) ? Object.keys(manifests.get(subject)!.provides) : []),
    ...([...manifests.values()].some(
      (one) => subject in one.provides || subject in one.requires || subject in one.optional,
    )
      ? [subject]
      : []),
  ])
  if (services.size === 0 && !manifests.has(subject)) throw unknown(subject, [...manifests.keys()])
  const found = [...services].map((service) => ({
    service,
    providers: [...manifests].flatMap(([id, { provides }]) =>
      provides[service] ? [{ plugin: id, version: provides[service] }] : [],
    ),
    wantedBy: [...manifests].flatMap(([id, { requires, optional }]) => {
      const range = requires[service] ?? optional[service]
      return range === undefined ? [] : [{ plugin: id, range, required: service in requires }]
    }),
  }))
  const named =
    subject in bench.config.plugins
      ? [`pryx.json names ${safe(subject)}: ${safe(bench.config.plugins[subject]!.source)}`]
      : []
  output.result(
    { subject, inConfig: subject in bench.config.plugins, services: found },
    [...named, ...found.flatMap((one) => whyText(one, output.style))].join('\n'),
  )
}

function whyText(
  {
    service,
    providers,
    wantedBy,
  }: {
    service: string
    providers: { plugin: string; version: string }[]
    wantedBy: { plugin: string; range: string; required: boolean }[]
  },
  style: Style,
): string[] {
  const by = providers.map(({ plugin, version }) => `${safe(plugin)} ${version}`).join(', ') || style.red('nobody')
  return [
    `${style.bold(safe(service))} is provided by ${by}`,
    ...wantedBy.map(({ plugin, range, required }) => {
      const fits = providers.some(({ version }) => semver.satisfies(version, range))
      return `  ${fits ? style.green('✔') : required ? style.red('✖') : style.dim('○')} ${safe(plugin)} ${required ? 'requires' : 'can use'} ${safe(range)}`
    }),
    ...(wantedBy.length === 0 ? [`  ${style.dim('no plugin asks for it')}`] : []),
  ]
}

async function manifestsOf({ config, sources }: Bench): Promise<Map<string, Manifest>> {
  const found = new Map<string, Manifest>()
  for (const [id, entry] of Object.entries(config.plugins)) {
    try {
      found.set(id, (await openEntryPackage(id, entry, sources)).manifest)
    } catch (error) {
      if (!PryxError.is(error)) throw error // what cannot be opened is in `pryx list`
    }
  }
  return found
}

export async function outdated(output: Output, options: InstallOptions): Promise<void> {
  await using bench = await openBench(options)
  const all = await findOutdated(bench.workshop, { minAgeDays: options.minAge })
  const open = all.filter(
    ({ version, wanted, latest, problem }) => problem !== undefined || wanted !== version || latest !== version,
  )
  const head = ['PLUGIN', 'NOW', 'WANTED', 'LATEST', ''].map(output.style.dim)
  output.result(
    open,
    open.length === 0 ? 'Everything is current.' : table([head, ...open.map((one) => outdatedRow(one, output.style))]),
  )
}

function outdatedRow({ id, version, wanted, latest, follows, problem }: Outdated, style: Style): string[] {
  const note =
    problem ??
    (wanted !== version && !follows
      ? `moves by \`pryx update ${id}\` only`
      : wanted === version
        ? 'newer ones are too young, or not in its range'
        : '')
  return [style.bold(safe(id)), version, wanted, latest, style.dim(safe(note))]
}

interface Finding {
  plugin: string
  severity: 'bad' | 'note'
  code: 'REFUSED' | 'DAMAGED' | 'WITHDRAWN' | 'DEPRECATED' | 'UNSIGNED' | 'UNKNOWN' | 'RISKY'
  text: string
}

/** Deny lists and policies, the store, deprecated and withdrawn versions, origin. */
export async function auditPlugins(output: Output, options: InstallOptions): Promise<void> {
  await using bench = await openBench(options)
  const { lock } = bench.sources.project.read()
  const findings: Finding[] = []
  for (const [id, entry] of Object.entries(bench.config.plugins)) {
    try {
      const pkg = await openEntryPackage(id, entry, bench.sources)
      const { warnings } = bench.sources.judge.preview(pkg.manifest, bench.sources.place(id, pkg.folder))
      for (const { text } of warnings) findings.push({ plugin: id, severity: 'note', code: 'RISKY', text })
    } catch (error) {
      if (!PryxError.is(error)) throw error
      findings.push({
        plugin: id,
        severity: 'bad',
        code: PryxError.is(error, 'POLICY_REFUSED') ? 'REFUSED' : 'DAMAGED',
        text: error.message,
      })
    }
    if (lock.plugins[id]?.trust === 'unsigned')
      findings.push({
        plugin: id,
        severity: 'note',
        code: 'UNSIGNED',
        text: 'its registry does not sign what it publishes',
      })
  }
  for (const one of await findOutdated(bench.workshop)) {
    if (one.withdrawn)
      findings.push({
        plugin: one.id,
        severity: 'bad',
        code: 'WITHDRAWN',
        text: `${one.version} is not in the registry any more`,
      })
    if (one.deprecated) findings.push({ plugin: one.id, severity: 'bad', code: 'DEPRECATED', text: one.deprecated })
    if (one.problem) findings.push({ plugin: one.id, severity: 'note', code: 'UNKNOWN', text: one.problem })
  }
  const bad = findings.some(({ severity }) => severity === 'bad')
  if (bad) process.exitCode = 1
  output.result({ good: !bad, findings }, auditText(findings, output.style))
}

function auditText(findings: readonly Finding[], style: Style): string {
  if (findings.length === 0) return `${style.green('✔')} Nothing is wrong with the plugins.`
  return findings
    .map(
      ({ plugin, severity, text }) =>
        `${severity === 'bad' ? style.red('✖') : style.yellow('▲')} ${style.bold(safe(plugin))}: ${safe(text)}`,
    )
    .join('\n')
}
