// packages/pryx/src/cli/up.ts: `pryx up`.
import { CONFIG_FILE, loadConfig } from '../host/config.ts'
import type { Output } from './output.ts'
import { runHost, type UpOptions } from './run-host.ts'

export async function up(output: Output, options: UpOptions): Promise<void> {
  await runHost(output, options, loadConfig(options.config ?? CONFIG_FILE, options))
}
