// packages/create-pryx-plugin/src/scaffold-testing.ts: the built command, and plugins it made, with this repository's packages as what they installed.
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../../..')
export const BIN = join(root, 'packages/create-pryx-plugin/dist/bin.js')
const RUN_MS = 300_000 // a compiler or a test runner of its own, on a busy machine

export interface Ended {
  code: number
  stdout: string
  stderr: string
}

export interface Desk extends Disposable {
  readonly folder: string
  path(...parts: string[]): string
  /** `create-pryx-plugin …` in the folder. */
  create(...args: string[]): Promise<Ended>
  /** Runs a tool of this repository in a folder below. */
  tool(name: 'tsc' | 'vitest' | 'pryx', cwd: string, ...args: string[]): Promise<Ended>
}

export function openDesk(): Desk {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'pryx-create-')))
  linkModules(folder)
  const tools = {
    tsc: join(root, 'node_modules/typescript/bin/tsc'),
    vitest: join(root, 'node_modules/vitest/vitest.mjs'),
    pryx: join(root, 'packages/pryx/dist/bin.js'),
  }
  return {
    folder,
    path: (...parts) => join(folder, ...parts),
    create: (...args) => run(folder, [BIN, ...args]),
    tool: (name, cwd, ...args) => run(join(folder, cwd), [tools[name], ...args]),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }),
  }
}

function run(cwd: string, args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const env = { PATH: process.env.PATH, HOME: cwd, NO_COLOR: '1' }
    execFile(process.execPath, args, { cwd, env, timeout: RUN_MS }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr }),
    ).stdin?.end()
  })
}

function linkModules(folder: string): void {
  const modules = join(folder, 'node_modules')
  mkdirSync(join(modules, '@pryx'), { recursive: true })
  for (const name of ['kernel', 'sdk'])
    symlinkSync(join(root, 'packages', name), join(modules, '@pryx', name), 'junction')
  symlinkSync(join(root, 'node_modules/vitest'), join(modules, 'vitest'), 'junction')
}
