// packages/pryx/src/host/drivers.ts: the capabilities of this host.

import { existsSync, realpathSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import {
  createKeyFile,
  createPassphraseKey,
  type KeySource,
  type Login,
  type NodeCapabilities,
  nodeCapabilities,
  openSecrets,
  type Secrets,
} from '@pryx/capabilities'
import type { HostConfig } from './config.ts'
import type { Incident } from './host.ts'

const STORAGE_MB = 256 // of one plugin

/** All drivers; none touches disk or network before it is used. A vault has one owner, because its writes wait for one another there. */
export function openDrivers(
  config: HostConfig,
  vault: Secrets,
  login?: Login,
  onIncident: (incident: Incident) => void = () => {},
): NodeCapabilities {
  return nodeCapabilities({
    secrets: vault,
    storage: {
      quotaBytes: (plugin) => (config.plugins[plugin]?.storageMb ?? STORAGE_MB) * 1_048_576,
      onIncident: ({ plugin, message, file }) =>
        onIncident({ what: `${plugin}: ${message}`, ...(file !== undefined && { kept: file }) }),
    },
    process: { recordFolder: processRecords(config) },
    fs: { guarded: guardedPaths(config) },
    http: { port: config.port, host: config.host, hosts: config.hosts, ...(login && { login }) },
  })
}

/** The host's secrets; nothing is read before it is used. */
export function openVault({ data }: Pick<HostConfig, 'data'>): Secrets {
  return openSecrets({ file: join(data, 'secrets.json'), key: keySource(process.env) })
}

/** Where child processes of plugins are noted, so that those a killed host left behind can be ended. */
export function processRecords({ data }: HostConfig): string {
  return join(data, 'processes')
}

/** The key to the secrets: a passphrase from the environment, or a file far from what it opens. */
function keySource({ PRYX_PASSPHRASE, XDG_CONFIG_HOME }: NodeJS.ProcessEnv): KeySource {
  if (PRYX_PASSPHRASE) return createPassphraseKey(PRYX_PASSPHRASE)
  return createKeyFile(join(keyFolder(XDG_CONFIG_HOME), 'master.key'))
}

function keyFolder(configHome = process.env.XDG_CONFIG_HOME): string {
  return join(configHome || join(homedir(), '.config'), 'pryx')
}

/** What no grant opens to a plugin: grants and audit, the key, and what decides which plugins run. */
function guardedPaths({ data, file }: HostConfig): string[] {
  return [data, file, keyFolder()].map((path) => (existsSync(path) ? realpathSync(path) : path))
}
