// plugins/router/src/catalogue/shelf.ts: the catalogue in use, and the copies behind it (R1).
//   H1  There is always one: the fetched copy if it is newer, else the bundled one. A fetch that fails changes nothing.
//   H2  A fetched copy never moves a known provider to another address: a key goes where it was meant for.
//   H3  Catalogues that decisions of late were made on can be had again: the bundled, the last two fetched, and what was laid over them.
import { CapabilityError } from '@pryx/sdk'
import { modelsEvents } from '../events.ts'
import type { Model, Provider } from '../facts.ts'
import type { Ports } from '../ports.ts'
import type { RefreshReport } from '../service.ts'
import { type Catalogue, type CatalogueParts, createCatalogue } from './catalogue.ts'
import { type Compact, compact } from './compact.ts'
import { SNAPSHOT, SNAPSHOT_AT, SNAPSHOT_VERSION } from './snapshot.ts'

const SOURCE = 'https://models.dev/api.json'
const FRESH_MS = 24 * 3_600_000
const FETCH_MS = 10_000
const MAX_CHARACTERS = 24 * 1_048_576
const CHUNK = 400_000 // characters; a stored value may have 1 MiB
const KEPT = 2
const LEAST_SHARE = 0.5 // of the models there were; a source that lost more has lost its mind

export interface Extra {
  provider: Omit<Provider, 'models'>
  models: readonly Model[]
}
/** What lies over the source's data. */
export type Overlay = Required<Pick<CatalogueParts, 'overrides' | 'ofProviders' | 'baseUrls'>> & {
  extra: readonly Extra[]
}

interface Copy {
  version: string
  at: number
  chunks: number
}

export interface Shelf {
  open(): Promise<void>
  current(): Catalogue
  base(): Compact
  /** Lays `overlay` over the data, in place of what lay there. */
  lay(overlay: Overlay): void
  refresh(force: boolean): Promise<RefreshReport>
  /** The catalogue of that version, if it can still be had (H3). */
  again(version: string): Promise<Catalogue | undefined>
}

export function createShelf({ clock, values, fetch, emit, warn }: Ports, wanted: 'daily' | 'never'): Shelf {
  let base = {
    data: JSON.parse(SNAPSHOT) as Compact,
    version: SNAPSHOT_VERSION,
    at: SNAPSHOT_AT,
    source: 'bundled' as 'bundled' | 'fetched',
  }
  let overlay: Overlay = { overrides: {}, ofProviders: {}, baseUrls: {}, extra: [] }
  let made: Catalogue | undefined
  let running: Promise<RefreshReport> | undefined
  return { open, current, base: () => base.data, lay, refresh, again }

  async function open(): Promise<void> {
    const [newest] = await copies()
    if (newest === undefined || newest.at <= SNAPSHOT_AT) return
    const data = await load(newest)
    if (data) base = { data, version: newest.version, at: newest.at, source: 'fetched' }
    made = undefined
  }

  function current(): Catalogue {
    made ??= createCatalogue({ version: versionOf(), base: base.data, ...overlay })
    return made
  }

  function lay(next: Overlay): void {
    overlay = next
    made = undefined
    values
      .set(`overlay/${overlayHash()}`, overlay)
      .catch((error) => warn('what lies over the catalogue could not be kept', error)) // H3
  }

  function versionOf(): string {
    return `${base.version}+${overlayHash()}`
  }

  function overlayHash(): string {
    return shortHash(JSON.stringify(overlay))
  }

  function refresh(force: boolean): Promise<RefreshReport> {
    running ??= fetchNow(force).finally(() => {
      running = undefined
    })
    return running
  }

  async function fetchNow(force: boolean): Promise<RefreshReport> {
    if (!force && wanted === 'never') return report('off')
    const last = (await values.get<number>('catalogue/fetched')) ?? 0
    if (!force && clock.now() - last < FRESH_MS) return report('fresh')
    try {
      const text = await download(fetch)
      const data = pinned(compact(JSON.parse(text)), JSON.parse(SNAPSHOT) as Compact) // H2
      if (data.flags.length < base.data.flags.length * LEAST_SHARE)
        throw new CapabilityError('MODELS_CATALOGUE', `the fetched catalogue has only ${data.flags.length} models`)
      return await adopt(data)
    } catch (error) {
      return report('offline', { error: error instanceof Error ? error.message : String(error) }) // H1
    }
  }

  async function adopt(data: Compact): Promise<RefreshReport> {
    const text = JSON.stringify(data)
    const version = (await sha256(text)).slice(0, 12)
    await values.set('catalogue/fetched', clock.now())
    if (version === base.version) return report('unchanged')
    const [before, after] = [slugsOf(base.data), slugsOf(data)]
    const added = [...after].filter((slug) => !before.has(slug)).length
    const removed = [...before].filter((slug) => !after.has(slug)).length
    await keep(version, text)
    base = { data, version, at: clock.now(), source: 'fetched' }
    made = undefined
    await emit(modelsEvents.refreshed, { version, models: data.flags.length, added, removed })
    return report('updated', { added, removed })
  }

  async function keep(version: string, text: string): Promise<void> {
    const chunks = Math.ceil(text.length / CHUNK)
    for (let n = 0; n < chunks; n++)
      await values.set(`catalogue/${version}/${n}`, text.slice(n * CHUNK, (n + 1) * CHUNK))
    const all = [{ version, at: clock.now(), chunks }, ...(await copies()).filter((copy) => copy.version !== version)]
    await values.set('catalogue/copies', all.slice(0, KEPT))
    for (const old of all.slice(KEPT))
      for (let n = 0; n < old.chunks; n++) await values.delete(`catalogue/${old.version}/${n}`)
  }

  async function load({ version, chunks }: Copy): Promise<Compact | undefined> {
    const pieces = await Promise.all(
      Array.from({ length: chunks }, (_, n) => values.get<string>(`catalogue/${version}/${n}`)),
    )
    if (pieces.some((piece) => piece === undefined)) return undefined
    try {
      return JSON.parse(pieces.join('')) as Compact // ours: nobody else writes this plugin's storage
    } catch {
      return undefined
    }
  }

  async function copies(): Promise<Copy[]> {
    return (await values.get<Copy[]>('catalogue/copies')) ?? []
  }

  async function again(version: string): Promise<Catalogue | undefined> {
    if (version === versionOf()) return current()
    const [wantedBase = '', hash = ''] = version.split('+')
    const laid = await values.get<Overlay>(`overlay/${hash}`)
    const copy = (await copies()).find((one) => one.version === wantedBase)
    const data =
      wantedBase === base.version
        ? base.data
        : wantedBase === SNAPSHOT_VERSION
          ? (JSON.parse(SNAPSHOT) as Compact)
          : copy && (await load(copy))
    return laid && data ? createCatalogue({ version, base: data, ...laid }) : undefined
  }

  function report(outcome: RefreshReport['outcome'], more: Partial<RefreshReport> = {}): RefreshReport {
    const { size, providers } = current()
    return {
      outcome,
      version: base.version,
      models: size,
      providers: providers.length,
      at: base.at,
      source: base.source,
      added: 0,
      removed: 0,
      ...more,
    }
  }
}

async function download(fetch: typeof globalThis.fetch): Promise<string> {
  const response = await fetch(SOURCE, { signal: AbortSignal.timeout(FETCH_MS) })
  if (!response.ok) throw new CapabilityError('MODELS_CATALOGUE', `models.dev answered ${response.status}`)
  const decoder = new TextDecoder()
  let text = ''
  for await (const bytes of response.body ?? []) {
    text += decoder.decode(bytes as Uint8Array, { stream: true })
    if (text.length > MAX_CHARACTERS)
      throw new CapabilityError('MODELS_CATALOGUE', 'the catalogue is too big to be true')
  }
  return text + decoder.decode()
}

/** H2: `trusted` says where its providers are; new ones are where the source says. */
export function pinned(data: Compact, trusted: Compact): Compact {
  const known = new Map(trusted.providers.map((provider) => [provider[0], provider]))
  const moved = new Set<string>()
  const providers = data.providers.map((provider): Compact['providers'][number] => {
    const own = known.get(provider[0])
    if (own === undefined || own[3] === provider[3]) return provider
    moved.add(provider[0])
    return [provider[0], provider[1], own[2], own[3], provider[4], provider[5]]
  })
  if (moved.size === 0) return data
  const first = new Map<number, string>()
  let row = 0
  for (const [id, , , , , models] of providers) for (let n = 0; n < models; n++) first.set(row++, id)
  return { ...data, providers, urls: data.urls.filter(([at]) => !moved.has(first.get(at) as string)) }
}

function slugsOf(data: Compact): Set<string> {
  const ids = data.ids.split('\n')
  const slugs = new Set<string>()
  let row = 0
  for (const [provider, , , , , models] of data.providers)
    for (let n = 0; n < models; n++) slugs.add(`${provider}/${ids[row++]}`)
  return slugs
}

async function sha256(text: string): Promise<string> {
  const bytes = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)))
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** FNV-1a, twice 32 bits: names an overlay, guards nothing. */
function shortHash(text: string): string {
  let [a, b] = [0x811c9dc5, 0x01000193]
  for (let i = 0; i < text.length; i++) {
    a = Math.imul(a ^ text.charCodeAt(i), 0x01000193)
    b = Math.imul(b ^ text.charCodeAt(i), 0x85ebca6b)
  }
  return (a >>> 0).toString(16).padStart(8, '0') + (b >>> 0).toString(16).padStart(8, '0')
}
