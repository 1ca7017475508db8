// packages/kernel/src/node/spawn-sandbox.ts: the child process of a sandbox: what it is started with, and what its last words mean.
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { SandboxError } from '../contract/index.ts'
import { builtFile } from './built.ts'

const SETPRIV = '/usr/bin/setpriv'
/** Nothing of the host's, and one heap arena for all threads: the C library would keep one each. */
const CHILD_ENV = { MALLOC_ARENA_MAX: '1' }
/**
 * How far the young generation of a busy isolate may grow. V8 would keep it at 1 MB, by the size of the heap, and a plugin that passes many
 * messages spends a third of its time collecting. An idle one stays at 1 MB.
 */
const YOUNG_MB = 4

/** Its pipe is `stdio[3]`; the black box is its descriptor 4. No files, no children, no environment (sandbox-process.ts, N1). */
export function spawnChild(blackBox: number, execArgv: readonly string[]): ChildProcess {
  const entry = builtFile('sandbox-child.mjs')
  const native = nativePath(entry)
  const readable = [dirname(entry), native].map((path) => `--allow-fs-read=${path}`)
  const heap = `--max-semi-space-size=${YOUNG_MB}`
  const args = ['--permission', '--no-warnings', '--allow-addons', heap, ...readable, ...execArgv, entry, native]
  const [command, prefix] = existsSync(SETPRIV)
    ? [SETPRIV, ['--pdeathsig', 'KILL', process.execPath]]
    : [process.execPath, []]
  return spawn(command, [...prefix, ...args], {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe', blackBox],
    env: CHILD_ENV,
    cwd: dirname(entry),
  })
}

/** isolated-vm is a dependency of the package the child lies in. */
function nativePath(entry: string): string {
  const require = createRequire(entry)
  const folder = dirname(require.resolve('isolated-vm/package.json'))
  const find = createRequire(join(folder, 'package.json'))('node-gyp-build') as { path(folder: string): string }
  try {
    return find.path(folder)
  } catch (cause) {
    throw new SandboxError(
      'SANDBOX_PLATFORM',
      `no isolated-vm binary fits ${process.platform}-${process.arch} with Node ${process.version}`,
      {
        cause,
        hint: 'Use Node 24 or 26 on Linux, macOS (arm64) or Windows (x64).',
      },
    )
  }
}

/** Keeps the end of what it says on stderr. */
export function keepLast(words: string[], text: string): void {
  words.push(text.slice(-2_000))
  if (words.length > 8) words.shift()
}

/** The line of its last words that says why it ended, if there is one. */
export function hintOf(words: string[]): string {
  const line = /(FATAL ERROR[^\n]*|heap out of memory[^\n]*|ERR_[A-Z_]+[^\n]*|Check failed[^\n]*)/.exec(
    words.join(''),
  )?.[0]
  return line ? ` (${line.slice(0, 160)})` : ''
}
