// test/install-testing.ts: the built command against a registry, in a project, a home and a store of their own.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const BIN = fileURLToPath(new URL('../packages/pryx/dist/bin.js', import.meta.url))
const UP_MS = 120_000 // on a busy machine; a host that cannot start says so at once
const RUN_MS = 120_000

export interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

export interface InstallProject extends AsyncDisposable {
  /** Holds `project`, `home` and `store`; nothing else may appear in it. */
  readonly root: string
  readonly folder: string
  readonly store: string
  readonly env: NodeJS.ProcessEnv
  run(...args: string[]): Promise<Ended>
  /** As `run` with `--json`; the last JSON document it printed. */
  json(...args: string[]): Promise<{ code: number | null; value: ReturnType<typeof JSON.parse> }>
  up(...args: string[]): Promise<{ child: ChildProcess; stderr(): string; end(): Promise<void> }>
  write(path: string, content: string | Uint8Array | object): string
  read(path: string): string
  /** Every file below `root` but those of a host that ran, with its content. */
  picture(): Record<string, string>
}

/** @param registry URL every command is told of. */
export function createInstallProject(registry?: string): InstallProject {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'pryx-install-')))
  const folder = join(root, 'project')
  const home = join(root, 'home')
  const store = join(root, 'store')
  for (const one of [folder, home]) mkdirSync(one)
  const env = {
    PATH: process.env.PATH,
    HOME: home,
    NO_COLOR: '1',
    PRYX_STORE: store,
    ...(registry && { PRYX_REGISTRY: registry }),
  }
  const hosts: ChildProcess[] = []
  const project: InstallProject = {
    root,
    folder,
    store,
    env,
    run: (...args) =>
      new Promise((resolve) => {
        execFile(process.execPath, [BIN, ...args], { cwd: folder, env, timeout: RUN_MS }, (error, stdout, stderr) =>
          resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : null, stdout, stderr }),
        ).stdin?.end()
      }),
    async json(...args) {
      const { code, stdout, stderr } = await project.run(...args, '--json')
      try {
        return { code, value: JSON.parse(stdout) }
      } catch {
        throw new Error(`${args.join(' ')} did not answer in JSON: ${stdout}${stderr}`)
      }
    },
    up: (...args) => start(args),
    write(path, content) {
      const file = join(folder, path)
      mkdirSync(join(file, '..'), { recursive: true })
      writeFileSync(
        file,
        typeof content === 'string' || content instanceof Uint8Array ? content : JSON.stringify(content, null, 2),
      )
      return file
    },
    read: (path) => readFileSync(join(folder, path), 'utf8'),
    picture: () => pictureOf(root),
    async [Symbol.asyncDispose]() {
      for (const child of hosts) await end(child, 'SIGKILL')
      rmSync(root, { recursive: true, force: true, maxRetries: 5 })
    },
  }
  return project

  function start(args: string[]) {
    const child = spawn(process.execPath, [BIN, 'up', '--trust', ...args], {
      cwd: folder,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    hosts.push(child)
    let out = ''
    let err = ''
    return new Promise<{ child: ChildProcess; stderr(): string; end(): Promise<void> }>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`not up in time: ${out}${err}`)), UP_MS)
      child.stderr?.on('data', (chunk) => (err += chunk))
      child.once('exit', (code) => reject(new Error(`ended with ${code}: ${out}${err}`)))
      child.stdout?.on('data', (chunk) => {
        out += chunk
        if (!out.includes('http://')) return
        clearTimeout(late)
        child.removeAllListeners('exit')
        resolve({ child, stderr: () => err, end: () => end(child, 'SIGINT') })
      })
    })
  }
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const closed = new Promise((resolve) => child.once('close', resolve))
  child.kill(signal)
  await closed
}

/** Logs, locks and caches of hosts are no part of what an install may or may not leave. */
const NOISE = /\/\.pryx\/(audit|cache|host\.|control\.sock)|\/home\/\.cache\/|\/store\/roots\//

function pictureOf(root: string): Record<string, string> {
  if (!existsSync(root)) return {}
  return Object.fromEntries(
    readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() || entry.isSymbolicLink())
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((file) => !NOISE.test(file))
      .sort()
      .map((file) => [file.slice(root.length + 1), readFileSync(file, 'base64')]),
  )
}
