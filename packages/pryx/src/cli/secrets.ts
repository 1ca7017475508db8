// packages/pryx/src/cli/secrets.ts: `pryx secrets`. A value comes from the keyboard, unseen, or from a pipe: never from an argument, which
// the list of processes and the shell's history would show. No command prints one.
import { safe, table } from '../terminal/style.ts'
import type { Output } from './output.ts'
import { type CommonOptions, withControl } from './target.ts'
import { readUnseen } from './unseen.ts'

type OwnerOptions = CommonOptions & { plugin?: string }

export async function listSecrets(output: Output, options: CommonOptions): Promise<void> {
  await withControl(options, {}, async (control) => {
    const secrets = await control.secrets()
    const rows = secrets.map(({ name, plugin }) => [
      safe(name),
      plugin === null ? 'shared' : `of ${safe(plugin)} alone`,
    ])
    output.result(secrets, rows.length > 0 ? table(rows) : 'There are no secrets yet.')
  })
}

export async function setSecret(output: Output, options: OwnerOptions, name: string): Promise<void> {
  const plugin = options.plugin ?? null
  const value = await readUnseen(`Value of ${name}`, `pryx secrets set ${name} < file`)
  await withControl(options, { write: true }, async (control) => {
    await control.setSecret(plugin, name, value)
    output.result({ plugin, name }, `${safe(name)} is kept, sealed, for ${plugin === null ? whoever : safe(plugin)}.`)
  })
}

export async function removeSecret(output: Output, options: OwnerOptions, name: string): Promise<void> {
  const plugin = options.plugin ?? null
  await withControl(options, { write: true }, async (control) => {
    const removed = await control.removeSecret(plugin, name)
    output.result({ plugin, name, removed }, removed ? `${safe(name)} is forgotten.` : `There was no ${safe(name)}.`)
  })
}

const whoever = 'every plugin that you allow to read it'
