// packages/capabilities/src/net/address.ts: what kind of place an IP address is (K4).
//   A1  What is not known to be public is not public: IPv6 outside 2000::/3, every special block of IANA's registries.
//   A2  An IPv6 address that carries an IPv4 one (mapped, NAT64, 6to4) is judged by what it carries.
import { BlockList, isIPv4 } from 'node:net'

/**
 * `metadata`: where a cloud machine tells its secrets, with all link-local addresses; `reserved`: multicast, unspecified,
 * documentation, tunnels: nobody's business.
 */
export type AddressClass = 'public' | 'private' | 'loopback' | 'metadata' | 'reserved'

const V4: [AddressClass, string, number][] = [
  ['loopback', '127.0.0.0', 8],
  ['metadata', '169.254.0.0', 16],
  ['metadata', '100.100.100.200', 32], // Alibaba
  ['metadata', '168.63.129.16', 32], // Azure
  ['metadata', '192.0.0.192', 32], // Oracle
  ['private', '10.0.0.0', 8],
  ['private', '172.16.0.0', 12],
  ['private', '192.168.0.0', 16],
  ['private', '100.64.0.0', 10],
  ['reserved', '0.0.0.0', 8],
  ['reserved', '192.0.0.0', 24],
  ['reserved', '192.0.2.0', 24],
  ['reserved', '192.88.99.0', 24],
  ['reserved', '198.18.0.0', 15],
  ['reserved', '198.51.100.0', 24],
  ['reserved', '203.0.113.0', 24],
  ['reserved', '224.0.0.0', 3], // multicast, future use, broadcast
]

const V6: [AddressClass, string, number][] = [
  ['loopback', '::1', 128],
  ['metadata', 'fd00:ec2::254', 128], // AWS
  ['metadata', 'fd20:ce::254', 128], // Google
  ['metadata', 'fe80::', 10],
  ['private', 'fc00::', 7],
  ['reserved', '2001::', 23], // Teredo, ORCHID, benchmarks
  ['reserved', '2001:db8::', 32],
  ['reserved', '3fff::', 20],
  ['public', '2000::', 3],
]

/** Where in an IPv6 address of a block the IPv4 one begins, in groups of 16 bits. */
const CARRIERS: [string, number, number][] = [
  ['::ffff:0:0', 96, 6],
  ['64:ff9b::', 96, 6],
  ['2002::', 16, 1],
]

const v4 = V4.map(([kind, net, prefix]) => ({ kind, block: blockOf(net, prefix, 'ipv4') }))
const v6 = V6.map(([kind, net, prefix]) => ({ kind, block: blockOf(net, prefix, 'ipv6') }))
const carriers = CARRIERS.map(([net, prefix, group]) => ({ group, block: blockOf(net, prefix, 'ipv6') }))

/** @param address IPv4 in four decimal parts, or IPv6 without brackets; a zone (`%eth0`) makes it link-local. */
export function classifyAddress(address: string): AddressClass {
  if (isIPv4(address)) return v4.find(({ block }) => block.check(address, 'ipv4'))?.kind ?? 'public'
  if (address.includes('%')) return 'metadata'
  const carrier = carriers.find(({ block }) => block.check(address, 'ipv6'))
  if (carrier) return classifyAddress(carriedAddress(address, carrier.group)) // A2
  return v6.find(({ block }) => block.check(address, 'ipv6'))?.kind ?? 'reserved' // A1
}

function carriedAddress(address: string, group: number): string {
  const groups = groupsOf(address)
  const [high = 0, low = 0] = groups.slice(group)
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`
}

/** The eight groups. URL brings every spelling into one form, dotted tails included. */
function groupsOf(address: string): number[] {
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::')
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const gap = Array<string>(8 - before.length - after.length).fill('0')
  return [...before, ...gap, ...after].map((text) => Number.parseInt(text, 16))
}

function blockOf(net: string, prefix: number, family: 'ipv4' | 'ipv6'): BlockList {
  const block = new BlockList()
  block.addSubnet(net, prefix, family)
  return block
}
