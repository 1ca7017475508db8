import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type AddressClass, classifyAddress } from './address.ts'
import { mayLead } from './dialer.ts'
import { coversNet, format, netConsent, parseNet, targetOf } from './grammar.ts'

const host = fc.constantFrom(
  'example.com',
  'api.example.com',
  'a.b.example.com',
  '*.example.com',
  '*.b.example.com',
  'localhost',
  'a.localhost',
  '*.localhost',
  'nas',
  'printer.local',
  '127.0.0.1',
  '10.0.0.5',
  '1.1.1.1',
  '[::1]',
  '[2606:4700::1111]',
)
const port = fc.constantFrom('', ':443', ':80', ':8080')
const permission = fc.oneof(
  fc.constant('any'),
  fc.tuple(fc.constantFrom('', 'private:'), host, port).map((parts) => parts.join('')),
)

describe('the grammar of net', () => {
  test('K4: covers is reflexive and transitive, and parsing a normal form changes nothing', () => {
    fc.assert(
      fc.property(permission, permission, permission, (x, y, z) => {
        const [a, b, c] = [parseNet(x), parseNet(y), parseNet(z)]
        expect(parseNet(a)).toBe(a)
        expect(coversNet(a, a)).toBe(true)
        if (coversNet(a, b) && coversNet(b, c)) expect(coversNet(a, c)).toBe(true)
      }),
      { numRuns: 3_000 },
    )
  })

  test('K4: any text is refused with a reason or has a normal form that is its own', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.webAuthority({ withPort: true }), fc.ipV4Extended(), fc.ipV6()), (text) => {
        let normal: string
        try {
          normal = parseNet(text)
        } catch (error) {
          expect(error).toMatchObject({ code: 'MANIFEST_INVALID' })
          return
        }
        expect(parseNet(normal)).toBe(normal)
        expect(netConsent(normal).text).toMatch(/^talk to /)
      }),
    )
  })

  test.each([
    '*',
    '',
    ':443',
    '*:443',
    '*.com',
    '*.co.uk',
    '*.127.0.0.1',
    '*.*.example.com',
    'a.*.com',
    'https://x.com',
    'x.com/path',
    'user@x.com',
    'x.com:0',
    'x.com:65536',
    'x.com:https',
    'x..com',
    '0.0.0.0',
    '[::]',
    '224.0.0.1',
    'any:80',
    'x y.com',
    'x.com:1:2',
    'private:any',
    'private:',
    '%31.com',
    '*.[::1]',
    '255.255.255.255',
  ])('K4: net:%s is refused', (rest) => {
    expect(() => parseNet(rest)).toThrow(expect.objectContaining({ code: 'MANIFEST_INVALID' }))
  })

  test.each([
    ['API.GitHub.com', 'api.github.com'],
    ['api.github.com.', 'api.github.com'],
    ['api.github.com:443', 'api.github.com'],
    ['bücher.example', 'xn--bcher-kva.example'],
    ['0x7f.1:8080', '127.0.0.1:8080'],
    ['2130706433', '127.0.0.1'],
    ['[0:0::1]:80', '[::1]:80'],
    ['private:nas', 'nas'],
    ['private:git.example.com:8443', 'private:git.example.com:8443'],
  ])('net:%s means net:%s', (rest, normal) => {
    expect(parseNet(rest)).toBe(normal)
  })

  test.each([
    ['api.github.com', 'https://api.github.com/x', true],
    ['api.github.com', 'http://api.github.com/x', false],
    ['api.github.com:80', 'http://api.github.com/x', true],
    ['api.github.com', 'https://api.github.com:8443/', false],
    ['api.github.com', 'https://api.github.com.evil.com/', false],
    ['*.github.com', 'https://github.com/', false],
    ['*.github.com', 'https://evilgithub.com/', false],
    ['*.github.com', 'https://a.b.github.com./', true],
    ['localhost', 'http://localhost/', true],
    ['localhost:8080', 'http://localhost:8081/', false],
    ['127.0.0.1:8080', 'http://0x7f000001:8080/', true],
    ['127.0.0.1:8080', 'http://localhost:8080/', false],
    ['any', 'https://example.com:9999/', true],
    ['any', 'http://localhost/', false],
    ['any', 'http://192.168.1.1/', false],
    ['any', 'http://[::ffff:127.0.0.1]/', false],
    ['any', 'http://[64:ff9b::a00:1]/', false],
    ['any', 'http://nas/', false],
    ['any', 'http://169.254.169.254/', false],
    ['any', 'http://metadata.google.internal/', false],
    ['*.example.com', 'https://127.0.0.1.example.com/', true], // where it leads is checked when it connects
  ])('K4: net:%s and %s: %s', (granted, url, allowed) => {
    expect(coversNet(parseNet(granted), format(targetOf(new URL(url))))).toBe(allowed)
  })

  test.each(['ftp://x.com/', 'file:///etc/passwd', 'data:,x', 'https://u:p@x.com/', 'http://x.com:443/'])(
    '%s is not fetched',
    (url) => {
      expect(() => targetOf(new URL(url))).toThrow(expect.objectContaining({ code: 'NET_URL' }))
    },
  )

  test('the consent screen says what is risky', () => {
    expect(netConsent('any').risk).toBe('high')
    expect(netConsent('169.254.169.254:80').risk).toBe('high')
    expect(netConsent('localhost:80').text).toBe('talk to programs on this machine (localhost, port 80)')
    expect(netConsent('private:git.example.com').text).toBe('talk to git.example.com in your own network')
    expect(netConsent('api.github.com')).toMatchObject({ risk: 'low', text: 'talk to api.github.com' })
  })
})

const octet = fc.nat(255)
function v4In(...prefix: number[]): fc.Arbitrary<string> {
  return fc.tuple(octet, octet, octet, octet).map((random) => [...prefix, ...random.slice(prefix.length)].join('.'))
}
const PLACES: [AddressClass, fc.Arbitrary<string>][] = [
  ['loopback', v4In(127)],
  ['private', v4In(10)],
  ['private', v4In(192, 168)],
  ['private', fc.tuple(fc.integer({ min: 16, max: 31 }), octet).map(([a, b]) => `172.${a}.${b}.9`)],
  ['metadata', v4In(169, 254)],
  ['reserved', v4In(0)],
  ['reserved', fc.tuple(fc.integer({ min: 224, max: 255 }), octet).map(([a, b]) => `${a}.${b}.9.9`)],
  ['public', fc.tuple(fc.constantFrom(1, 8, 52, 93, 140, 185), octet).map(([a, b]) => `${a}.${b}.7.7`)],
]

describe('classes of addresses', () => {
  test.each(PLACES)('K4: an IPv6 address that carries a %s IPv4 one is judged by it', (kind, address) => {
    fc.assert(
      fc.property(address, (v4) => {
        const hex = v4.split('.').map((part) => Number(part).toString(16).padStart(2, '0'))
        const tail = `${hex[0]}${hex[1]}:${hex[2]}${hex[3]}`
        for (const text of [
          v4,
          `::ffff:${v4}`,
          `::FFFF:${tail}`,
          `64:ff9b::${v4}`,
          `2002:${tail}::`,
          `2002:${tail}:1::5`,
        ])
          expect([text, classifyAddress(text)]).toEqual([text, kind])
      }),
    )
  })

  test.each([
    ['::1', 'loopback'],
    ['::', 'reserved'],
    ['::7f00:1', 'reserved'], // IPv4-compatible, long dead
    ['fe80::1', 'metadata'],
    ['fe80::1%eth0', 'metadata'],
    ['fec0::1', 'reserved'],
    ['fd12::1', 'private'],
    ['fd00:ec2::254', 'metadata'],
    ['ff02::1', 'reserved'],
    ['2001:0:1::', 'reserved'],
    ['2001:db8::1', 'reserved'],
    ['64:ff9b:1::1', 'reserved'],
    ['100::1', 'reserved'],
    ['2606:4700:4700::1111', 'public'],
    ['168.63.129.16', 'metadata'],
    ['100.100.100.200', 'metadata'],
    ['100.64.1.1', 'private'],
    ['8.8.8.8', 'public'],
  ])('K4: %s is %s', (address, kind) => {
    expect(classifyAddress(address)).toBe(kind)
  })

  test('K4: a name leads to loopback only if it is a loopback name, and never to metadata', () => {
    expect(mayLead('localhost', 'loopback', true)).toBe(true)
    expect(mayLead('localhost', 'private', true)).toBe(false)
    expect(mayLead('nas', 'private', true)).toBe(true)
    expect(mayLead('nas', 'loopback', true)).toBe(false)
    expect(mayLead('nas', 'metadata', true)).toBe(false)
    expect(mayLead('example.com', 'private', false)).toBe(false)
    expect(mayLead('example.com', 'public', false)).toBe(true)
  })
})
