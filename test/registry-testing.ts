// test/registry-testing.ts: a real npm registry (verdaccio) on a free loopback port, for tests of installing and publishing.
//   T1  It has no uplink, unless one is named: what was not published here is not found, and nothing leaves the machine.
//   T2  Storage lies in a temporary folder of its own and goes with the registry.
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runServer } from 'verdaccio'

const USER = 'author'
const PASSWORD = 'a password for tests'

export interface TestRegistry extends AsyncDisposable {
  /** With a slash at the end. */
  readonly url: string
  /** Of a user who may publish. */
  readonly token: string
  /** Writes an .npmrc that points npm (and `pryx publish`) to this registry, with the token; answers its path. */
  npmrc(folder: string): string
  /**
   * Publishes a tarball as `npm publish` would.
   *
   * @param packageJson The manifest the registry shows; by rights the one inside the tarball.
   * @param options.tag Default `latest`.
   * @param options.dist Goes over what the registry shows of the tarball: a wrong `integrity`, for example.
   */
  publish(
    packageJson: { name: string; version: string; [key: string]: unknown },
    tarball: Uint8Array,
    options?: { tag?: string; dist?: Record<string, unknown> },
  ): Promise<void>
  /** Marks a version deprecated, as `npm deprecate` would. */
  deprecate(name: string, version: string, message: string): Promise<void>
  /** The whole document of a package, as the registry shows it. @throws if it is not there */
  packument(name: string): Promise<Record<string, unknown>>
}

/**
 * Starts a registry of its own; takes about a second.
 *
 * @param options.uplink Asked for what was not published here, but for the names that `own` begins; for tests that install what npm has.
 */
export async function openTestRegistry(options: { uplink?: string; own?: string[] } = {}): Promise<TestRegistry> {
  const storage = mkdtempSync(join(tmpdir(), 'pryx-registry-'))
  const server = (await runServer(configOf(storage, options) as never)) as Server
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const token = await addUser(url)
  return {
    url,
    token,
    npmrc(folder) {
      const file = join(folder, '.npmrc')
      writeFileSync(file, `registry=${url}\n${url.replace(/^http:/, '')}:_authToken=${token}\n`, { mode: 0o600 })
      return file
    },
    async publish(packageJson, tarball, options = {}) {
      await send(`${url}${encodeURIComponent(packageJson.name)}`, token, documentOf(url, packageJson, tarball, options))
    },
    async deprecate(name, version, message) {
      const document = (await packument(name)) as { versions: Record<string, { deprecated?: string }> }
      document.versions[version]!.deprecated = message
      await send(`${url}${encodeURIComponent(name)}`, token, document)
    },
    packument,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
      rmSync(storage, { recursive: true, force: true }) // T2
    },
  }

  async function packument(name: string): Promise<Record<string, unknown>> {
    const answer = await fetch(`${url}${encodeURIComponent(name)}`)
    if (!answer.ok) throw new Error(`the registry has no ${name}: ${answer.status}`)
    return (await answer.json()) as Record<string, unknown>
  }
}

function configOf(storage: string, { uplink, own = [] }: { uplink?: string; own?: string[] }): Record<string, unknown> {
  const rules = { access: '$all', publish: '$authenticated', unpublish: '$authenticated' }
  return {
    self_path: storage,
    storage: join(storage, 'packages'),
    auth: { htpasswd: { file: join(storage, 'htpasswd'), max_users: 10 } },
    uplinks: uplink === undefined ? {} : { npm: { url: uplink } }, // T1
    packages: {
      ...Object.fromEntries(own.map((name) => [name, rules])),
      '**': { ...rules, ...(uplink !== undefined && { proxy: 'npm' }) },
    },
    middlewares: {},
    web: { enable: false },
    max_body_size: '256mb',
    log: { type: 'stdout', format: 'pretty', level: 'fatal' },
  }
}

async function addUser(url: string): Promise<string> {
  const body = { name: USER, password: PASSWORD, type: 'user', roles: [], date: new Date().toISOString() }
  const answer = await send(`${url}-/user/org.couchdb.user:${USER}`, undefined, body)
  return (answer as { token: string }).token
}

async function send(url: string, token: string | undefined, body: unknown): Promise<unknown> {
  const answer = await fetch(url, {
    method: 'PUT',
    headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify(body),
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`PUT ${url} was answered ${answer.status}: ${text.slice(0, 300)}`)
  return JSON.parse(text)
}

function documentOf(
  url: string,
  packageJson: { name: string; version: string },
  tarball: Uint8Array,
  { tag = 'latest', dist = {} }: { tag?: string; dist?: Record<string, unknown> },
): unknown {
  const { name, version } = packageJson
  const file = `${name}-${version}.tgz`
  const digest = (algorithm: string, encoding: 'hex' | 'base64') =>
    createHash(algorithm).update(tarball).digest(encoding)
  return {
    _id: name,
    name,
    'dist-tags': { [tag]: version },
    versions: {
      [version]: {
        ...packageJson,
        _id: `${name}@${version}`,
        dist: {
          integrity: `sha512-${digest('sha512', 'base64')}`,
          shasum: digest('sha1', 'hex'),
          tarball: `${url}${name}/-/${file.replace(/^@[^/]+\//, '')}`,
          ...dist,
        },
      },
    },
    _attachments: {
      [file]: {
        content_type: 'application/octet-stream',
        data: Buffer.from(tarball).toString('base64'),
        length: tarball.length,
      },
    },
  }
}
