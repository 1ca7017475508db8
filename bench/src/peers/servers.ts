// bench/src/peers/servers.ts: Redis and Postgres for the length of a bench: own data folder, free loopback port, ended with the bench.
//   V1  A server of ours never touches one of the machine's: its own folder, its own port, no configuration file read.
//   V2  It is asked to end politely; past END_MS it is killed. Its folder goes with it.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const START_MS = 15_000
const END_MS = 5_000
const POSTGRES_HOME = '/usr/lib/postgresql'

export interface Server extends AsyncDisposable {
  readonly port: number
}

/** What Debian calls the packages the peers need. */
export const PEER_PACKAGES = ['redis-server', 'postgresql'] as const

/** Installs the servers with apt-get. Needs root. */
export function installServers(): void {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  execFileSync('apt-get', ['update', '--quiet'], { stdio: ['ignore', 2, 2], env })
  execFileSync('apt-get', ['install', '--yes', '--no-install-recommends', ...PEER_PACKAGES], {
    stdio: ['ignore', 2, 2],
    env,
  })
}

/** @param fsync As Redis means `appendfsync`. Undefined: there is no Redis on this machine. */
export async function startRedis(fsync: 'always' | 'everysec'): Promise<Server | undefined> {
  const binary = ['/usr/bin/redis-server', '/usr/local/bin/redis-server'].find((file) => existsSync(file))
  if (binary === undefined) return undefined
  const folder = mkdtempSync(join(tmpdir(), 'pryx-bench-redis-'))
  const port = await freePort()
  const options = {
    ...{ bind: '127.0.0.1', port: String(port), dir: folder, save: '', appendonly: 'yes', appendfsync: fsync },
    'maxmemory-policy': 'noeviction',
  }
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value])
  return running(spawn(binary, args, { stdio: 'ignore' }), port, folder, 'SIGTERM')
}

/** Postgres with its defaults: fsync and synchronous_commit are on. Undefined: there is none on this machine. */
export async function startPostgres(): Promise<Server | undefined> {
  const newest = existsSync(POSTGRES_HOME)
    ? readdirSync(POSTGRES_HOME)
        .sort((a, b) => Number(a) - Number(b))
        .at(-1)
    : ''
  const binaries = join(POSTGRES_HOME, newest ?? '', 'bin')
  if (!existsSync(join(binaries, 'initdb'))) return undefined
  const folder = mkdtempSync(join(tmpdir(), 'pryx-bench-postgres-'))
  const user = unprivileged()
  if (user.uid !== undefined) chownSync(folder, user.uid, user.gid as number)
  const data = join(folder, 'data')
  execFileSync(join(binaries, 'initdb'), ['-D', data, '-U', 'bench', '-A', 'trust', '--no-sync'], {
    stdio: 'ignore',
    cwd: folder,
    ...user,
  })
  const port = await freePort()
  const settings = ['-c', 'listen_addresses=127.0.0.1', '-c', 'max_connections=100', '-c', 'unix_socket_directories=']
  const child = spawn(join(binaries, 'postgres'), ['-D', data, '-p', String(port), ...settings], {
    stdio: 'ignore',
    cwd: folder,
    ...user,
  })
  return running(child, port, folder, 'SIGINT') // a fast end: connections are cut
}

/** Postgres refuses to run as root; Debian makes a user for it. */
function unprivileged(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {}
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
  return { uid: id('-u'), gid: id('-g') }
}

async function running(child: ChildProcess, port: number, folder: string, polite: NodeJS.Signals): Promise<Server> {
  const exit = once(child, 'exit')
  const orphan = () => child.kill('SIGKILL') // a bench that gives up leaves nothing behind
  process.once('exit', orphan)
  const server: Server = {
    port,
    async [Symbol.asyncDispose]() {
      process.off('exit', orphan)
      child.kill(polite)
      const late = setTimeout(() => child.kill('SIGKILL'), END_MS) // V2
      await exit
      clearTimeout(late)
      rmSync(folder, { recursive: true, force: true })
    },
  }
  const deadline = Date.now() + START_MS
  while (!(await answers(port))) {
    if (Date.now() < deadline && child.exitCode === null) continue
    await server[Symbol.asyncDispose]()
    throw new Error(`${child.spawnfile} did not come up`)
  }
  return server
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    await new Promise((resolve) => setTimeout(resolve, 50))
    return false
  } finally {
    socket.destroy()
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}
