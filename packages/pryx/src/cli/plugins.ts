// packages/pryx/src/cli/plugins.ts: `pryx plugins`.
import { type PluginStatus, UsageError } from '@pryx/kernel/contract'
import type { BrokenPlugin } from '../host/host.ts'
import { consentLine, riskColour } from '../terminal/consent.ts'
import { bytes, type Style, safe, table } from '../terminal/style.ts'
import type { Output } from './output.ts'
import { type CommonOptions, withControl } from './target.ts'

export async function listPlugins(output: Output, options: CommonOptions): Promise<void> {
  await withControl(options, {}, async (control, running) => {
    const { plugins, broken } = await control.plugins()
    output.result({ running, plugins, broken }, listText(plugins, broken, output.style))
    if (!running) output.note('No host is running.')
  })
}

export async function showPlugin(output: Output, options: CommonOptions, id: string): Promise<void> {
  await withControl(options, {}, async (control) => {
    const plugin = await control.plugin(id)
    output.result(plugin, infoText(plugin, output.style))
  })
}

export async function switchPlugins(
  output: Output,
  options: CommonOptions,
  act: 'enable' | 'disable' | 'reload',
  ids: readonly string[],
): Promise<void> {
  await withControl(options, { write: true }, async (control) => {
    const after: PluginStatus[] = []
    for (const id of ids)
      after.push(await (act === 'reload' ? control.reload(id) : control.setEnabled(id, act === 'enable')))
    output.result(after, after.map((plugin) => `${plugin.id} ${stageText(plugin, output.style)}`).join('\n'))
    const failed = act === 'disable' ? undefined : after.find(({ stage }) => stage === 'failed')
    if (failed)
      throw new UsageError('PLUGIN_FAILED', `${failed.id} did not come up: ${failed.reason ?? ''}`, {
        plugin: failed.id,
        hint: `See \`pryx logs ${failed.id}\`.`,
      })
  })
}

function listText(plugins: readonly PluginStatus[], broken: readonly BrokenPlugin[], style: Style): string {
  if (plugins.length + broken.length === 0) return 'There are no plugins yet. Add one to "plugins" in pryx.json.'
  const head = ['PLUGIN', 'VERSION', 'STATE', 'CPU', 'HEAP', 'CALLS', 'QUEUE', 'PROCESS'].map(style.dim)
  const rows = plugins.map((one) => [
    style.bold(safe(one.id)),
    safe(one.version),
    colourOf(one, style)(one.stage),
    `${Math.round(one.usage.cpuMs)} ms`,
    one.usage.heapBytes > 0 ? bytes(one.usage.heapBytes) : '–',
    String(one.usage.calls),
    String(one.queue.queued),
    one.process || '–',
  ])
  const reasons = [
    ...plugins.flatMap(({ id, stage, reason }) =>
      reason && stage !== 'stopped' ? [`  ${style.yellow('○')} ${safe(id)}: ${safe(reason)}`] : [],
    ),
    ...broken.flatMap(({ id, error }) => [
      `  ${style.red('✖')} ${safe(id)}: ${safe(error.message)}`,
      ...(error.hint ? [`    ${style.cyan('→')} ${safe(error.hint)}`] : []),
    ]),
  ]
  return [
    table([head, ...rows, ...broken.map(({ id }) => [style.bold(safe(id)), '–', style.red('broken')])]),
    ...reasons,
  ].join('\n')
}

function infoText(
  plugin: Awaited<ReturnType<import('../control/control.ts').Control['plugin']>>,
  style: Style,
): string {
  const { limits, usage, queue } = plugin
  const rows = [
    ['package', `${safe(plugin.name)} ${safe(plugin.version)}`],
    ['folder', safe(plugin.folder)],
    ['state', stageText(plugin, style)],
    ['services', plugin.services.map((one) => safe(one)).join(', ') || 'none'],
    ['tools', plugin.tools.map((one) => safe(one)).join(', ') || 'none'],
    [
      'used',
      `${Math.round(usage.cpuMs)} ms CPU, ${bytes(usage.heapBytes)} heap, ${usage.calls} calls, ${usage.events} events`,
    ],
    ['queue', `${queue.queued} waiting, ${queue.inFlight} in progress, ${queue.dropped} left out`],
    [
      'limits',
      `${limits.memoryMb} MB, ${limits.turnMs} ms a turn, ${limits.callMs / 1_000} s a call, queue ${limits.queue}, ${bytes(limits.messageBytes)} a message`,
    ],
    ['process', plugin.process || 'none'],
  ]
  return [
    `${style.bold(safe(plugin.id))}${plugin.description ? `  ${safe(plugin.description)}` : ''}`,
    table(rows.map(([name, value]) => [`  ${style.dim(name!)}`, value!])),
    '  It may, where you allow it,',
    ...plugin.permissions.map((one) => `${consentLine(one, style)}  ${modeText(one.mode, style)}`),
    ...plugin.warnings.map(({ text, risk }) => `  ${riskColour(risk, style)('▲')} ${safe(text)}`),
  ].join('\n')
}

export function modeText(mode: string, style: Style): string {
  return mode === 'allow' ? style.green('allowed') : mode === 'deny' ? style.red('denied') : style.yellow('asks')
}

function stageText(plugin: PluginStatus, style: Style): string {
  return `${colourOf(plugin, style)(plugin.stage)}${plugin.reason ? `: ${safe(plugin.reason)}` : ''}`
}

function colourOf({ stage }: PluginStatus, style: Style): (text: string) => string {
  return stage === 'active'
    ? style.green
    : stage === 'failed'
      ? style.red
      : stage === 'waiting' || stage === 'starting'
        ? style.yellow
        : style.dim
}
