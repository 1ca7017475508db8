// packages/pryx/src/host/drivers.ts: the capabilities of this host.
import { homedir } from 'node:os'
import { join } from 'node:path'
import {
  createKeyFile,
  createPassphraseKey,
  type KeySource,
  type NodeCapabilities,
  nodeCapabilities,
  openSecrets,
} from '@pryx/capabilities'
import type { HostConfig } from './config.ts'
import type { Incident } from './host.ts'

/** All drivers; none touches disk or network before it is used. */
export function openDrivers(config: HostConfig, onIncident: (incident: Incident) => void = () => {}): NodeCapabilities {
  return nodeCapabilities({
    secrets: openSecrets({ file: join(config.data, 'secrets.json'), key: keySource(process.env) }),
    storage: {
      onIncident: ({ plugin, message, file }) =>
        onIncident({ what: `${plugin}: ${message}`, ...(file !== undefined && { kept: file }) }),
    },
    http: { port: config.port, host: config.host, hosts: config.hosts },
  })
}

/** The key to the secrets: a passphrase from the environment, or a file far from what it opens. */
function keySource({ PRYX_PASSPHRASE, XDG_CONFIG_HOME }: NodeJS.ProcessEnv): KeySource {
  if (PRYX_PASSPHRASE) return createPassphraseKey(PRYX_PASSPHRASE)
  return createKeyFile(join(XDG_CONFIG_HOME || join(homedir(), '.config'), 'pryx', 'master.key'))
}
