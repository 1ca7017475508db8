// packages/kernel/src/kernel-testing.ts: a real kernel on a temporary folder, and plugins written as strings.
import { mkdtempSync, rmSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createKernel, type KernelOptions, type NodeKernel } from './node/create-kernel.ts'

export interface TestKernel extends AsyncDisposable {
  kernel: NodeKernel
  folder: string
  /** Writes a plugin package and answers its folder. */
  write(name: string, code: string, manifest?: Record<string, unknown>): Promise<string>
  /** Writes and installs. */
  add(name: string, code: string, manifest?: Record<string, unknown>): Promise<string>
  /** Resolves with the payload of the next event `name` that `match` takes. */
  next(name: string, match?: (payload: never) => boolean): Promise<unknown>
}

export async function createTestKernel(options: KernelOptions = {}): Promise<TestKernel> {
  const folder = mkdtempSync(join(tmpdir(), 'pryx-kernel-'))
  const kernel = await createKernel({
    data: join(folder, 'data'),
    workspace: folder,
    consent: 'declared',
    standby: 'never',
    ...options,
  })
  const write = async (name: string, code: string, manifest: Record<string, unknown> = {}): Promise<string> => {
    const path = join(folder, 'plugins', name)
    const pryx = { engine: '^1.0.0', entry: 'plugin.js', ...manifest }
    await mkdir(dirname(join(path, 'plugin.js')), { recursive: true })
    await writeFile(join(path, 'plugin.js'), code)
    await writeFile(join(path, 'package.json'), JSON.stringify({ name: `pryx-plugin-${name}`, version: '1.0.0', pryx }))
    return path
  }
  return {
    kernel,
    folder,
    write,
    add: async (name, code, manifest) => kernel.installFolder(await write(name, code, manifest)),
    next(name, match = () => true) {
      return new Promise((resolve) => {
        const release = kernel.on(name, (payload) => {
          if (!match(payload as never)) return
          void release()
          resolve(payload)
        })
      })
    },
    async [Symbol.asyncDispose]() {
      await kernel.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
