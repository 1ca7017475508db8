// packages/pryx/src/cli/permissions.ts: `pryx permissions`.
import { type PermissionStatus, UsageError } from '@pryx/kernel/contract'
import type { Control, GrantChoice } from '../control/control.ts'
import { riskColour } from '../terminal/consent.ts'
import { dateTime, type Style, safe, table } from '../terminal/style.ts'
import type { Output } from './output.ts'
import { modeText } from './plugins.ts'
import { type CommonOptions, withControl } from './target.ts'

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
