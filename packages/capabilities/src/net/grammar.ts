// packages/capabilities/src/net/grammar.ts: the permission `net:`, and what a URL needs of it (K4).
//   `net:api.github.com`            https, port 443
//   `net:api.github.com:8443`       that port, by https or http
//   `net:*.example.com[:PORT]`      every name below example.com, at any depth, not example.com itself
//   `net:nas:8080`, `net:10.0.0.5`  a place in the own network, which only its name or address opens
//   `net:private:git.example.com`   a public name that may lead into the own network
//   `net:any`                       the whole public internet, any port
//   G1  A scheme is never written. Port 443 is https only and is left out of the normal form; plain http needs its port named
//       (80 for `http://host/`). Loopback hosts without a port allow 80 too.
//   G2  What lies in the own network is covered by a permission that names it, never by `any` or by a wildcard of public names.
//   G3  Multicast, unspecified and other addresses that are nobody's cannot be named.
import { isIP } from 'node:net'
import { type Consent, ManifestError, UsageError } from '@pryx/kernel/contract'
import { classifyAddress } from './address.ts'

export interface Target {
  /** As in a URL: lower case, punycode, IPv6 in brackets, no last dot; `*.` in front for a wildcard. */
  host: string
  port: number
  /** May lead into the own network. */
  local: boolean
}

const ANY = 'any'
const PRIVATE = 'private:'
const HTTPS_PORT = 443
const HTTP_PORT = 80
const MAX_HOST = 253
const LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/
const LOCAL_SUFFIXES = ['local', 'lan', 'internal', 'intranet', 'home', 'corp', 'localdomain', 'arpa']
const REGISTRY_LABELS = new Set('ac co com edu gob go gov mil ne net nom or org sch'.split(' ')) // co.uk, com.au …

/** The normal form. @throws MANIFEST_INVALID. */
export function parseNet(rest: string): string {
  if (rest === ANY) return ANY
  const isPrivate = rest.startsWith(PRIVATE)
  const { host, port } = splitPort(isPrivate ? rest.slice(PRIVATE.length) : rest, rest)
  const name = host.startsWith('*.') ? wildcardHost(host.slice(2), rest) : canonicalHost(host)
  if (name === undefined || name === ANY) throw invalid(rest, 'does not name a host')
  if (isIP(bare(name)) && classifyAddress(bare(name)) === 'reserved') throw invalid(rest, 'names an address nobody has') // G3
  return format({ host: name, port, local: isPrivate })
}

/** True if `granted` allows `wanted`; both in normal form. */
export function coversNet(granted: string, wanted: string): boolean {
  if (granted === wanted) return true
  if (wanted === ANY) return false
  const want = read(wanted)
  if (granted === ANY) return !want.local // G2
  const own = read(granted)
  if (want.local && !own.local) return false
  return coversHost(own.host, want.host) && coversPort(own, want)
}

export function netConsent(rest: string): Consent {
  const traits = ['takes-untrusted', 'sends-out'] as const
  if (rest === ANY) return { text: 'talk to any server on the internet', risk: 'high', traits }
  const { host, port, local } = read(rest)
  const name = host.startsWith('*.') ? `every server below ${host.slice(2)}` : host
  const where = port === HTTPS_PORT ? name : `${name}, port ${port}`
  const kind = isIP(bare(host)) ? classifyAddress(bare(host)) : undefined
  if (kind === 'metadata')
    return { text: `talk to ${where}, where this machine’s cloud keys may be read`, risk: 'high', traits }
  if (isLoopbackName(host)) return { text: `talk to programs on this machine (${where})`, risk: 'medium', traits }
  if (local) return { text: `talk to ${where} in your own network`, risk: 'medium', traits }
  return { text: `talk to ${where}`, risk: host.startsWith('*.') ? 'medium' : 'low', traits }
}

/** What fetching `url` needs. @throws NET_URL for what is not a plain http or https URL. */
export function targetOf(url: URL): Target {
  const port = url.port === '' ? (url.protocol === 'https:' ? HTTPS_PORT : HTTP_PORT) : Number(url.port)
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw badUrl(url, `${url.protocol} is not http or https`)
  if (url.username !== '' || url.password !== '') throw badUrl(url, 'it holds a user name or password')
  if (url.protocol === 'http:' && port === HTTPS_PORT) throw badUrl(url, 'port 443 is for https')
  const host = canonicalHost(url.hostname)
  if (host === undefined) throw badUrl(url, 'its host is not a name or address')
  return { host, port, local: isLocalName(host) }
}

/** The rest of the permission for a target. */
export function format({ host, port, local }: Target): string {
  const hidden = isLocalName(host) || !local
  return `${hidden ? '' : PRIVATE}${host}${port === HTTPS_PORT ? '' : `:${port}`}`
}

/** Without the brackets of IPv6. */
export function bare(host: string): string {
  return host.startsWith('[') ? host.slice(1, -1) : host
}

export function isLoopbackName(host: string): boolean {
  const name = host.replace(/^\*\./, '')
  if (name === 'localhost' || name.endsWith('.localhost')) return true
  return isIP(bare(name)) !== 0 && classifyAddress(bare(name)) === 'loopback'
}

/** True for what can only be a place in the own network: its address, a bare name, a name under `.local` and its like. */
function isLocalName(host: string): boolean {
  const name = host.replace(/^\*\./, '')
  if (isIP(bare(name))) return classifyAddress(bare(name)) !== 'public'
  const last = name.slice(name.lastIndexOf('.') + 1)
  return !name.includes('.') || last === 'localhost' || LOCAL_SUFFIXES.includes(last)
}

function read(rest: string): Target {
  const isPrivate = rest.startsWith(PRIVATE)
  const { host, port } = splitPort(isPrivate ? rest.slice(PRIVATE.length) : rest, rest)
  return { host, port, local: isPrivate || isLocalName(host) }
}

function coversHost(own: string, want: string): boolean {
  return own === want || (own.startsWith('*.') && want.endsWith(own.slice(1)))
}

function coversPort(own: Target, want: Target): boolean {
  return own.port === want.port || (own.port === HTTPS_PORT && want.port === HTTP_PORT && isLoopbackName(own.host)) // G1
}

function splitPort(text: string, rest: string): { host: string; port: number } {
  const match = /^(\[[^\]]*\]|[^:]*)(?::([0-9]{1,5}))?$/.exec(text)
  const port = match?.[2] === undefined ? HTTPS_PORT : Number(match[2])
  if (match === null || port < 1 || port > 65_535) throw invalid(rest, 'is not a host with a port')
  return { host: match[1] as string, port }
}

/** The host as every URL parser sees it, so that other spellings of an address (0x7f.1) are not other hosts. */
function canonicalHost(text: string): string | undefined {
  if (text === '' || /[\s/?#@\\%*]/.test(text) || !URL.canParse(`http://${text}/`)) return undefined
  const host = new URL(`http://${text}/`).hostname.replace(/\.$/, '')
  if (isIP(bare(host))) return host
  return host.length <= MAX_HOST && host.split('.').every((label) => LABEL.test(label)) ? host : undefined
}

function wildcardHost(text: string, rest: string): string | undefined {
  const base = canonicalHost(text)
  if (base === undefined || isIP(bare(base))) return undefined
  const labels = base.split('.')
  const [second = '', last = ''] = labels.slice(-2)
  const registry = labels.length === 1 || (labels.length === 2 && last.length === 2 && REGISTRY_LABELS.has(second))
  if (registry && base !== 'localhost') throw invalid(rest, 'grants a whole top-level domain')
  return `*.${base}`
}

function badUrl(url: URL, why: string): UsageError {
  return new UsageError('NET_URL', `cannot fetch ${url.origin === 'null' ? url.protocol : url.origin}: ${why}`, {
    hint: 'Use an http or https URL with a host; send credentials in a header.',
  })
}

function invalid(rest: string, why: string): ManifestError {
  return new ManifestError('MANIFEST_INVALID', `"net:${rest.slice(0, 80)}" ${why}`, {
    found: `net:${rest.slice(0, 80)}`,
    expected: 'net:HOST or net:HOST:PORT, such as net:api.example.com, net:*.example.com or net:localhost:8080',
    hint: 'Name each host the plugin talks to. The whole internet is "net:any".',
  })
}
