// test/install-evil.test.ts: registries and packages that mean harm, or are broken: nothing outside the store, nothing run, all as before, a clear error (K10).
import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type AtRest, openAtRest } from '../packages/pryx/src/host/at-rest.ts'
import { emptyConfig } from '../packages/pryx/src/host/config.ts'
import { createWorkshop, type WorkshopOptions } from '../packages/pryx/src/host/workshop.ts'
import { obtain } from '../packages/pryx/src/install/candidate.ts'
import { parseRequest } from '../packages/pryx/src/registry/source.ts'
import {
  packageJson,
  pluginTarball,
  type TestEntry,
  type TestPlugin,
  tarball,
} from '../packages/pryx/src/store/tarball-testing.ts'

const STALL_MS = 2_500 // longer than two retries

/** What the registry answers next, by path; everything else is a 404. */
const answers = new Map<string, (response: ServerResponse) => void>()
let url: string
let root: string
let atRest: AtRest
const server = createServer((request, response) => {
  const answer = answers.get(decodeURIComponent(request.url ?? ''))
  if (answer) answer(response)
  else response.writeHead(404).end('{}')
})

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  root = realpathSync(mkdtempSync(join(tmpdir(), 'pryx-evil-')))
  mkdirSync(join(root, 'project'))
  process.env.PRYX_STORE = join(root, 'store')
  atRest = await openAtRest(emptyConfig(join(root, 'project')), { write: false })
})
beforeEach(() => answers.clear())
afterAll(async () => {
  await atRest?.[Symbol.asyncDispose]()
  delete process.env.PRYX_STORE
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  rmSync(root, { recursive: true, force: true })
})

const json = (body: unknown) => (response: ServerResponse) =>
  void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
const integrityOf = (bytes: Uint8Array) => `sha512-${createHash('sha512').update(bytes).digest('base64')}`

function serve(plugin: TestPlugin, packed: Uint8Array, dist: object = {}, more: object = {}): void {
  const { name, version = '1.0.0' } = plugin
  const release = { name, version, dist: { tarball: `${url}t.tgz`, integrity: integrityOf(packed), ...dist }, ...more }
  answers.set(
    `/${name}`,
    json({
      name,
      'dist-tags': { latest: version },
      versions: { [version]: release },
      time: { [version]: '2020-01-01T00:00:00Z' },
    }),
  )
  answers.set('/t.tgz', (response) => void response.end(packed))
}

async function attempt(spec: string, options: WorkshopOptions = {}, signal?: AbortSignal) {
  const folder = join(root, 'project')
  const workshop = createWorkshop(atRest.config, atRest.sources, { registry: url, stallMs: STALL_MS, ...options })
  return obtain(parseRequest(spec, folder, folder), workshop, signal ? { signal } : {})
}

/** The attempt fails with `code`, and there is nothing anywhere that was not there before. */
async function refuses(
  code: string,
  message: RegExp,
  spec = 'pryx-plugin-x',
  options?: WorkshopOptions,
): Promise<void> {
  await expect(attempt(spec, options)).rejects.toMatchObject({ code, message: expect.stringMatching(message) })
  expect(left()).toEqual([])
}

function left(): string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

const plugin: TestPlugin = { name: 'pryx-plugin-x' }

test('K10: the good package of the same registry is taken: the refusals below are not for nothing', async () => {
  serve(plugin, pluginTarball(plugin))

  using candidate = await attempt('pryx-plugin-x')

  expect(candidate.entry).toMatchObject({ name: 'pryx-plugin-x', version: '1.0.0', trust: 'unsigned' })
})

describe('K10: a registry that is broken or lies', () => {
  const cases: [string, (response: ServerResponse) => void, string, RegExp][] = [
    ['answers 500', (response) => void response.writeHead(500).end('no'), 'REGISTRY_STATUS', /answered 500/],
    ['answers garbage', (response) => void response.end('<html>'), 'REGISTRY_ANSWER', /not JSON/],
    ['answers JSON of another shape', json([1, 2]), 'REGISTRY_ANSWER', /cannot be used/],
    ['answers about another package', json({ name: 'other', versions: {} }), 'REGISTRY_ANSWER', /"other"/],
    [
      'has no version',
      json({ name: 'pryx-plugin-x', versions: {}, 'dist-tags': {} }),
      'VERSION_UNKNOWN',
      /no version latest/,
    ],
    [
      'has a version that is nothing',
      json({
        name: 'pryx-plugin-x',
        versions: { '1.0.0': 3 },
        'dist-tags': { latest: '1.0.0' },
        time: { '1.0.0': '2020-01-01' },
      }),
      'REGISTRY_ANSWER',
      /cannot be used/,
    ],
    ['says nothing', () => {}, 'REGISTRY_STALLED', /sent nothing for 2\.5 s/],
    ['stops in the middle', (response) => void response.writeHead(200).write('{'), 'REGISTRY_STALLED', /sent nothing/],
    ['hangs up', (response) => void response.destroy(), 'REGISTRY_UNREACHABLE', /cannot be reached/],
  ]
  test.each(cases)('%s', async (_name, answer, code, message) => {
    answers.set('/pryx-plugin-x', answer)
    await refuses(code, message)
  })

  test('knows nothing of it', () => refuses('PACKAGE_UNKNOWN', /has no package/))

  test('is not there', async () => {
    await refuses('REGISTRY_UNREACHABLE', /cannot be reached/, 'pryx-plugin-x', { registry: await closedPort() })
  })

  test('Ctrl-C while it stalls ends it at once', async () => {
    answers.set('/pryx-plugin-x', () => {})
    const stop = new AbortController()
    const failed = expect(attempt('pryx-plugin-x', { stallMs: 60_000 }, stop.signal)).rejects.toThrow('enough')
    setTimeout(() => stop.abort(new Error('enough')), 50)
    await failed
    expect(left()).toEqual([])
  })
})

describe('K10: a tarball that is not what was promised', () => {
  test('swapped for another', async () => {
    serve(plugin, pluginTarball(plugin))
    answers.set('/t.tgz', (response) => void response.end(pluginTarball({ ...plugin, code: 'evil' })))
    await refuses('INTEGRITY_WRONG', /not what the registry promised/)
  })

  test('a checksum too weak to mean anything', async () => {
    const packed = pluginTarball(plugin)
    serve(plugin, packed, { integrity: undefined, shasum: createHash('sha1').update(packed).digest('hex') })
    await refuses('INTEGRITY_MISSING', /without a strong checksum/)
  })

  test('cut off on the way', async () => {
    const packed = pluginTarball(plugin)
    serve(plugin, packed)
    answers.set('/t.tgz', (response) => {
      response.writeHead(200, { 'content-length': packed.length })
      response.write(packed.subarray(0, 100))
      setTimeout(() => response.destroy(), 20)
    })
    await refuses(expect.stringMatching(/^(REGISTRY_(CUT_OFF|UNREACHABLE|ANSWER)|INTEGRITY_WRONG)$/) as never, /./)
  })

  test('larger than any plugin, without end', async () => {
    serve(plugin, pluginTarball(plugin))
    answers.set('/t.tgz', (response) => {
      const chunk = Buffer.alloc(1_048_576)
      const more = () => {
        while (!response.destroyed && response.write(chunk));
        if (!response.destroyed) response.once('drain', more)
      }
      more()
    })
    await refuses('PACKAGE_TOO_LARGE', /sends more than/, 'pryx-plugin-x', { stallMs: 20_000 })
  })

  test('the manifest inside says it is another package', async () => {
    serve(plugin, pluginTarball({ name: 'pryx-plugin-bank' }))
    await refuses('PACKAGE_OTHER', /says it is pryx-plugin-bank/)
  })

  test('the manifest inside says it is another version', async () => {
    serve(plugin, pluginTarball({ ...plugin, version: '6.6.6' }))
    await refuses('PACKAGE_OTHER', /6\.6\.6/)
  })

  const broken: [string, TestEntry[], string, RegExp][] = [
    [
      'is no plugin',
      [{ path: 'package/package.json', content: JSON.stringify({ name: 'pryx-plugin-x', version: '1.0.0' }) }],
      'MANIFEST_INVALID',
      /pryx/,
    ],
    [
      'has no entry',
      [{ path: 'package/package.json', content: JSON.stringify(packageJson(plugin)) }],
      'MANIFEST_ENTRY',
      /plugin\.js/,
    ],
    [
      'has an entry that leads out',
      [
        {
          path: 'package/package.json',
          content: JSON.stringify(packageJson({ ...plugin, pryx: { entry: '../../../../etc/passwd' } })),
        },
      ],
      'MANIFEST_INVALID',
      /pryx\.entry/,
    ],
    ['has no package.json', [{ path: 'package/plugin.js', content: 'x' }], 'PACKAGE_DAMAGED', /package\.json/],
    [
      'has a package.json that is not JSON',
      [{ path: 'package/package.json', content: '{' }],
      'PACKAGE_DAMAGED',
      /package\.json/,
    ],
    [
      'wants a permission that does not exist',
      [
        {
          path: 'package/package.json',
          content: JSON.stringify(packageJson({ ...plugin, pryx: { permissions: ['root:all'] } })),
        },
        { path: 'package/plugin.js', content: '' },
      ],
      'PERMISSION_UNKNOWN',
      /root/,
    ],
    [
      'leads out of its folder',
      [
        { path: 'package/package.json', content: JSON.stringify(packageJson(plugin)) },
        { path: 'package/../../../evil', content: 'x' },
      ],
      'PACKAGE_UNSAFE',
      /leads out/,
    ],
  ]
  test.each(broken)('it %s', async (_name, entries, code, message) => {
    serve(plugin, tarball(entries))
    await refuses(code, message)
  })
})

describe('U5: signatures and provenance', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const keys = {
    keys: [{ keyid: 'k1', key: publicKey.export({ format: 'der', type: 'spki' }).toString('base64'), expires: null }],
  }
  const packed = pluginTarball(plugin)
  const signature = (text: string) => ({
    keyid: 'k1',
    sig: sign('sha256', Buffer.from(text), privateKey).toString('base64'),
  })
  const right = signature(`pryx-plugin-x@1.0.0:${integrityOf(packed)}`)

  test('a registry that signs: the right signature is taken, none and a wrong one are not', async () => {
    answers.set('/-/npm/v1/keys', json(keys))
    serve(plugin, packed, { signatures: [right] })
    using candidate = await attempt('pryx-plugin-x')
    expect(candidate.entry.trust).toBe('signed')
    candidate[Symbol.dispose]()

    serve(plugin, packed)
    await refuses('SIGNATURE_MISSING', /not signed/)
    serve(plugin, packed, { signatures: [signature(`pryx-plugin-x@1.0.1:${integrityOf(packed)}`)] })
    await refuses('SIGNATURE_WRONG', /does not fit/)
    serve(plugin, packed, { signatures: [{ ...right, keyid: 'k2' }] })
    await refuses('SIGNATURE_MISSING', /not signed/)
  })

  const statement = (subject: object) => ({
    dsseEnvelope: {
      payload: Buffer.from(
        JSON.stringify({
          subject: [subject],
          predicate: {
            buildDefinition: { externalParameters: { workflow: { repository: 'https://github.com/ada/x' } } },
          },
        }),
      ).toString('base64'),
    },
  })
  const subject = {
    name: 'pkg:npm/pryx-plugin-x@1.0.0',
    digest: { sha512: createHash('sha512').update(packed).digest('hex') },
  }
  const offer = (bundle: object) => {
    serve(plugin, packed, { attestations: { url: `${url}att` } })
    answers.set('/att', json({ attestations: [{ predicateType: 'https://slsa.dev/provenance/v1', bundle }] }))
  }

  test('provenance that holds is told; one that does not, or is about something else, refuses the package', async () => {
    offer(statement(subject))
    using candidate = await attempt('pryx-plugin-x', { verifyBundle: async () => {} })
    expect(candidate.entry).toMatchObject({ trust: 'provenance', provenance: 'https://github.com/ada/x' })
    candidate[Symbol.dispose]()

    await refuses('PROVENANCE_WRONG', /forged/, 'pryx-plugin-x', {
      verifyBundle: () => Promise.reject(new Error('forged')),
    })
    await refuses('PROVENANCE_WRONG', /./) // sigstore itself finds no signature in it
    offer(statement({ ...subject, name: 'pkg:npm/other@1.0.0' }))
    await refuses('PROVENANCE_WRONG', /about pkg:npm\/other/, 'pryx-plugin-x', { verifyBundle: async () => {} })
    offer(statement({ ...subject, digest: { sha512: '00' } }))
    await refuses('PROVENANCE_WRONG', /another tarball/, 'pryx-plugin-x', { verifyBundle: async () => {} })
  })
})

test('K10: a policy names the rule by which it refuses; one that cannot be read refuses everything', async () => {
  const file = join(tmpdir(), `pryx-policy-${process.pid}.json`)
  const { openPolicy } = await import('../packages/pryx/src/policy/policy.ts')
  const subjectOf = (more: object) => ({
    origin: 'https://registry.npmjs.org/',
    name: 'pryx-plugin-x',
    version: '1.2.0',
    trust: 'signed' as const,
    permissions: ['net:api.example.com', 'storage'],
    ...more,
  })
  const { covers } = atRest.kernel.permissions
  const verdict = (rules: object, more: object = {}) => {
    writeFileSync(file, JSON.stringify({ version: 1, ...rules }))
    return () => openPolicy([file]).check(subjectOf(more), covers)
  }
  const refused = (rule: string) =>
    expect.objectContaining({ code: 'POLICY_REFUSED', message: expect.stringContaining(`by its rule ${rule}`) })
  try {
    expect(verdict({})).not.toThrow()
    expect(
      verdict({
        names: { allow: ['pryx-plugin-*'] },
        sources: { allow: ['https://registry.npmjs.org/'] },
        trust: 'signed',
      }),
    ).not.toThrow()
    expect(verdict({ sources: { allow: ['https://npm.acme.example/'] } })).toThrow(refused('sources.allow'))
    expect(verdict({ names: { deny: ['other', 'pryx-plugin-x@<2'] } })).toThrow(
      refused('names.deny[1] ("pryx-plugin-x@<2")'),
    )
    expect(verdict({ names: { deny: ['pryx-plugin-x@>=2'] } })).not.toThrow()
    expect(verdict({ trust: 'provenance' })).toThrow(refused('trust "provenance"'))
    expect(verdict({ permissions: { deny: ['shell:*', 'net:api.example.com'] } })).toThrow(
      refused('permissions.deny[1]'),
    )
    expect(verdict({ permissions: { deny: ['net:api.example.com'] } }, { permissions: ['net:*.example.com'] })).toThrow(
      refused('permissions.deny[0]'),
    )
    expect(verdict({ permissions: { allow: ['storage', 'net:*'] } })).not.toThrow()
    expect(verdict({ permissions: { allow: ['storage'] } })).toThrow(refused('permissions.allow'))
    expect(verdict({ nmaes: {} })).toThrow(expect.objectContaining({ code: 'POLICY_INVALID' }))
    expect(openPolicyMinimum(file, openPolicy)).toBe(7)
  } finally {
    rmSync(file, { force: true })
  }
})

async function closedPort(): Promise<string> {
  const other = createServer()
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  const { port } = other.address() as AddressInfo
  await new Promise((resolve) => other.close(resolve))
  return `http://127.0.0.1:${port}/`
}

/** A choice tightens a policy and never loosens it. */
function openPolicyMinimum(
  file: string,
  openPolicy: (files: string[]) => { minAgeDays(chosen?: number): number },
): number {
  writeFileSync(file, JSON.stringify({ version: 1, minimumReleaseAgeDays: 7 }))
  return openPolicy([file]).minAgeDays(0)
}
