// packages/pryx/src/cli/target.ts: which host a command is about: the running one of the data folder, or its records at rest.
import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { PryxError } from '@pryx/kernel/contract'
import { type ControlClient, connectControl } from '../control/client.ts'
import { type Control, hostDown } from '../control/control.ts'
import { CONFIG_FILE, DATA_FOLDER, emptyConfig, type HostConfig, loadConfig } from '../host/config.ts'

/** Options every command has. */
export interface CommonOptions {
  json?: boolean
  config?: string
  data?: string
}

/**
 * Runs `work` on the running host, or, if there is none, on its records at rest; `make`: before its first start too.
 *
 * @throws HOST_DOWN if there is neither
 */
export async function withControl<T>(
  options: CommonOptions,
  choice: { write?: boolean; make?: boolean },
  work: (control: Control, running: boolean) => Promise<T>,
): Promise<T> {
  const running = await connectControl(dataOf(options))
  if (running) return work(running, true)
  const config = configOf(options)
  if (choice.write && !choice.make && !existsSync(config.data)) throw hostDown()
  const { openAtRest } = await import('../host/at-rest.ts')
  await using atRest = await openAtRest(config, { write: choice.write ?? false })
  return await work(atRest, false)
}

/** The running host. @throws HOST_DOWN */
export async function runningHost(options: CommonOptions): Promise<ControlClient> {
  const running = await connectControl(dataOf(options))
  if (running === undefined) throw hostDown()
  return running
}

/** The configuration a command is about. @throws CONFIG_*, HOST_DOWN if there is no sign of a host */
export function configOf(options: CommonOptions): HostConfig {
  const file = options.config ?? CONFIG_FILE
  if (options.config === undefined && !existsSync(file) && existsSync(options.data ?? DATA_FOLDER))
    return emptyConfig('.', { data: options.data })
  if (options.config === undefined && !existsSync(file)) throw noProject()
  return loadConfig(file, { data: options.data })
}

/** A broken pryx.json must not keep anyone from a host that runs. */
export function dataOf(options: CommonOptions): string {
  if (options.data !== undefined) return resolve(options.data)
  const file = options.config ?? CONFIG_FILE
  try {
    return loadConfig(file).data
  } catch (error) {
    if (!PryxError.is(error)) throw error
    return join(dirname(resolve(file)), DATA_FOLDER)
  }
}

function noProject(): PryxError {
  const error = hostDown()
  return new PryxError(error.code, `there is no ${CONFIG_FILE} here and no data folder`, {
    hint: 'Go to the folder of your pryx.json, or name it with --config.',
  })
}
