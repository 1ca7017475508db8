// packages/capabilities/src/net/dialer.ts: connections that lead only where they may (K4).
//   D1  A name is resolved once per connection, and the connection goes to the very address that was checked: no rebinding.
//   D2  Names of the public internet use connections of their own: one that leads into the own network is never shared with a
//       caller who did not prove that it may go there.
//   D3  The HTTP client is loaded at the first request: a host whose plugins never fetch pays nothing.
import { lookup as systemLookup } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import type { Agent, Dispatcher } from 'undici'
import { type AddressClass, classifyAddress } from './address.ts'
import { privateAddress } from './errors.ts'
import { bare, isLoopbackName } from './grammar.ts'

/** Resolves a name; a power, so that tests can lie. */
export type Lookup = (name: string) => Promise<{ address: string; family: number }[]>

export interface DialerOptions {
  lookup: Lookup
  connectMs: number
  /** Longest wait for an answer to begin, ms. */
  headersMs: number
  /** Longest silence within an answer, ms. */
  bodyMs: number
  headerBytes: number
}

export interface Dialer {
  /** Starts a request. Rejects with NET_PRIVATE_ADDRESS if the host leads where `local` does not allow. */
  request(local: boolean, options: Dispatcher.RequestOptions): Promise<Dispatcher.ResponseData>
  close(): Promise<void>
}

export function createDialer(options: DialerOptions): Dialer {
  const agents = new Map<boolean, Agent>() // D2
  return {
    async request(local, request) {
      const agent = agents.get(local) ?? (await open(local))
      return agent.request(request)
    },
    async close() {
      await Promise.all([...agents.values()].map((agent) => agent.destroy()))
      agents.clear()
    },
  }

  async function open(local: boolean): Promise<Agent> {
    const { default: undici } = await import('undici') // D3; in a bundle, CommonJS has its default export alone
    const agent =
      agents.get(local) ??
      new undici.Agent({
        connect: { lookup: checkedLookup(options.lookup, local), timeout: options.connectMs },
        headersTimeout: options.headersMs,
        bodyTimeout: options.bodyMs,
        maxHeaderSize: options.headerBytes,
        keepAliveTimeout: 4_000,
        connections: 64,
        allowH2: false,
      })
    agents.set(local, agent)
    return agent
  }
}

/** The machine's own resolver, hosts file included. */
export const lookupByMachine: Lookup = (name) =>
  new Promise((resolve, reject) =>
    systemLookup(name, { all: true, order: 'verbatim' }, (error, found) => (error ? reject(error) : resolve(found))),
  )

/** True if a host may lead to an address of this kind. `local`: the caller may enter the own network by this name. */
export function mayLead(host: string, kind: AddressClass, local: boolean): boolean {
  if (isIP(bare(host))) return kind !== 'reserved' // its permission names the address itself
  if (isLoopbackName(host)) return kind === 'loopback'
  return kind === 'public' || (kind === 'private' && local)
}

/** What a socket asks before it connects: answers only addresses that may be reached (D1). */
function checkedLookup(lookup: Lookup, local: boolean): LookupFunction {
  return (name, { all, family }, callback) => {
    resolve(name, family).then(
      (found) => (all ? callback(null, found) : callback(null, found[0]!.address, found[0]!.family)),
      (error) => callback(error as NodeJS.ErrnoException, []),
    )
  }

  async function resolve(name: string, family: unknown) {
    const host = name.toLowerCase().replace(/\.$/, '')
    const found = (await lookup(name)).filter((each) => isIP(each.address) !== 0 && isOfFamily(each, family))
    const reachable = found.filter(({ address }) => mayLead(host, classifyAddress(address), local))
    if (reachable.length > 0) return reachable
    if (found.length === 0) throw Object.assign(new Error(`no address for ${name}`), { code: 'ENOTFOUND' })
    throw privateAddress(host, classifyAddress(found[0]!.address))
  }
}

function isOfFamily(found: { family: number }, family: unknown): boolean {
  const wanted = family === 'IPv4' ? 4 : family === 'IPv6' ? 6 : family
  return wanted === found.family || (wanted !== 4 && wanted !== 6)
}
