// plugins/router/src/providers.ts: which providers can be asked, where, and with which key.
//   P1  A key lives among the secrets, is read for the call that needs it, and is kept nowhere else.
//   P2  A provider without a key, an address or a wire of ours is not ready, and says which of the three it lacks.
import { UsageError } from '@pryx/sdk'
import type { Access } from './calls/run.ts'
import type { Catalogue } from './catalogue/catalogue.ts'
import { isLoopback, runsHere, usableUrl } from './catalogue/wires.ts'
import type { Config } from './config.ts'
import type { Provider } from './facts.ts'
import type { Keys, KeyValues } from './ports.ts'
import type { ProviderStatus } from './service.ts'

export const ECHO_PROVIDER: Omit<Provider, 'models'> = { id: 'echo', name: 'Echo', wire: 'echo', baseUrl: 'echo:' }
const LOCAL_SERVERS = new Set(['ollama', 'llamacpp'])
const PREFIX = 'provider.'

export interface Providers {
  open(): Promise<void>
  /** Ids of those that are ready. */
  ready(catalogue: Catalogue): string[]
  status(provider: Provider): ProviderStatus
  /** @throws MODELS_KEY without one where one is needed */
  access(catalogue: Catalogue, row: number): Promise<Access>
  /** Addresses the user has given, by provider. */
  baseUrls(): Record<string, string>
  connect(provider: string, access: { key?: string | undefined; baseUrl?: string | undefined }): Promise<void>
  disconnect(provider: string): Promise<void>
}

export function createProviders(config: Config['providers'], keys: Keys, values: KeyValues): Providers {
  const keyed = new Set<string>()
  let urls: Record<string, string> = {}
  return { open, ready, status, access, baseUrls, connect, disconnect }

  async function open(): Promise<void> {
    for (const name of await keys.list()) if (name.startsWith(PREFIX)) keyed.add(name.slice(PREFIX.length))
    // The user may have shared a key under its name: looked for only where the configuration speaks of the provider.
    for (const id of Object.keys(config))
      if (!keyed.has(id) && (await keys.get(PREFIX + id)) !== undefined) keyed.add(id)
    urls = (await values.get<Record<string, string>>('addresses')) ?? {}
  }

  function ready({ providers }: Catalogue): string[] {
    return providers.filter((provider) => stateOf(provider) === 'ready').map(({ id }) => id)
  }

  function stateOf({ id, wire, baseUrl }: Provider): ProviderStatus['state'] {
    if (wire === 'none') return 'not-spoken'
    if (baseUrl === undefined) return 'needs-address'
    if (id === 'echo') return 'ready'
    if (config[id]?.enabled === false) return 'needs-key'
    return keyed.has(id) || keyless(id) ? 'ready' : 'needs-key'
  }

  function keyless(id: string): boolean {
    return LOCAL_SERVERS.has(id) || config[id]?.keyless === true
  }

  function status(provider: Provider): ProviderStatus {
    return {
      ...provider,
      state: stateOf(provider),
      local: provider.id === 'echo' || runsHere(provider.id, provider.baseUrl),
    }
  }

  async function access(catalogue: Catalogue, row: number): Promise<Access> {
    const { id, name, baseUrl } = catalogue.provider(row)
    const key = keyed.has(id) ? await keys.get(PREFIX + id) : undefined // P1
    if (key === undefined && id !== 'echo' && !keyless(id))
      throw new UsageError('MODELS_KEY', `there is no key for ${name}`, {
        provider: id,
        hint: `Give one with \`pryx setup\`.`,
      })
    return { baseUrl: catalogue.url(row) ?? (baseUrl as string), key }
  }

  function baseUrls(): Record<string, string> {
    const configured = Object.entries(config).flatMap(([id, { baseUrl }]) =>
      baseUrl === undefined ? [] : [[id, safeUrl(baseUrl)] as const],
    )
    return { ...Object.fromEntries(configured), ...urls }
  }

  async function connect(
    provider: string,
    { key, baseUrl }: { key?: string | undefined; baseUrl?: string | undefined },
  ): Promise<void> {
    if (baseUrl !== undefined) {
      urls = { ...urls, [provider]: safeUrl(baseUrl) }
      await values.set('addresses', urls)
    }
    if (key === undefined) return
    await keys.set(PREFIX + provider, key.trim())
    keyed.add(provider)
  }

  async function disconnect(provider: string): Promise<void> {
    await keys.delete(PREFIX + provider)
    keyed.delete(provider)
    const { [provider]: _gone, ...rest } = urls
    urls = rest
    await values.set('addresses', urls)
  }
}

/** Plain http is for this machine, and for a house's own network where the user says so by naming it; keys go nowhere else in the clear. */
function safeUrl(text: string): string {
  const url = usableUrl(text)
  if (url !== undefined) return url
  const parsed = URL.canParse(text) ? new URL(text) : undefined
  if (
    parsed?.protocol === 'http:' &&
    (isLoopback(parsed.hostname) ||
      !parsed.hostname.includes('.') ||
      /^(10|192\.168|172\.(1[6-9]|2\d|3[01]))\./.test(parsed.hostname))
  )
    return text.replace(/\/+$/, '')
  throw new UsageError(
    'MODELS_ADDRESS',
    'the address of a provider must be https, or http on this machine or in your own network',
    { found: parsed?.origin ?? 'no URL', hint: 'Write https://…' },
  )
}
