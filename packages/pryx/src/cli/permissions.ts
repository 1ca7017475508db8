// packages/pryx/src/cli/permissions.ts: `pryx permissions`.
import type { Secrets } from '@pryx/capabilities'
import { type PermissionStatus, UsageError } from '@pryx/kernel/contract'
import type { Tightened } from '../author/tighten.ts'
import type { Control, GrantChoice } from '../control/control.ts'
import { riskColour } from '../terminal/consent.ts'
import { dateTime, type Style, safe, table } from '../terminal/style.ts'
import type { Output } from './output.ts'
import { modeText } from './plugins.ts'
import { type CommonOptions, withControl } from './target.ts'

const RECORDS = 1_000 // as many as a host keeps at hand

type GrantOptions = CommonOptions & { all?: boolean; mode: GrantChoice['mode']; for: 'once' | 'session' | 'forever' }

export async function listPermissions(output: Output, options: CommonOptions, id?: string): Promise<void> {
  await withControl(options, {}, async (control) => {
    const plugins = id === undefined ? (await control.plugins()).plugins : [await control.plugin(id)]
    const listed = plugins.map((plugin) => ({ plugin: plugin.id, permissions: plugin.permissions }))
    output.result(
      listed,
      listed.map(({ plugin, permissions }) => listText(plugin, permissions, output.style)).join('\n') ||
        'There are no plugins yet.',
    )
  })
}

export async function grant(output: Output, options: GrantOptions, id: string, permission?: string): Promise<void> {
  await withControl(options, { write: true }, async (control) => {
    for (const one of await wanted(control, options, id, permission))
      await control.grant(id, one, { mode: options.mode, duration: options.for })
    await tell(output, control, id)
  })
}

export async function revoke(output: Output, options: GrantOptions, id: string, permission?: string): Promise<void> {
  await withControl(options, { write: true }, async (control) => {
    for (const one of await wanted(control, options, id, permission)) await control.revoke(id, one)
    await tell(output, control, id)
  })
}

/** `pryx permissions tighten`: what was allowed and done, against what is asked for. */
export async function tightenPermissions(output: Output, options: CommonOptions, id: string): Promise<void> {
  const { nodeCapabilities } = await import('@pryx/capabilities')
  const { tighten } = await import('../author/tighten.ts')
  await withControl(options, {}, async (control) => {
    const { permissions } = await control.plugin(id)
    const records = (await control.auditTail(RECORDS)).filter(({ plugin }) => plugin === id)
    const drivers = Object.values(nodeCapabilities({ secrets: {} as Secrets })) // a grammar needs no vault
    const tightened = tighten(
      permissions.map(({ permission }) => permission),
      records,
      drivers,
    )
    output.result({ plugin: id, ...tightened }, tightenedText(id, tightened, output.style))
  })
}

function tightenedText(id: string, { unused, narrower, least, calls }: Tightened, style: Style): string {
  if (calls === 0) return `${id} has done nothing yet that is in the newest ${RECORDS} entries of the record.`
  const lines = [
    ...unused.map((one) => `  ${style.yellow('▲')} ${safe(one)} was never used`),
    ...narrower.map(
      ({ declared, used }) =>
        `  ${style.yellow('▲')} ${safe(declared)} was used for ${used.map((one) => safe(one)).join(', ')}`,
    ),
  ]
  if (lines.length === 0)
    return `${style.green('✔')} ${style.bold(safe(id))} asks for no more than it used in ${calls} calls.`
  const proposal = least.map((one) => `    ${JSON.stringify(one)}`).join(',\n')
  return [
    `${style.bold(safe(id))}, by what it did in ${calls} calls:`,
    ...lines,
    'This would have been enough:',
    proposal,
    style.dim('What it did not do yet is not in the record: look before you cut.'),
  ].join('\n')
}

async function wanted(
  control: Control,
  { all }: GrantOptions,
  id: string,
  permission: string | undefined,
): Promise<string[]> {
  const { permissions } = await control.plugin(id)
  if (all && permission === undefined) return permissions.map((one) => one.permission)
  if (permission !== undefined && !all) return [permission]
  throw new UsageError('USAGE_PERMISSION', 'name one permission, or say --all', {
    hint: `${id} declares: ${permissions.map((one) => one.permission).join(', ') || 'nothing'}.`,
  })
}

async function tell(output: Output, control: Control, id: string): Promise<void> {
  const { permissions } = await control.plugin(id)
  output.result({ plugin: id, permissions }, listText(id, permissions, output.style))
}

function listText(plugin: string, permissions: readonly PermissionStatus[], style: Style): string {
  const rows = permissions.map((one) => [
    `  ${riskColour(one.risk, style)('●')} ${safe(one.permission)}`,
    modeText(one.mode, style),
    one.expiresAt ? `until ${dateTime(one.expiresAt)}` : (one.duration ?? ''),
    style.dim(safe(one.text)),
  ])
  return `${style.bold(safe(plugin))}\n${rows.length > 0 ? table(rows) : '  asks for nothing'}`
}
