// packages/pryx/src/cli/up.ts: `pryx up`.
import { CONFIG_FILE, loadConfig } from '../host/config.ts'
import type { Output } from './output.ts'
import { runHost, type UpOptions } from './run-host.ts'
import { requireTrust } from './trust.ts'

export async function up(output: Output, options: UpOptions): Promise<void> {
  const file = options.config ?? CONFIG_FILE
  await requireTrust(output, file, options)
  await runHost(output, options, loadConfig(file, options))
}
