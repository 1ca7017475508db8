// packages/pryx/src/cli/bin-testing.ts: the built command as a real process, on a project in a temporary folder with plugins written as strings.
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const BIN = fileURLToPath(new URL('../../dist/bin.js', import.meta.url))
const UP_MS = 15_000 // on a busy machine

export interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

export interface Running {
  readonly child: ChildProcess
  readonly url: string
  /** Opens the pages once. */
  readonly link: string
  readonly stdout: () => string
  readonly stderr: () => string
  /** Ids of its child processes, and theirs. */
  children(): number[]
  /** Sends a signal and waits for the end. */
  end(signal?: NodeJS.Signals): Promise<Ended & { tookMs: number }>
}

export interface Project extends AsyncDisposable {
  readonly folder: string
  path(...parts: string[]): string
  write(path: string, content: string | object): void
  /** Writes a plugin package below `plugins/`. */
  plugin(name: string, code?: string, manifest?: object): void
  /** Runs a command to its end. */
  run(...args: string[]): Promise<Ended>
  /** As `run`, with `input` piped in. */
  pipe(input: string, ...args: string[]): Promise<Ended>
  /** As `run`, while it is still running: what it has said so far, and its end. */
  begin(...args: string[]): { stderr(): string; ended: Promise<Ended> }
  /** As `run`, with `--json`: what it printed, parsed. */
  json(...args: string[]): Promise<{ code: number | null; value: never }>
  /** `pryx up`, until it says it is up. */
  up(...args: string[]): Promise<Running>
  /** As `up`, for `pryx dev`. */
  dev(...args: string[]): Promise<Running>
}

/** @param plugins Ids of plugins named in its pryx.json; `write` another to say more. */
export function createProject(plugins: readonly string[] = []): Project {
  const folder = mkdtempSync(join(tmpdir(), 'pryx-cli-'))
  const hosts: ChildProcess[] = []
  const env = { PATH: process.env.PATH, HOME: folder, NO_COLOR: '1' }
  const project: Project = {
    folder,
    path: (...parts) => join(folder, ...parts),
    write(path, content) {
      const file = join(folder, path)
      mkdirSync(join(file, '..'), { recursive: true })
      writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content, null, 2))
    },
    plugin(name, code = 'export default { activate() {} }', manifest = {}) {
      const pryx = { engine: '*', entry: 'plugin.js', ...manifest }
      project.write(`plugins/${name}/package.json`, {
        name: `pryx-plugin-${name}`,
        version: '1.0.0',
        description: `The ${name}.`,
        pryx,
      })
      project.write(`plugins/${name}/plugin.js`, code)
    },
    run: (...args) => project.pipe('', ...args),
    pipe: (input, ...args) =>
      new Promise((resolve) => {
        execFile(process.execPath, [BIN, ...args], { cwd: folder, env, timeout: 20_000 }, (error, stdout, stderr) =>
          resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : null, stdout, stderr }),
        ).stdin?.end(input)
      }),
    begin(...args) {
      let stderr = ''
      const ended = Promise.withResolvers<Ended>()
      const child = execFile(process.execPath, [BIN, ...args], { cwd: folder, env, timeout: 60_000 }, (_e, stdout) =>
        ended.resolve({ code: child.exitCode, stdout, stderr }),
      )
      child.stderr?.on('data', (chunk) => (stderr += chunk))
      return { stderr: () => stderr, ended: ended.promise }
    },
    async json(...args) {
      const { code, stdout } = await project.run(...args, '--json')
      return { code, value: JSON.parse(stdout) as never }
    },
    up: (...args) => start('up', ...args),
    dev: (...args) => start('dev', ...args),
    async [Symbol.asyncDispose]() {
      for (const child of hosts) if (child.exitCode === null && child.signalCode === null) await ended(child, 'SIGKILL')
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
  project.write('.config/pryx/trusted.json', { version: 1, folders: { [realpathSync(folder)]: { at: 0 } } })
  project.write('pryx.json', { plugins: Object.fromEntries(plugins.map((id) => [id, { source: `./plugins/${id}` }])) })
  for (const id of plugins) project.plugin(id)
  return project

  function start(...args: string[]): Promise<Running> {
    const child = spawn(process.execPath, [BIN, ...args], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] })
    hosts.push(child)
    return whenUp(child)
  }
}

function whenUp(child: ChildProcess): Promise<Running> {
  let stdout = ''
  let stderr = ''
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`not up in time: ${stdout}${stderr}`)), UP_MS)
    child.once('exit', (code) => reject(new Error(`ended with ${code}: ${stdout}${stderr}`)))
    child.stderr?.on('data', (chunk) => (stderr += chunk))
    child.stdout?.on('data', (chunk) => {
      stdout += chunk
      const [link, url] = /(http:\/\/[\d.]+:\d+)\/login\/[\w-]+/.exec(stdout) ?? []
      if (link === undefined || url === undefined) return
      clearTimeout(late)
      child.removeAllListeners('exit')
      resolve({
        child,
        url,
        link,
        stdout: () => stdout,
        stderr: () => stderr,
        children: () => childrenOf(child.pid!),
        end,
      })
    })
  })

  async function end(signal: NodeJS.Signals = 'SIGINT') {
    const startedAt = performance.now()
    const code = await ended(child, signal)
    return { code, stdout, stderr, tookMs: performance.now() - startedAt }
  }
}

function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  return new Promise((resolve) => {
    child.once('close', (code) => resolve(code))
    child.kill(signal)
  })
}

function childrenOf(pid: number): number[] {
  const rows = execFileSync('ps', ['-eo', 'pid=,ppid='], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((row) => row.trim().split(/\s+/).map(Number))
  const direct = rows.filter(([, parent]) => parent === pid).map(([id]) => id!)
  return [
    ...direct,
    ...direct.flatMap((id) => rows.filter(([, parent]) => parent === id).map(([grandchild]) => grandchild!)),
  ]
}

/** False for a process that has ended, though nobody may have collected it yet. */
export function isAlive(pid: number): boolean {
  try {
    return !execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).startsWith('Z')
  } catch {
    return false
  }
}
