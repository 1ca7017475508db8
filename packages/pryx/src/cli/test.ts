// packages/pryx/src/cli/test.ts: `pryx test`: the plugin's own tests, by the vitest it has installed.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { UsageError } from '@pryx/kernel/contract'
import { EXIT } from './exit.ts'
import type { Output } from './output.ts'

export async function runTests(
  output: Output,
  options: { watch?: boolean },
  folder: string,
  filters: string[],
): Promise<void> {
  const cwd = resolve(folder)
  const runner = findVitest(cwd)
  const args = [runner, options.watch ? 'watch' : 'run', ...(output.json ? ['--reporter=json'] : []), ...filters]
  const child = spawn(process.execPath, args, { cwd, stdio: 'inherit' })
  process.once('SIGINT', () => {}) // the terminal has told the runner too; it ends, and so do we
  const code = await new Promise<number | null>((done, failed) => child.once('error', failed).once('exit', done))
  process.exitCode = code ?? EXIT.interrupted
}

function findVitest(folder: string): string {
  try {
    return join(dirname(createRequire(join(folder, 'package.json')).resolve('vitest/package.json')), 'vitest.mjs')
  } catch (cause) {
    throw new UsageError('USAGE_TEST', `${folder} has no vitest to run its tests with`, {
      cause,
      hint: existsSync(join(folder, 'package.json'))
        ? 'npm install --save-dev vitest @pryx/sdk'
        : 'Go to the folder of a plugin.',
    })
  }
}
