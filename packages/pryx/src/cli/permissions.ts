// packages/pryx/src/cli/permissions.ts: `pryx permissions`.
import { join } from 'node:path'
import type { Secrets } from '@pryx/capabilities'
import { type PermissionStatus, UsageError } from '@pryx/kernel/contract'
import { z } from 'zod'
import type { Tightened } from '../author/tighten.ts'
import type { Control, GrantChoice } from '../control/control.ts'
import { riskColour } from '../terminal/consent.ts'
import { dateTime, type Style, safe, table } from '../terminal/style.ts'
import type { Output } from './output.ts'
import { modeText } from './plugins.ts'
import { type CommonOptions, dataOf, withControl } from './target.ts'

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
  const { tighten, useIn } = await import('../author/tighten.ts')
  await withControl(options, {}, async (control) => {
    const { permissions } = await control.plugin(id)
    const use = await useIn(id, entriesOf(join(dataOf(options), 'audit')))
    const drivers = Object.values(nodeCapabilities({ secrets: {} as Secrets })) // a grammar needs no vault
    const tightened = tighten(
      permissions.map(({ permission }) => permission),
      use,
      drivers,
    )
    output.result({ plugin: id, ...tightened }, tightenedText(id, tightened, output.style))
  })
}

/** All of the record, however long; what is no entry is `pryx audit verify`'s to tell. */
async function* entriesOf(folder: string): AsyncGenerator<z.infer<typeof entrySchema>> {
  const { readAuditFiles } = await import('@pryx/kernel')
  for await (const { text } of (await readAuditFiles(folder)).lines) {
    const entry = entrySchema.safeParse(jsonOf(text))
    if (entry.success) yield entry.data
  }
}

const entrySchema = z.object({
  plugin: z.string(),
  act: z.string(),
  outcome: z.string(),
  access: z.array(z.string()),
})

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function tightenedText(id: string, { unused, narrower, least, calls }: Tightened, style: Style): string {
  if (calls === 0) return `${id} has done nothing yet that is in the record.`
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
