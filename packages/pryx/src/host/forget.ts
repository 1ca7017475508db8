// packages/pryx/src/host/forget.ts: what a host holds of a plugin outside of the plugin's own folder, and how it goes when the plugin is removed.
import { join } from 'node:path'
import type { PluginId } from '@pryx/kernel/contract'
import type { HostConfig } from './config.ts'
import { openVault } from './drivers.ts'
import { openSwitches, type Switches } from './switches.ts'

/** Forgets its switch and its secrets. */
export async function forgetPlugin(
  config: Pick<HostConfig, 'data'>,
  plugin: PluginId,
  switches: Switches = openSwitches(join(config.data, 'switches.json')),
): Promise<void> {
  switches.forget(plugin)
  await using vault = openVault(config)
  for (const name of await vault.list(plugin)) await vault.delete(plugin, name)
}
